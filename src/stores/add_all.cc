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
  registry.add_store("cdrom", {{"path", false, "the image in the drive, for example /srv/iso/debian-12.iso"}},
                     open_cdrom);
}

}  // namespace ashlar::stores
