#include "stores/stores.h"

namespace ashlar::stores {

void add_all(block::Registry& registry) {
  registry.add_store("null", {}, open_null);
  registry.add_store("memory", {}, open_memory);
  registry.add_store("file",
                     {{"path", true, "the file's path, for example /var/lib/ashlar/volume1.img"},
                      {"create", false, "false: a file that is missing or empty is an error"}},
                     open_file);
  registry.add_store(
      "block", {{"path", true, "the device's path, for example /dev/disk/by-id/wwn-0x5000c500a1b2c3d4"}},
      open_block);
  registry.add_store(
      "scsi",
      {{"path", true, "the device's generic node, for example /dev/sg3 or /dev/bsg/2:0:0:0"},
       {"allow", false, "what hosts may do beyond the ordinary: firmware,format,diagnostics,ata"},
       {"timeout_seconds", false, "how long an ordinary command may take, 1 to 86400"}},
      open_scsi);
  registry.add_store("cdrom", {{"path", false, "the image in the drive, for example /srv/iso/debian-12.iso"}},
                     open_cdrom);
}

}  // namespace ashlar::stores
