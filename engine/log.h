// A durable set of ordered streams of events: the engine's facade, usable without any server.
//
// *Offsets* count events, from 0, per stream, and are never reused. *Threads*: any; completions run
// on the engine's and must only post. *Memory*: append takes its batches by value; a delivery from
// a cursor lives until its next read; cursors and subscriptions must not outlive the log. *Errors*:
// after a failed commit the log is read-only (`sealed`) until it is reopened, and what was under
// way is answered outcome_unknown. *Durability*: an append is acknowledged after its bytes are
// fsynced, unless it asked for `accepted`; a reader is only ever shown what is durable.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/batch.h"
#include "engine/consumer.h"
#include "engine/consumer_wait.h"
#include "engine/cursor.h"
#include "engine/error.h"
#include "engine/options.h"
#include "engine/reading.h"
#include "engine/subscription.h"
#include "engine/types.h"

namespace strandline {

inline constexpr uint32_t kFormatVersion = 2;

enum class Durability : uint8_t {
  fsync,     // acknowledged after fsync
  accepted,  // acknowledged once assigned and handed to the operating system, fsynced soon after
};
const char* name_of(Durability durability);

// A condition on a stream: that it is not there, that it is, or what its next offset is.
struct Expected {
  enum class Kind { any, absent, present, next };
  Kind kind = Kind::any;
  Offset offset = {};

  Expected() = default;
  Expected(Offset next) : kind(Kind::next), offset(next) {}
  static Expected absent() {  // the stream must not exist
    Expected e;
    e.kind = Kind::absent;
    return e;
  }
  static Expected present() {
    Expected e;
    e.kind = Kind::present;
    return e;
  }
};

// Moves a consumer's committed position, in the same commit as the events beside it. Positions only
// move forward, unless they are reset, and never past the tail that the commit leaves. `stream` may
// be `$all` (a sequence) or a reserved ledger name, `$import` (a count of bytes, kept by
// `strandline import`).
struct Commit {
  enum class Move { forward, reset, remove };  // reset: back too; remove: there is none any more
  std::string consumer;
  std::string stream;
  std::optional<uint64_t> expected = {};  // the position must be this now; 0 where there is none
  uint64_t next = 0;
  // Of a named consumer (consumer.h), which must be exclusive, this is needed: what join() gave.
  std::optional<uint64_t> epoch = {};
  // Whatever the reader wants to find beside the position: UTF-8, at most kMetadataBytesMax.
  std::string metadata = {};
  Move move = Move::forward;
};
inline constexpr size_t kMetadataBytesMax = 4'096;

// Who appends, so that a retry is known as one: it answers the offsets of its original and writes
// nothing, for ever, whatever its conditions would say now. The original must have had the same
// events (else `conflict`). A sequence beyond the next is `out_of_order`; an epoch below the
// producer's is `fenced`, unless that append is there.
struct Producer {
  std::string id;         // as names are (batch.h); per stream
  uint64_t epoch = 0;     // a higher one fences those below it, and begins at sequence 0
  uint64_t sequence = 0;  // counts the producer's appends to the stream in this epoch, from 0
};

// The same for who has no sequence, for a time (Options::idempotency_ttl_s), which setting the
// clock of an open log neither shortens nor lengthens: the same key again
// answers as the first did; with another fingerprint it is `reused`, and until the first is
// answered `in_flight`. A refusal is not kept.
struct Idempotency {
  std::string key;          // 1 to 255 bytes without control characters
  std::string fingerprint;  // of the request: a hash, at most 64 bytes
};

// Marks that the consumer has processed an id; the whole append is refused (`exists`) if it has,
// and the mark has not expired.
struct OnceMark {
  std::string consumer;
  std::string id;  // 1 to 255 bytes without control characters
  uint64_t ttl_s = 24 * 3600;
};

struct Append {
  std::string stream;
  Batch batch;
  Expected expected = {};
  Durability durability = Durability::fsync;
  std::optional<Producer> producer = {};
  std::optional<Idempotency> idempotency = {};
};

// Dead letters: these leave what their consumer has unacked, in the order of the events of the
// append's first part; where there is none, because the events themselves are gone. An exclusive
// consumer, which must still stand where it stood, then stands behind them.
struct Bury {
  std::string consumer;
  std::vector<uint64_t> positions;
  uint64_t stood_at = 0;
};

// Several appends, commits and settlements, all or nothing, in this order; a stream may occur more
// than once. So an event's outputs and its own acknowledgement are there together or not at all.
// If every part is a retry, all of it is, and what stands beside them was applied with the
// originals; if only some are, it is a `conflict`.
struct AppendMany {
  struct Part {
    std::string stream;
    Batch batch;
    Expected expected = {};
    std::optional<Producer> producer = {};
  };
  std::vector<Part> parts = {};
  std::vector<Commit> commits = {};
  std::vector<Settle> settles = {};
  std::vector<Bury> buries = {};  // the log's own
  Durability durability = Durability::fsync;
  std::vector<OnceMark> once = {};
  std::optional<Idempotency> idempotency = {};
};

// One batch to every stream whose name has the prefix (all of them, if it is empty), all or
// nothing.
struct Broadcast {
  std::string prefix;
  Batch batch;
  Durability durability = Durability::fsync;
};

struct Appended {
  std::string stream;
  Offset first;       // of the batch's first event
  Offset next;        // one past its last
  Sequence sequence;  // of its first event
  Timestamp stored;
  Durability durability;
  bool retried = false;  // nothing was written: these are the original's
};

struct StreamSettings {
  std::string description = {};  // up to 1,024 bytes, for people
};

struct StreamInfo {
  std::string name;
  Offset start;     // first offset still kept
  Offset tail;      // first offset not yet durable
  uint64_t events;  // tail - start
  uint64_t bytes;   // of the batches that hold them
  Timestamp created;
  std::optional<Timestamp> last_stored;
  StreamSettings settings;
};

struct SegmentInfo {
  SegmentId id;
  bool sealed;
  Timestamp created;
  Sequence first;  // [first, next) are its events
  Sequence next;
  uint64_t bytes;
};

// What opening did.
struct RecoveryReport {
  bool created = false;  // there was no log here before
  uint64_t wal_bytes_replayed = 0;
  uint64_t torn_bytes_dropped = 0;  // after the last whole record of the newest WAL
  Sequence durable_next = {};       // one past the last durable event
  Sequence head_mark = {};          // what the head mark promised at least
  uint64_t milliseconds = 0;
  std::string loss = {};  // with accept_loss: what was lost
};

// Counts since opening; each only grows, except the depths.
struct Counters {
  uint64_t appends = 0;
  uint64_t appends_refused = 0;  // of these for each reason that occurred:
  std::vector<std::pair<Code, uint64_t>> appends_refused_by = {};
  uint64_t appends_retried = 0;  // that answered their originals'
  uint64_t events_appended = 0;
  uint64_t bytes_appended = 0;
  uint64_t groups = 0;
  uint64_t syncs = 0;
  uint64_t sync_us_total = 0;
  uint64_t store_batches_read = 0;  // batches that readers took from RocksDB
  uint64_t store_bytes_read = 0;
  uint64_t window_batches_read = 0;  // batches that readers took from memory
  uint64_t window_bytes = 0;         // now
  uint64_t queue_appends = 0;        // now
  uint64_t queue_bytes = 0;          // now
  // Now, on the log's disk, beyond what flushes will take of it. None: an observer, which does not
  // look, and a disk that does not say.
  std::optional<uint64_t> disk_free_bytes = {};
};

struct NamedConsumer;
struct Spent;

class Log {
 public:
  // Creates a log in an empty or missing directory, or recovers the one that is there.
  static Result<std::unique_ptr<Log>> open(const std::filesystem::path& directory,
                                           Options options = {});
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Refuses new appends, finishes those under way, wakes every subscription with `closed`.
  // Idempotent.
  void close();

  // --- Appending. The completion runs once, on an engine thread, or at once on this one if the
  // --- request is refused before it is queued.
  template <class T>
  using Completion = std::function<void(Result<T>)>;
  void append(Append request, Completion<Appended> done);
  void append(AppendMany request, Completion<std::vector<Appended>> done);
  void broadcast(Broadcast request, Completion<std::vector<Appended>> done);
  void commit(Commit request, Completion<uint64_t> done);  // answers the new position
  // The same, waiting.
  Result<Appended> append(Append request);
  Result<std::vector<Appended>> append(AppendMany request);
  Result<std::vector<Appended>> broadcast(Broadcast request);
  Result<uint64_t> commit(Commit request);

  // --- Streams. Changes are durable when they return.
  Result<StreamInfo> create_stream(std::string name, StreamSettings settings = {});  // or `exists`
  Status delete_stream(std::string name);  // offsets go on where they stopped if the name returns
  // Forgets everything below `before`, which may be up to the tail; answers the new start.
  Result<Offset> truncate(std::string name, Offset before);
  Result<StreamInfo> describe(std::string_view name) const;
  // In byte order of names, after `after` (exclusive), at most `limit`.
  std::vector<StreamInfo> list(std::string_view prefix, std::string_view after, size_t limit) const;

  // --- Reading.
  Result<std::unique_ptr<Cursor>> read(ReadOptions options) const;
  Result<Subscription> subscribe(ReadOptions options) const;
  // The available positions: of a stream its offsets, of "$all" its sequence numbers.
  Result<Available> available(std::string_view stream) const;

  // --- Committed positions: what is durable. not_found where there is none.
  Result<uint64_t> position(std::string_view consumer, std::string_view stream) const;
  struct ConsumerPosition {
    std::string consumer;
    std::string stream;
    uint64_t next;
    Timestamp committed;
    std::string metadata = {};
  };
  std::vector<ConsumerPosition> positions(std::string_view consumer_prefix, size_t limit) const;
  // Those of one consumer.
  std::vector<ConsumerPosition> positions_of(std::string_view consumer) const;
  // Moves those of a reader that is no named consumer, back too: each to what `from` is in its
  // stream. A ledger has no streams' positions: its own go to a number or `earliest`, which is 0.
  Result<std::vector<ConsumerPosition>> reset_positions(std::string consumer, From from);

  // --- Named consumers (consumer.h). Changes are durable when they return, or are answered.
  Result<ConsumerInfo> create_consumer(std::string name, ConsumerSettings settings);  // or `exists`
  // Or, where there is none of that name, the committed positions of a reader of that name.
  Status delete_consumer(std::string name);
  // Moves it, back too, while it is being read: its members are fenced, and join again.
  Result<ConsumerInfo> reset_consumer(std::string name, From from);
  // As it is durable; asks nothing of the writer, and waits for nobody.
  Result<ConsumerInfo> describe_consumer(std::string name) const;
  Result<ConsumerInfo> update_consumer(std::string name, ConsumerChange change);
  // Dead-letters what is in the way, and waits until it is. `conflict` if there is nothing to skip.
  Result<Skipped> skip(Skip request);
  Result<ConsumerSettings> consumer_settings(std::string_view name) const;
  Result<std::vector<ConsumerInfo>> consumers(std::string prefix, std::string after,
                                              size_t limit) const;
  Result<Joined> join(std::string consumer);
  // What the member has goes to others at once.
  Status leave(std::string consumer, uint64_t epoch);
  // What the member is to handle next, waiting up to Fetch::wait for something.
  Result<Fetched> fetch(Fetch request);
  // The same in two steps, without waiting for events: the first may read the disk, ahead, on the
  // caller's thread; the second reads what was given.
  void fetch(Fetch request, Completion<Assignment> done);
  Result<Fetched> retrieve(const Assignment& assignment);
  ConsumerWait consumer_wait(std::string_view consumer) const;
  void settle(Settle request, Completion<Settled> done);
  Result<Settled> settle(Settle request);
  // Gives dead letters to the consumer once more, the oldest first; answers how many. `limit` if it
  // has no room for any.
  Result<uint64_t> replay(std::string consumer, uint64_t limit);
  // Those that are dead now, in order of position, from one on.
  Result<std::vector<DeadLetter>> dead_letters(std::string consumer, uint64_t from,
                                               size_t limit) const;
  // An exclusive consumer's events, from its position on, as fast as a subscription. It does not
  // end by itself when a newer epoch takes over: is_fenced() says so.
  Result<Subscription> subscribe_exclusive(std::string consumer, uint64_t epoch);
  bool is_fenced(std::string_view consumer, uint64_t epoch) const;
  Error full_of(std::string_view consumer) const;  // why Assignment::full

  // --- Ids processed once: for effects elsewhere. True: it is new, and now durably marked.
  Result<bool> once(std::string consumer, std::string id, uint64_t ttl_s);
  Result<bool> was_processed(std::string_view consumer, std::string_view id) const;  // durably

  // --- Segments.
  Result<SegmentId> roll();  // seals the open segment, starts a new one; answers the sealed one
  std::vector<SegmentInfo> segments() const;
  // Drops the oldest sealed segment, which must be this one, with all that is in it.
  Status drop_segment(SegmentId segment);

  // --- The log itself.
  const RecoveryReport& recovery() const;
  const Options& options() const;
  Counters counters() const;
  // What an append would be refused with now, whatever is in it: `read_only` (an observer),
  // `closed`, `sealed`, or `disk_full`. Free space is looked at about twice a second, so that this
  // ends without an append.
  std::optional<Error> appends_refused() const;
  // Why the log is sealed, if it is: until it is reopened.
  std::optional<std::string> sealed() const;
  Sequence durable_next() const;  // one past the last durable event
  // Reads everything and checks every checksum and every contiguity; reports each finding.
  struct Finding {
    std::string place;
    std::string what;
  };
  struct Verified {
    uint64_t streams = 0;
    uint64_t batches = 0;
    uint64_t events = 0;
    uint64_t bytes = 0;
    std::vector<Finding> findings = {};
  };
  Verified verify(std::function<void(uint64_t events_done)> progress = nullptr) const;

 private:
  struct Parts;
  Status begin_attempt(const std::string& consumer, uint64_t epoch);
  Result<std::vector<Spent>> next_of(const NamedConsumer& consumer, const Skip& request) const;
  // What was given could not be read: it is given out again.
  void return_unseen(const Assignment& assignment);
  explicit Log(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace strandline
