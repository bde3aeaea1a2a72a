#include "engine/state/verification.h"

namespace strandline {

Verified verify(const LogState& log, const std::function<void(uint64_t)>& progress) {
  Verification verification(log, progress);
  for (const StatePart* part : log.parts) part->verify(verification);
  // Damage that readers find their way around, as in an index: it is said all the same.
  for (auto& [table, why] : log.store->check_tables()) {
    verification.find(std::move(table), std::move(why));
  }
  return std::move(verification.result);
}

}  // namespace strandline
