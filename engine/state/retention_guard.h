// Whether retention is paused because the clock jumped: a part, so that no restart ends the pause.
//
// It also has what retention counts (engine/api/retention.h). *Threads*: paused, and the counts:
// any; assigned, pause and confirm: the writer's.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/retention.h"
#include "engine/api/types.h"
#include "engine/base/published.h"
#include "engine/state/part.h"

namespace strandline {

struct CollectedPauses : StatePart::Pending {
  void clear() override { changed.clear(); }

  std::vector<std::optional<RetentionPause>> changed;  // none: confirmed
};

class RetentionGuard : public Collecting<CollectedPauses> {
 public:
  explicit RetentionGuard(StateParts& parts) : Collecting(parts) {}

  std::shared_ptr<const RetentionPause> paused() const { return durable_.load(); }  // null: no

  // --- The writer's.
  bool is_paused() const { return assigned_.has_value(); }
  void pause(CommitGroup& group, RetentionPause pause);
  void confirm(CommitGroup& group);

  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification&) const override {}  // it was read, and checked, when it was loaded
  Status rebuild(Rebuild&) const override { return {}; }  // events do not say what the clock did

 private:
  std::optional<RetentionPause> assigned_;
  Published<const RetentionPause> durable_;
};

// As RetentionInfo has them.
struct RetentionCounts {
  std::atomic<uint64_t> lag_s{0};
  std::atomic<uint64_t> passes{0};
  std::atomic<uint64_t> events_expired{0};
  std::atomic<uint64_t> segments_dropped{0};
  std::atomic<uint64_t> segments_rewritten{0};
  std::atomic<uint64_t> reclaimed_bytes{0};
  // Raised with each start: then the segments are worth another look.
  std::atomic<uint64_t> starts_raised{0};

  std::string blocked() const {
    const std::lock_guard lock(mutex_);
    return blocked_;
  }
  // What is dead of each sealed segment, by the last look: as it was stored, whether it is there
  // still or not.
  uint64_t dead_of(SegmentId segment) const {
    const std::lock_guard lock(mutex_);
    const auto found = dead_.find(segment);
    return found == dead_.end() ? 0 : found->second;
  }
  void set_dead(std::map<SegmentId, uint64_t> dead) {
    const std::lock_guard lock(mutex_);
    dead_ = std::move(dead);
  }
  void set_blocked(std::string why) {
    const std::lock_guard lock(mutex_);
    blocked_ = std::move(why);
  }

 private:
  mutable std::mutex mutex_;  // guards both below
  std::string blocked_;
  std::map<SegmentId, uint64_t> dead_;
};

}  // namespace strandline
