// The kinds of pools, each opened by its own function; open_pool() has the table.
#pragma once

#include <memory>
#include <string>

#include "storage/pool_driver.h"
#include "storage/privileged.h"

namespace ashlar::storage {

Result<std::unique_ptr<PoolDriver>> open_dir_pool(const api::Pool& pool, Privileged& privileged);
Result<std::unique_ptr<PoolDriver>> open_device_pool(const api::Pool& pool, Privileged& privileged);
Result<std::unique_ptr<PoolDriver>> open_scsi_pool(const api::Pool& pool, Privileged& privileged);
Result<std::unique_ptr<PoolDriver>> open_remote_pool(const api::Pool& pool, Privileged& privileged);
Result<std::unique_ptr<PoolDriver>> open_memory_pool(const api::Pool& pool, Privileged& privileged);
Result<std::unique_ptr<PoolDriver>> open_null_pool(const api::Pool& pool, Privileged& privileged);

/// "db1-1f3a90c2": what a file's name may not have becomes '_', and a very long name is cut.
std::string backing_name(const api::Volume& volume, uint32_t random);

/// invalid_argument: a field that only another kind has.
Result<void> check_no_path(const api::Pool& pool);
Result<void> check_no_devices(const api::Pool& pool);

}  // namespace ashlar::storage
