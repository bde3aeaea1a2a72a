// What a log answers: where an append went, and how its streams, its segments, its consumers'
// positions and the log itself are. Plain values, owned by who asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/append.h"
#include "engine/api/error.h"
#include "engine/api/types.h"

namespace strandline {

// Of the directory's FORMAT file; FORMAT.md says what each version was.
inline constexpr uint32_t kFormatVersion = 3;

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

// Of streams whose names begin alike.
struct StoredUnder {
  uint64_t streams = 0;
  uint64_t bytes = 0;  // as StreamInfo::bytes
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
  uint64_t cached_batches_read = 0;  // batches that readers took from memory
  uint64_t stripes_read = 0;         // stripes that were read at once, for readers of many streams
  uint64_t stripe_bytes_read = 0;    // of their batches
  uint64_t index_bytes_read = 0;     // of the index of types and subjects, by readers
  uint64_t index_backlog = 0;        // sealed stripes that it lacks, now
  uint64_t batch_cache_bytes = 0;    // now
  uint64_t queue_appends = 0;        // now
  uint64_t queue_bytes = 0;          // now
  // Now, on the log's disk, beyond what flushes will take of it. None: an observer, which does not
  // look, and a disk that does not say.
  std::optional<uint64_t> disk_free_bytes = {};
};

struct NamedConsumer;
struct Spent;

// A committed position (log.h).
struct ConsumerPosition {
  std::string consumer;
  std::string stream;
  uint64_t next;
  Timestamp committed;
  std::string metadata = {};
};

// What a check of everything found (Log::verify).
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

}  // namespace strandline
