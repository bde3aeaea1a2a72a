// What an erasure's receipt tells: which events went, but not what was asked for, so that the
// erasure can be applied again to a backup. Of the request there is a salted digest. *Threads*:
// any.
#pragma once

#include <string>

#include "engine/writing/erasure_selection.h"

namespace strandline {

// The details of the act that begins it, each member with a comma before it.
std::string receipt_details(const LogState& log, const EraseRequest& request,
                            const SelectedEvents& selected);

}  // namespace strandline
