// The streams of a log, in memory: every name, and where each stream stands.
//
// A Stream lives as long as the log; a deleted one stays, invisible, so that its offsets go on
// where they stopped if the name returns. It has two states: what is *assigned* belongs to the
// writer and runs ahead; what is *durable* is published by the commit stage, after the fsync, and
// is all that a reader ever sees. *Threads*: lookups and durable state: any; create and assigned:
// the writer's. *Memory*: the aim is under 250 bytes a stream; open-streams in bench/ measures it.
#pragma once

#include <atomic>
#include <boost/intrusive/set.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory_resource>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/api/delivery.h"
#include "engine/api/error.h"
#include "engine/api/types.h"
#include "engine/format/keys.h"
#include "engine/state/extents.h"
#include "engine/state/part.h"

namespace strandline {

// Its place in the order of names is a hook of its own: a node elsewhere would cost twice as much.
using StreamHook = boost::intrusive::set_base_hook<boost::intrusive::optimize_size<true>>;

class Stream : public StreamHook {
 public:
  Stream(StreamId id, std::string_view name) : id(id), name(name) {}

  const StreamId id;
  const std::string_view name;  // lives as long as the log

  // --- Durable.
  Offset tail() const { return Offset(tail_.load(std::memory_order_acquire)); }
  Offset start() const { return Offset(start_.load(std::memory_order_acquire)); }
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t start_bytes() const { return start_bytes_.load(std::memory_order_relaxed); }
  int64_t last_stored_us() const { return last_stored_us_.load(std::memory_order_relaxed); }
  GapReason gap_reason() const { return static_cast<GapReason>(gap_reason_.load()); }
  bool exists() const { return exists_.load(std::memory_order_acquire); }
  Timestamp created() const { return {created_us_.load(std::memory_order_relaxed)}; }
  // Where it was written last; none: the log's directory says.
  std::optional<Extent> extent() const;
  void publish(const StateRecord& state);
  void publish_extent(StripeId stripe, Offset first);
  void publish_created(Timestamp created) { created_us_ = created.us; }

  // --- The writer's.
  StateRecord assigned{.exists = 0};
  uint64_t staged_group = 0;  // the last group that touched it,
  uint32_t staged_index = 0;  // and where in that group

 private:
  // The small ones first: they share staged_index's word, 8 bytes a stream.
  std::atomic<uint8_t> gap_reason_{0};
  std::atomic<bool> exists_{false};
  std::atomic<uint64_t> tail_{0};
  std::atomic<uint64_t> start_{0};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> start_bytes_{0};
  std::atomic<int64_t> last_stored_us_{0};
  std::atomic<int64_t> created_us_{0};
  std::atomic<uint64_t> extent_stripe_{0};
  std::atomic<uint64_t> extent_first_{0};
};

struct CollectedStreams : StatePart::Pending {
  struct Described {
    Stream* stream;
    std::string description;
  };

  void clear() override;

  std::vector<Described> described;
  std::vector<Stream*> touched;  // but for the log's own
  std::vector<Stream*> settled;  // whose state is written
  bool log_touched = false;
  std::vector<std::pair<Stream*, StateRecord>> states;  // once staged; the log's own is the last
};

class Streams : public Collecting<CollectedStreams> {
 public:
  explicit Streams(StateParts& parts);

  Stream* find(std::string_view name) const;  // whether or not it exists; null: never heard of
  Stream* find(StreamId id) const;
  Stream& log() const { return *log_; }   // the log's own
  Stream& create(std::string_view name);  // gives it the next id
  size_t count() const;

  // All streams, existing or not, in byte order of names, from the first at or after `from`, until
  // `visit` says false. The lock is held meanwhile.
  void scan(std::string_view from, const std::function<bool(Stream&)>& visit) const;

  std::string description(const Stream& stream) const;

  // --- What a group changes. The writer's.
  // The stream is new, or was deleted and is created again.
  void identify(CommitGroup& group, Stream& stream, std::string description);
  // Its assigned state is another than before: as it is when the group is staged, it is published.
  // What an append changes is not written, for the events say it, and the records of stripes.
  void touch(CommitGroup& group, Stream& stream);
  // As it is when the group is staged, its state is written.
  void settle(CommitGroup& group, Stream& stream);

  // Reads every record, and what the segments' say of what came since; `corrupt` if one does not
  // parse, or if it cannot be told which offsets were given out.
  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  // Raises the tails.
  void publish(CommitGroup& group) override;
  // A seeded bug's (mutation.h): what failed gives its offsets back.
  void take_back(CommitGroup& group);
  void verify(Verification&) const override {}  // they are held against the events (StoredEvents)
  // What the events say, and the log's own records of events that may be lost themselves, where it
  // is further than what is left of the records, so that no offset is given out twice.
  Status rebuild(Rebuild& rebuild) const override;

 private:
  struct NameOf {
    using type = std::string_view;
    std::string_view operator()(const Stream& stream) const { return stream.name; }
  };
  using ByName = boost::intrusive::set<Stream, boost::intrusive::base_hook<StreamHook>,
                                       boost::intrusive::key_of_value<NameOf>,
                                       boost::intrusive::constant_time_size<false>>;

  void describe(const Stream& stream, const std::string& description);
  Stream& make(StreamId id, std::string_view name);
  Status load_records(const Store& store);
  void enter_names();

  mutable std::shared_mutex mutex_;  // guards all below
  std::pmr::monotonic_buffer_resource names_;
  std::deque<Stream> streams_;
  std::vector<Stream*> by_id_;
  ByName by_name_;
  std::map<StreamId, std::string> descriptions_;
  Stream* const log_;  // after what it is added to
};

}  // namespace strandline
