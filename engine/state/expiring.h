// A durable set whose members expire: the answers kept for idempotency keys (idempotency.h), and
// the processed ids. A member is a key of the producers family; its value begins with when it
// expires, and an index by expiry stands beside it.
//
// Expired members are no longer found. They are purged a few at a time, in the WriteBatches of
// later groups.
//
// *Time* is the log's own. It goes on evenly while the log is open, wherever its clock is set to,
// and stands still while the log is closed. The record of the tally keeps it: once a minute, and
// when the log closes. So no member expires early. A member may live longer than its time: by as
// long as the log was closed, and by up to a minute for each opening that a crash ended. A loss
// that was accepted may set the time back.
//
// *Threads*: the writer's, but for holds_durably (any) and publish (the commit stage's). *Errors*:
// `corrupt` for a record that cannot be read.
#pragma once

#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/api/clock.h"
#include "engine/api/error.h"
#include "engine/format/keys.h"
#include "engine/state/part.h"
#include "engine/store/store.h"

namespace strandline {

// A member's key, and when it expires, which tells two lives apart.
using ExpiringKey = std::pair<std::string, int64_t>;

struct CollectedExpiring : StatePart::Pending {
  void clear() override { keys.clear(); }

  std::vector<ExpiringKey> keys;  // that were put
};

class Expiring : public Collecting<CollectedExpiring> {
 public:
  using Collecting::Collecting;

  Status load(Loading& loading) override;
  // Purges a few members that have expired.
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification&) const override {}  // each record is checked when it is read
  // The index and the tally, from the members: after a loss, records of different times may stand
  // beside each other. Written at once, for there may be many; not yet durable.
  Status rebuild(Rebuild& rebuild) const override;

  // The value, if the member is there and has not expired: as assigned, durable or not.
  Result<std::optional<std::string>> find(const Store& store, const std::string& key) const;
  // The same of what is durable, for any thread.
  Result<bool> holds_durably(const Store& store, const std::string& key) const;

  // Adds a member that is not there, or has expired.
  void put(CommitGroup& group, const Store& store, const std::string& key, int64_t ttl_us,
           std::string_view value);
  uint64_t count() const { return count_; }  // with those that wait to be purged

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  struct Entry {
    int64_t expires_us;
    std::string value;
  };

  Result<std::optional<Entry>> look_up(const Store& store, const std::string& key) const;
  std::optional<int64_t> unpublished(const std::string& key) const;
  void purge(const Store& store, size_t most, Changes& changes);
  void put_tally(Changes& changes);
  int64_t now_us() const { return epoch_us_ + clock_->elapsed_us(); }

  Clock* clock_ = nullptr;
  int64_t epoch_us_ = 0;  // when its elapsed time began, in the log's own
  int64_t kept_us_ = 0;   // the time that the store has
  uint64_t count_ = 0;
  bool count_changed_ = false;
  int64_t earliest_us_ = kNever;        // nothing expires before it
  int64_t group_earliest_us_ = kNever;  // nor anything of this group before this

  mutable std::mutex mutex_;                              // guards unpublished_
  std::unordered_map<std::string, int64_t> unpublished_;  // put, and not known to be durable
};

}  // namespace strandline
