#include "scsi/copy_records.h"

#include <algorithm>

namespace ashlar::scsi {

std::shared_ptr<CopyRecord> CopyRecords::find(uint16_t lun, uint32_t list_id) const {
  const auto found = std::ranges::find_if(
      records_, [&](const auto& record) { return record->lun == lun && record->list_id == list_id; });
  return found == records_.end() ? nullptr : *found;
}

std::shared_ptr<CopyRecord> CopyRecords::add(uint16_t lun, uint32_t list_id) {
  if (const auto same = find(lun, list_id)) {
    if (same->operation != nullptr) return nullptr;
    forget(*same);
  }
  const auto ended = [](const auto& record) { return record->operation == nullptr; };
  if (records_.size() >= most) {
    const auto oldest = std::ranges::find_if(records_, ended);
    if (oldest == records_.end()) return nullptr;
    records_.erase(oldest);
  }
  records_.push_back(std::make_shared<CopyRecord>());
  records_.back()->lun = lun;
  records_.back()->list_id = list_id;
  return records_.back();
}

void CopyRecords::forget(const CopyRecord& record) {
  std::erase_if(records_, [&](const auto& each) { return each.get() == &record; });
}

}  // namespace ashlar::scsi
