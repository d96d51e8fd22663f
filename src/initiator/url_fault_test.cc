#include "initiator/url_fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ashlar::initiator {
namespace {

const loop::Endpoint array = {"192.0.2.7", 3261};

Error fault(ErrorCode code, std::string place, std::string message, Protocol protocol = Protocol::iscsi) {
  return fault_of_url({code, std::move(place), std::move(message)}, protocol, array, "urls[1]");
}

TEST(UrlFault, NamesThePartThatCanBeMended) {
  const Error refused = fault(ErrorCode::closed, "192.0.2.7:3261", "cannot connect: Connection refused");
  EXPECT_EQ(refused.place, "urls[1].port");
  EXPECT_EQ(refused.message,
            "192.0.2.7:3261 does not take iSCSI connections: cannot connect: Connection refused");
  EXPECT_EQ(fault(ErrorCode::timed_out, "192.0.2.7:3261", "no answer in time").place, "urls[1].host");
  EXPECT_EQ(fault(ErrorCode::io_error, "192.0.2.7:3261", "No route to host").place, "urls[1].host");
  EXPECT_EQ(fault(ErrorCode::closed, "connection", "the target closed the connection").place, "urls[1].port");
  EXPECT_EQ(fault(ErrorCode::timed_out, "login", "did not let us in in time").place, "urls[1].port");
  EXPECT_EQ(fault(ErrorCode::timed_out, "connection", "does not answer", Protocol::nvme_tcp).place,
            "urls[1].port");
  EXPECT_EQ(fault(ErrorCode::not_found, "login", "not found").place, "urls[1].target");
  EXPECT_EQ(fault(ErrorCode::not_found, "target", "no such subsystem").place, "urls[1].target");
  EXPECT_EQ(fault(ErrorCode::not_found, "path", "the target has no LUN 7").place, "urls[1].lun");
  EXPECT_EQ(fault(ErrorCode::unsupported, "path", "LUN 7 is no disk").place, "urls[1].lun");
  EXPECT_EQ(fault(ErrorCode::not_found, "path", "no namespace 7", Protocol::nvme_tcp).place, "urls[1].nsid");
  EXPECT_EQ(fault(ErrorCode::invalid_argument, "path", "leads to another unit").place, "urls[1]");
}

TEST(UrlFault, LeavesWhatIsAboutNoPartOfIt) {
  const Error denied = fault(ErrorCode::permission_denied, "secret", "authentication failure");
  EXPECT_EQ(denied.place, "secret");
  EXPECT_EQ(denied.message, "authentication failure");
  EXPECT_EQ(fault(ErrorCode::protocol_error, "target", "TSIH 0").place, "target");
}

}  // namespace
}  // namespace ashlar::initiator
