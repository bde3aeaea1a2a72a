// The exercise's share of retention.
#include "tests/support/log/exercise.h"

namespace strandline::tests {

// Events go by a policy, and the disk gets back what nobody reads any more.
void Exercise::expire() {
  const std::string stream = any_stream();
  settle();
  const auto info = log_->describe(stream);
  if (!info || info->events < 2) return;
  const uint64_t most = info->events / 2 + 1;
  if (!log_->change_stream(stream, {.policy = {{PolicyField::events_max, most}}})) return;
  disk_->note({"removed", stream, std::to_string(info->tail.value - most)});
  (void)log_->retain_now();
  (void)log_->change_stream(stream, {.policy = {{PolicyField::events_max, std::nullopt}}});
  (void)log_->reclaim_now();
}

}  // namespace strandline::tests
