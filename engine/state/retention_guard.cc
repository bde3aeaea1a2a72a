#include "engine/state/retention_guard.h"

#include "engine/format/policy_record.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

Status RetentionGuard::load(Loading& loading) {
  auto record = loading.log.store->get(Family::streams, pause_key());
  if (!record && !loading.lenient) return std::unexpected(std::move(record.error()));
  if (record && !*record) return {};
  RetentionPause pause;
  // One that cannot be read is a pause still: it ends when somebody confirms.
  if (!record || !decode(**record, pause)) pause = {.why = "the record of the pause is damaged"};
  assigned_ = pause;
  durable_.store(std::make_shared<const RetentionPause>(std::move(pause)));
  return {};
}

void RetentionGuard::pause(CommitGroup& group, RetentionPause pause) {
  group.of(*this).changed.emplace_back(pause);
  assigned_ = std::move(pause);
}

void RetentionGuard::confirm(CommitGroup& group) {
  group.of(*this).changed.emplace_back(std::nullopt);
  assigned_.reset();
}

void RetentionGuard::stage(CommitGroup& group, const Store&) {
  const auto& changed = group.of(*this).changed;
  if (changed.empty()) return;
  if (changed.back()) {
    group.changes.put(Family::streams, pause_key(), encode(*changed.back()));
  } else {
    group.changes.erase(Family::streams, pause_key());
  }
}

void RetentionGuard::publish(CommitGroup& group) {
  const auto& changed = group.of(*this).changed;
  if (changed.empty()) return;
  durable_.store(changed.back() ? std::make_shared<const RetentionPause>(*changed.back())
                                : nullptr);
}

}  // namespace strandline
