// What is asked of a log that changes its events: an append, to one stream or to several at once,
// and what may stand beside it in the same commit.
//
// *Memory*: a request is handed over by value. *Limits*: engine/api/options.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/batch.h"
#include "engine/api/consumer.h"
#include "engine/api/types.h"

namespace strandline {

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

// Names who appends, so that a retry is recognised. A retry answers the offsets of its original and
// writes nothing, for ever, whatever its conditions would say now. The original must have had the
// same events (else `conflict`). A sequence number above the next one is `out_of_order`. A producer
// epoch below the current one is `fenced`, unless that append was made.
struct Producer {
  std::string id;         // as names are (batch.h); per stream
  uint64_t epoch = 0;     // a higher one fences those below it, and begins at sequence 0
  uint64_t sequence = 0;  // counts the producer's appends to the stream in this epoch, from 0
};

// The same for a client that has no sequence number, for a time (Options::idempotency_ttl_s). The
// same key again is answered as the first request was. With another fingerprint it is `reused`.
// Until the first request is answered it is `in_flight`. A refusal is not kept. Setting the clock
// of an open log makes the time neither shorter nor longer.
struct Idempotency {
  std::string key;          // 1 to 255 bytes without control characters
  std::string fingerprint;  // of the request: a hash, at most 64 bytes
};

// Marks that the consumer has processed an id; the whole append is refused (`exists`) if it has,
// and the mark has not expired.
struct ProcessedId {
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

// Makes events dead letters: the positions are removed from what the consumer has unacked. The
// events of the append's first part are their copies, in the same order. There is no part if the
// events themselves are gone. An exclusive consumer, which must still stand where it stood, then
// stands behind them.
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
  std::vector<ProcessedId> once = {};
  std::optional<Idempotency> idempotency = {};
};

// One batch to every stream whose name has the prefix (all of them, if it is empty), all or
// nothing.
struct Broadcast {
  std::string prefix;
  Batch batch;
  Durability durability = Durability::fsync;
};

}  // namespace strandline
