// Log's compaction by key.
#include <fmt/format.h>

#include "engine/log.h"
#include "engine/log_parts.h"
#include "engine/reading/cursors.h"

namespace strandline {

Result<uint64_t> Log::compact(std::string_view name) {
  if (!parts_->compactor) {
    return fail(Code::read_only, "opened as an observer: it only reads");
  }
  const auto stream = find_existing(*parts_->state, name);
  if (!stream) return std::unexpected(stream.error());
  return parts_->compactor->compact(**stream);
}

}  // namespace strandline
