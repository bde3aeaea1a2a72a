// What `strandline consumers` does that takes a place or a consumer away: with consent (consent.h).
#pragma once

#include <string>

#include "tools/base/consent.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {

// Moves a consumer, or the committed positions of a reader of that name.
int reset_consumer(LogHandle& log, const std::string& name, const From& from,
                   const std::string& from_text, const Consent& consent, bool json);
// The same of deleting.
int remove_consumer(LogHandle& log, const std::string& name, const Consent& consent, bool json);

}  // namespace strandline::tools
