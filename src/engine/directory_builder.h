// The document and the open volumes as the snapshot that the transports serve. Pure.
#pragma once

#include <memory>
#include <vector>

#include "engine/portals.h"
#include "engine/volumes.h"
#include "iscsi/directory.h"
#include "nvme/directory.h"
#include "rpc/document.h"

namespace ashlar::engine {

/// Every volume that `document` maps is open. Views and targets that did not change are those of `previous` (may be null),
/// so that sessions can tell by the pointer.
std::shared_ptr<const iscsi::Directory> build_directory(const rpc::Document& document, const Volumes& volumes,
                                                        const iscsi::Settings& settings,
                                                        const iscsi::Directory* previous);

/// The same for what is served over NVMe/TCP; its generation is another one when a host may find something else.
std::shared_ptr<const nvme::Directory> build_nvme_directory(const rpc::Document& document,
                                                            const Volumes& volumes,
                                                            const nvme::Settings& settings,
                                                            const nvme::Directory* previous);

/// As the document has it, proofs of discovery included.
iscsi::Portal portal_of(const rpc::PortalDocument& portal);
ServedPortal served_portal(const rpc::PortalDocument& portal);
/// The portals of `document`, all of them.
std::vector<ServedPortal> portals_of(const rpc::Document& document);

}  // namespace ashlar::engine
