#include "loop/generic_node.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/bsg.h>
#include <linux/fs.h>
#include <scsi/sg.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace ashlar::loop {
namespace {

// What <linux/bsg.h> and the kernel's headers for programs leave out or have under other names.
constexpr unsigned sg_reset_device = 1;           // SG_SCSI_RESET_DEVICE
constexpr unsigned sg_reset_no_escalate = 0x100;  // SG_SCSI_RESET_NO_ESCALATE
constexpr unsigned sg_major = 21;                 // SCSI_GENERIC_MAJOR
constexpr uint32_t bsg_max_transfer_bytes = 512u << 10;
constexpr uint32_t least_transfer_bytes = 4096;
constexpr uint32_t most_transfer_bytes = 8u << 20;

std::string sysfs_of(const struct stat& there) {
  return fmt::format("/sys/dev/{}/{}:{}", S_ISBLK(there.st_mode) ? "block" : "char",
                     gnu_dev_major(there.st_rdev), gnu_dev_minor(there.st_rdev));
}

// The name of the kernel's class for a character device: "scsi_generic", "bsg", "scsi_tape"; empty: it is not told.
std::string class_of(const struct stat& there) {
  char* const real = ::realpath((sysfs_of(there) + "/subsystem").c_str(), nullptr);
  const std::string path = real != nullptr ? real : "";
  std::free(real);
  return path.substr(path.rfind('/') + 1);
}

// The generic node beside another node of the same device, such as that of a tape driver; empty: there is none.
std::string generic_beside(const struct stat& there) {
  std::string name;
  DIR* const folder = ::opendir((sysfs_of(there) + "/device/scsi_generic").c_str());
  if (folder == nullptr) return name;
  while (const dirent* const entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') name = entry->d_name;
  }
  ::closedir(folder);
  return name.empty() ? name : "/dev/" + name;
}

struct Node {
  std::string path;  // of the node to open
  bool bsg = false;
};

Result<Node> find_node(const std::string& path) {
  struct stat there{};
  if (::stat(path.c_str(), &there) != 0)
    return std::unexpected(error_of_errno(errno, path, "cannot look at it"));
  if (!S_ISBLK(there.st_mode) && !S_ISCHR(there.st_mode))
    return fail(ErrorCode::invalid_argument, path, "is no device");
  const std::string kind = S_ISCHR(there.st_mode) ? class_of(there) : "";
  if (kind == "bsg") return Node{path, true};
  const bool known_by_number = S_ISCHR(there.st_mode) && gnu_dev_major(there.st_rdev) == sg_major;
  if (kind == "scsi_generic" || known_by_number) return Node{path, false};
  // Tapes and disks have stable names (/dev/tape/by-id), generic nodes have not.
  std::string generic = generic_beside(there);
  if (!generic.empty()) return Node{std::move(generic), false};
  return fail(
      ErrorCode::invalid_argument, path,
      "is no SCSI device with a generic node: name its /dev/sg* or /dev/bsg/* (see lsscsi -g), and load the kernel "
      "module sg");
}

uint32_t milliseconds_of(Nanoseconds span) {
  const int64_t count = std::chrono::ceil<milliseconds>(span).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(count, 1, INT_MAX));
}

class PlainOperation final : public ScsiOperation {
 public:
  void run() override {}
};

}  // namespace

// DID_OK 0, NO_CONNECT 1, BUS_BUSY 2, TIME_OUT 3, BAD_TARGET 4, ABORT 5, RESET 8, SOFT_ERROR b, IMM_RETRY c, REQUEUE d,
// TRANSPORT_DISRUPTED e, TRANSPORT_FAILFAST f, TARGET_FAILURE 10, NEXUS_FAILURE 11, ALLOC_FAILURE 12, MEDIUM_ERROR 13,
// TRANSPORT_MARGINAL 14. What has a status of the device beside it (10h, 11h, 13h) is answered. Of the driver's only TIMEOUT (6)
// says something that the others do not.
ScsiDelivery delivery_of(uint32_t host_status, uint32_t driver_status) {
  switch (host_status) {
    case 0x00:
    case 0x10:
    case 0x11:
    case 0x13: break;
    case 0x02:
    case 0x0c:
    case 0x0d: return ScsiDelivery::try_later;
    case 0x01:
    case 0x04:
    case 0x0e:
    case 0x0f:
    case 0x14: return ScsiDelivery::no_device;
    case 0x03: return ScsiDelivery::timed_out;
    case 0x05:
    case 0x08: return ScsiDelivery::reset;
    default: return ScsiDelivery::failed;
  }
  constexpr uint32_t driver_timeout = 6;
  return (driver_status & 0x0f) == driver_timeout ? ScsiDelivery::timed_out : ScsiDelivery::answered;
}

Result<std::unique_ptr<GenericNode>> GenericNode::open(const std::string& path) {
  TRY_ASSIGN(const Node found, find_node(path));
  const int descriptor = ::open(found.path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return std::unexpected(error_of_errno(errno, found.path, "cannot open"));
  std::unique_ptr<GenericNode> node(new GenericNode(descriptor, found.bsg));
  node->traits_.path = path;
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorCode::busy, path, "another program has it locked: is it served by another engine?");
  TRY(node->look());
  return node;
}

GenericNode::~GenericNode() { ::close(descriptor_); }

// INQUIRY tells what it is, and that commands get through at all.
Result<void> GenericNode::look() {
  std::array<uint8_t, 96> data{};
  const iovec part{data.data(), data.size()};
  PlainOperation inquiry;
  inquiry.cdb = {0x12, 0, 0, 0, static_cast<uint8_t>(data.size()), 0};
  inquiry.cdb_length = 6;
  inquiry.direction = ScsiDirection::from_device;
  inquiry.parts = {&part, 1};
  inquiry.length = data.size();
  inquiry.timeout = seconds(20);
  execute(inquiry);
  if (inquiry.error != 0) return std::unexpected(error_of_errno(inquiry.error, traits_.path, "INQUIRY"));
  const ConstBytes told = ConstBytes(data).first(inquiry.transferred);
  if (inquiry.delivery != ScsiDelivery::answered || inquiry.status != 0 || !read_inquiry(told, traits_))
    return fail(ErrorCode::io_error, traits_.path, "does not answer INQUIRY: is the device switched on?");
  traits_.resets = !bsg_;
  uint32_t most = bsg_max_transfer_bytes;
  int kernels = 0;
  if (!bsg_ && ::ioctl(descriptor_, BLKSECTGET, &kernels) == 0 && kernels > 0)
    most = static_cast<uint32_t>(kernels);
  traits_.max_transfer_bytes = std::clamp(most, least_transfer_bytes, most_transfer_bytes);
  return {};
}

void GenericNode::execute(ScsiOperation& operation) const {
  operation.error = 0;
  operation.delivery = ScsiDelivery::answered;
  operation.status = 0;
  operation.sense = {};
  operation.transferred = 0;
  if (operation.reset) return reset(operation);
  bsg_ ? execute_bsg(operation) : execute_sg(operation);
}

void GenericNode::execute_sg(ScsiOperation& operation) const {
  sg_io_hdr_t header{};
  header.interface_id = 'S';
  header.cmdp = operation.cdb.data();
  header.cmd_len = operation.cdb_length;
  header.sbp = operation.sense.bytes.data();
  header.mx_sb_len = ScsiSense::most_bytes;
  header.timeout = milliseconds_of(operation.timeout);
  header.dxfer_direction = SG_DXFER_NONE;
  if (operation.length > 0 && operation.direction != ScsiDirection::none) {
    header.dxfer_direction =
        operation.direction == ScsiDirection::to_device ? SG_DXFER_TO_DEV : SG_DXFER_FROM_DEV;
    header.dxfer_len = operation.length;
    header.iovec_count = static_cast<unsigned short>(operation.parts.size());
    header.dxferp = const_cast<iovec*>(operation.parts.data());
  }
  if (::ioctl(descriptor_, SG_IO, &header) != 0) {
    operation.error = errno;
    return;
  }
  operation.status = header.status;
  operation.delivery = delivery_of(header.host_status, header.driver_status);
  operation.sense.length = std::min<uint8_t>(header.sb_len_wr, ScsiSense::most_bytes);
  const int residual = std::clamp<int>(header.resid, 0, static_cast<int>(header.dxfer_len));
  operation.transferred = header.dxfer_len - static_cast<uint32_t>(residual);
}

// Version 4 takes one piece of memory, so that several are gathered here.
void GenericNode::execute_bsg(ScsiOperation& operation) const {
  std::vector<uint8_t> gathered;
  const bool moves = operation.length > 0 && operation.direction != ScsiDirection::none;
  const bool out = operation.direction == ScsiDirection::to_device;
  void* memory = moves ? operation.parts.front().iov_base : nullptr;
  if (moves && operation.parts.size() > 1) {
    gathered.resize(operation.length);
    memory = gathered.data();
    size_t at = 0;
    for (const iovec& part : operation.parts) {
      if (out) std::memcpy(gathered.data() + at, part.iov_base, part.iov_len);
      at += part.iov_len;
    }
  }
  sg_io_v4 header{};
  header.guard = 'Q';
  header.protocol = BSG_PROTOCOL_SCSI;
  header.subprotocol = BSG_SUB_PROTOCOL_SCSI_CMD;
  header.request = reinterpret_cast<uintptr_t>(operation.cdb.data());
  header.request_len = operation.cdb_length;
  header.response = reinterpret_cast<uintptr_t>(operation.sense.bytes.data());
  header.max_response_len = ScsiSense::most_bytes;
  header.timeout = milliseconds_of(operation.timeout);
  if (moves) {
    (out ? header.dout_xferp : header.din_xferp) = reinterpret_cast<uintptr_t>(memory);
    (out ? header.dout_xfer_len : header.din_xfer_len) = operation.length;
  }
  if (::ioctl(descriptor_, SG_IO, &header) != 0) {
    operation.error = errno;
    return;
  }
  operation.status = static_cast<uint8_t>(header.device_status);
  operation.delivery = delivery_of(header.transport_status, header.driver_status);
  operation.sense.length =
      static_cast<uint8_t>(std::min<uint32_t>(header.response_len, ScsiSense::most_bytes));
  if (!moves) return;
  const int residual =
      std::clamp<int>(out ? header.dout_resid : header.din_resid, 0, static_cast<int>(operation.length));
  operation.transferred = operation.length - static_cast<uint32_t>(residual);
  if (out || gathered.empty()) return;
  size_t at = 0;
  for (const iovec& part : operation.parts) {
    std::memcpy(part.iov_base, gathered.data() + at, part.iov_len);
    at += part.iov_len;
  }
}

void GenericNode::reset(ScsiOperation& operation) const {
  unsigned what = sg_reset_device | sg_reset_no_escalate;
  if (::ioctl(descriptor_, SG_SCSI_RESET, &what) != 0) operation.error = errno;
}

}  // namespace ashlar::loop
