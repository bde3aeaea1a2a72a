// Named consumers: readers whose place the log keeps.
//
// A consumer reads a selection in order, as a subscription does; its positions are offsets when it
// reads one stream and sequences when it reads several. How it is read is its mode:
//
//   exclusive  one reader at a time. It commits the position below which all is handled.
//   shared     any number of members. Each event goes to one of them, which acks it; what is not
//              acked by its deadline, or by a member that dies, goes to another.
//   keyed      as shared, and of the events with one key only the oldest that is not acked is ever
//              in flight: in order within a key, in parallel across keys.
//
// *Epochs*: joining gives a number, higher each time. In mode exclusive the highest has the
// consumer, and lower ones are fenced. In the others it names the member, and an event belongs to
// the member that it was given to last. *Durability*: whatever is answered is durable; attempts are
// counted before an event is given out, so that a crash counts too. *At most one of*: every event
// of the selection is acked, in flight, waiting or dead-lettered.
//
// *Attempts*: of a group each time that an event is given out; of an exclusive consumer each epoch
// that is given the event at the position, while nothing that it was given before is uncommitted.
// Who fetches one event at a time, and joins again when one fails, has each failure counted. What
// was not tried is returned, or left untried (Log::leave), and counts no attempt. After
// max_attempts of them, once the last is over (nacked, past its deadline, its member left or
// replaced), the log itself copies the event to the dead-letter stream, whether anybody asks or
// not. *Dead letters* come to an end: who reads everything, or a prefix that does not begin with
// "dead-letters/", is not given the streams under "dead-letters/"; nobody is given his own; and
// what is a dead letter already goes to those of each consumer once: the second time it is dropped,
// with a warning. *Time*: deadlines and delays go by elapsed time, whatever the clock is set to.
// Over a reopening a nack's delay may be over early, and is never longer, counted from the opening,
// than what was left of it; a last attempt that was under way has the ack deadline anew.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/delivery.h"
#include "engine/api/error.h"
#include "engine/api/reading.h"
#include "engine/api/types.h"

namespace strandline {

struct ConsumerSettings {
  enum class Mode : uint8_t { exclusive, shared, keyed };

  Mode mode = Mode::exclusive;
  Selection select = {};
  From start = From::earliest();
  std::vector<std::string> types = {};     // as TextFilter
  std::vector<std::string> subjects = {};  // the same
  std::string key = {};                    // keyed: which attribute is the key; empty: the subject
  uint64_t ack_deadline_ms = 30'000;  // of a group: from being given to being acked or extended
  std::optional<uint32_t> attempts_max = {};  // as attempts(), where it is not said
  uint64_t unacked_max = 10'000;              // of a group: given out or held back, and not acked
  std::string dead_letters = {};  // the stream they go to; empty: dead-letters/{consumer}
  // Retention keeps what is not acked (committed): dropping and truncating it are refused.
  bool retain = false;

  bool is_consumer_group() const { return mode != Mode::exclusive; }
  // After so many an event is dead-lettered; 0: never. A reader that is started again over and
  // over, because what it writes to is down, must not lose its place unless it was asked to.
  uint32_t attempts() const { return attempts_max.value_or(is_consumer_group() ? 5 : 0); }
};
using SettingsPointer = std::shared_ptr<const ConsumerSettings>;

// What may be changed of a consumer while it is read; what is not there stays. Members need not
// join again: a new deadline holds for what is given out or extended from now on, a new number of
// attempts at once. Its mode, its selection and its streams never change.
struct ConsumerChange {
  std::optional<uint64_t> ack_deadline_ms = {};
  std::optional<uint32_t> attempts_max = {};
  std::optional<uint64_t> unacked_max = {};
  std::optional<bool> retain = {};
};
const char* name_of(ConsumerSettings::Mode mode);

// Where a consumer stands, durably. Counts are of what its records hold; none is kept beside them.
struct ConsumerInfo {
  std::string name;
  ConsumerSettings settings;
  Timestamp created;
  uint64_t epoch = 0;        // the last that was given
  uint64_t position = 0;     // all below it is acked (committed)
  uint64_t next = 0;         // the first that was never given out
  Available available = {};  // of what it reads
  // What is not done yet: the unacked, and the positions from next to the tail, which are as many
  // events or fewer. Of an exclusive consumer: from its position.
  uint64_t lag = 0;
  uint64_t unacked = 0;      // in flight or waiting below next
  uint64_t pending = 0;      // of the unacked: given out at least once
  uint64_t in_flight = 0;    // of the pending: a member has it now
  uint64_t redelivered = 0;  // of the unacked: given out more than once
  uint64_t dead_lettered = 0;
  uint64_t members = 0;  // that were heard of since the log was opened, and have not left
  std::optional<Timestamp> oldest_unacked;  // when the event at `position` was stored
};

struct Joined {
  uint64_t epoch;
  uint64_t position;
};

// A half-open range of positions.
struct Span {
  uint64_t from;
  uint64_t to;
  static Span of(uint64_t position) { return {position, position + 1}; }
};

// What a member says of events that it was given: all of it is applied, or none.
struct Settle {
  struct Nack {
    Span span;
    uint64_t delay_ms = 0;    // until it may be given out again
    std::string reason = {};  // up to 256 bytes, for the dead letter
  };
  std::string consumer;
  uint64_t epoch = 0;
  std::vector<Span> acks = {};
  std::vector<Nack> nacks = {};
  std::vector<Span> extends = {};  // each deadline begins anew
  std::vector<Span> returns = {};  // nobody has seen them: given out again, at once and uncounted
};

struct Settled {
  uint64_t acked = 0;
  uint64_t already = 0;  // were acked or dead-lettered before: a retry
  uint64_t nacked = 0;
  uint64_t extended = 0;
  uint64_t exhausted = 0;  // of the nacked: will be dead-lettered
};

struct Fetch {
  std::string consumer;
  uint64_t epoch = 0;  // 0: joins first
  size_t events_max = 100;
  size_t bytes_max = 1 << 20;         // of events; one is given whatever its size
  std::chrono::milliseconds wait{0};  // Log::fetch(Fetch) alone: for something to come
  // Nothing is given beyond so many in flight of the member; 0: as many as the consumer allows.
  size_t window = 0;
  // Applied first: if it is refused, nothing is given.
  std::optional<Settle> settle = {};
};

struct Given {
  uint64_t position;
  uint32_t attempt;  // 1 is the first
};

// Gives up on events that are in the way: they are dead-lettered, with the reason, as if they had
// had their attempts. Of a group these are unacked, whoever has them now; of an exclusive consumer
// the next ones from where it stands, and its position moves behind them.
struct Skip {
  std::string consumer;
  std::optional<uint64_t> position = {};  // of the first; none: the oldest that is not done
  uint64_t count = 1;  // of a group: positions, of which the unacked are skipped; else events
  std::string reason = {};
};
struct Skipped {
  uint64_t skipped = 0;
  uint64_t position = 0;  // where the consumer stands now
};

// What a fetch was given, durably; Log::retrieve reads the events.
struct Assignment {
  std::string consumer;
  uint64_t epoch = 0;
  std::vector<Given> given = {};        // ascending
  std::optional<Settled> settled = {};  // what Fetch::settle did
  std::vector<Gap> gaps = {};           // that were passed on the way
  bool more = false;                    // there was more to look at: fetch again
  bool full = false;                    // nothing more while unacked_max are unacked
  bool burying = false;                 // exclusive: nothing until the event there is dead-lettered
  std::optional<std::chrono::microseconds> due_in = {};  // until the next deadline or delay passes
};

// Events that were fetched. *Memory*: owns what `runs` view.
struct Fetched {
  uint64_t epoch = 0;
  std::vector<Events> runs = {};  // in order
  std::vector<Given> given = {};  // one for each event of the runs, in their order
  std::vector<Gap> gaps = {};
  std::deque<std::string> bytes = {};

  bool empty() const { return runs.empty() && gaps.empty(); }
};

// A dead letter, as its stream holds it.
struct DeadLetter {
  uint64_t position;  // of the event, in what the consumer reads
  Offset at;          // in the dead-letter stream
};

}  // namespace strandline
