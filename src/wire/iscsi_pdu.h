// All iSCSI PDUs of RFC 7143 section 11, both directions: one include for targets and initiators.
#pragma once

#include "wire/iscsi_header.h"     // IWYU pragma: export
#include "wire/iscsi_login_pdu.h"  // IWYU pragma: export
#include "wire/iscsi_request.h"    // IWYU pragma: export
#include "wire/iscsi_response.h"   // IWYU pragma: export
