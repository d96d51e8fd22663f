// Any bytes as the parameter list of each third-party copy command; the first byte says of which.
#include "base/check.h"
#include "wire/scsi_copy.h"

namespace {

using namespace ashlar;
using namespace ashlar::wire::scsi;

void check_problem(const CopyListProblem& problem, size_t size) {
  CHECK(!problem.points || problem.field < size, "a pointer to {} of {}", problem.field, size);
}

void copy_list(ConstBytes list, bool lid4) {
  const auto parsed = parse_copy_list(list, lid4);
  if (!parsed) return check_problem(parsed.error(), list.size());
  CHECK(parsed->cscds.size() <= max_cscd_descriptors && parsed->segments.size() <= max_copy_segments);
  for (const Cscd& cscd : parsed->cscds)
    CHECK(cscd.designator_length <= 20 && cscd.at + cscd_bytes <= list.size());
  for (const CopySegment& segment : parsed->segments) CHECK(segment.at + 12u <= list.size());
}

template <typename List>
void token_list(const std::expected<List, CopyListProblem>& parsed, size_t size) {
  if (!parsed) return check_problem(parsed.error(), size);
  CHECK(!parsed->ranges.empty() && parsed->ranges.size() <= max_block_ranges);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const ConstBytes list(data + 1, size - 1);
  switch (data[0] & 3) {
    case 0: copy_list(list, false); break;
    case 1: copy_list(list, true); break;
    case 2: token_list(parse_populate_token(list), list.size()); break;
    default: token_list(parse_write_using_token(list), list.size()); break;
  }
  return 0;
}
