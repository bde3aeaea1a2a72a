// A durable set of ordered streams of events: the engine's facade, usable without any server.
//
// *Offsets* count events, from 0, per stream, and are never reused. *Threads*: any; completions run
// on the engine's and must only post. *Memory*: append takes its batches by value; a delivery from
// a cursor lives until its next read; cursors and subscriptions must not outlive the log. *Errors*:
// after a failed commit the log is read-only (`sealed`) until it is reopened, and what was under
// way is answered outcome_unknown. *Durability*: an append is acknowledged after its bytes are
// fsynced, unless it asked for `accepted`; a reader is only ever shown what is durable.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/api/access.h"
#include "engine/api/administration.h"
#include "engine/api/append.h"
#include "engine/api/consumer.h"
#include "engine/api/cursor.h"
#include "engine/api/error.h"
#include "engine/api/log_info.h"
#include "engine/api/options.h"
#include "engine/api/reading.h"
#include "engine/api/types.h"
#include "engine/consumers/consumer_wait.h"
#include "engine/reading/subscription.h"

namespace strandline {

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

  // --- Streams. Changes are durable when they return. `by`, here and below: who does it
  // --- (administration.h); Options::actor, if it names nobody.
  Result<StreamInfo> create_stream(std::string name, StreamSettings settings = {},
                                   Actor by = {});  // or `exists`
  // Offsets go on where they stopped if the name returns.
  Status delete_stream(std::string name, Actor by = {});
  // Forgets everything below `before`, which may be up to the tail; answers the new start.
  Result<Offset> truncate(std::string name, Offset before, Actor by = {});
  Result<StreamInfo> describe(std::string_view name) const;
  // In byte order of names, after `after` (exclusive), at most `limit`.
  std::vector<StreamInfo> list(std::string_view prefix, std::string_view after, size_t limit) const;
  // Asks each of them, in memory: about 0.1 us a stream.
  StoredUnder stored_under(std::string_view prefix) const;

  // --- Reading.
  Result<std::unique_ptr<Cursor>> read(ReadOptions options) const;
  Result<Subscription> subscribe(ReadOptions options) const;
  // Where the last N events that match a filter begin is searched for backwards through the log,
  // which can take minutes where few match. While held, such a search answers `closed`: one under
  // way ends within about a megabyte, and none begins. For who must end soon, and lets go after.
  void hold_searches(bool held);
  // The available positions: of a stream its offsets, of "$all" its sequence numbers.
  Result<Available> available(std::string_view stream) const;

  // --- Committed positions: what is durable. not_found where there is none.
  Result<uint64_t> position(std::string_view consumer, std::string_view stream) const;
  std::vector<ConsumerPosition> positions(std::string_view consumer_prefix, size_t limit) const;
  // Those of one consumer.
  std::vector<ConsumerPosition> positions_of(std::string_view consumer) const;
  // Moves those of a reader that is no named consumer, back too: each to what `from` is in its
  // stream. A ledger has no streams' positions: its own go to a number or `earliest`, which is 0.
  Result<std::vector<ConsumerPosition>> reset_positions(std::string consumer, From from,
                                                        Actor by = {});

  // --- Named consumers (consumer.h). Changes are durable when they return, or are answered.
  Result<ConsumerInfo> create_consumer(std::string name, ConsumerSettings settings,
                                       Actor by = {});  // or `exists`
  // Or, where there is none of that name, the committed positions of a reader of that name.
  Status delete_consumer(std::string name, Actor by = {});
  // Moves it, back too, while it is being read: its members are fenced, and join again.
  Result<ConsumerInfo> reset_consumer(std::string name, From from, Actor by = {});
  // As it is durable; asks nothing of the writer, and waits for nobody.
  Result<ConsumerInfo> describe_consumer(std::string name) const;
  Result<ConsumerInfo> update_consumer(std::string name, ConsumerChange change, Actor by = {});
  // Dead-letters what is in the way, and waits until it is. `conflict` if there is nothing to skip.
  Result<Skipped> skip(Skip request, Actor by = {});
  Result<ConsumerSettings> consumer_settings(std::string_view name) const;
  Result<std::vector<ConsumerInfo>> consumers(std::string prefix, std::string after,
                                              size_t limit) const;
  Result<Joined> join(std::string consumer);
  // What the member has goes to others at once. Untried: it tried none of it, and no attempt is
  // counted; of an exclusive consumer, the attempt at the event at its position is taken back.
  Status leave(std::string consumer, uint64_t epoch, bool untried = false);
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
  Result<uint64_t> replay(std::string consumer, uint64_t limit, Actor by = {});
  // Those that are dead now, in order of position, from one on.
  Result<std::vector<DeadLetter>> dead_letters(std::string consumer, uint64_t from,
                                               size_t limit) const;
  // An exclusive consumer's events, from its position on, as fast as a subscription. It does not
  // end by itself when a newer epoch takes over: is_fenced() says so. The attempt at the first
  // event is counted, durably, before it is delivered.
  Result<Subscription> subscribe_exclusive(std::string consumer, uint64_t epoch);
  bool is_fenced(std::string_view consumer, uint64_t epoch) const;
  Error full_of(std::string_view consumer) const;  // why Assignment::full

  // --- Ids processed once: for effects elsewhere. True: it is new, and now durably marked.
  Result<bool> once(std::string consumer, std::string id, uint64_t ttl_s);
  Result<bool> was_processed(std::string_view consumer, std::string_view id) const;  // durably

  // --- Segments.
  // Seals the open segment, starts a new one; answers the sealed one.
  Result<SegmentId> roll(Actor by = {});
  std::vector<SegmentInfo> segments() const;
  // Drops the oldest sealed segment, which must be this one, with all that is in it.
  Status drop_segment(SegmentId segment, Actor by = {});

  // --- API keys (access.h). The log keeps them, and asks nobody for one. Changes are durable when
  // --- they return.
  ApiKeysPointer api_keys() const;  // as they are durable
  // `exists` where there is one of that name that is good still.
  Result<ApiKeyPointer> create_key(NewApiKey key, Actor by = {});
  // Gives it another secret; the one before is good for so long yet.
  Result<ApiKeyPointer> rotate_key(std::string name, std::string digest,
                                   std::chrono::seconds grace = {}, Actor by = {});
  // For good. One that is revoked already stays as it is.
  Result<ApiKeyPointer> revoke_key(std::string name, Actor by = {});

  // --- What is written down (administration.h) beside the log's own acts; nothing where
  // --- Options::record_administration is off. They wait for nobody, and fail in silence: false
  // --- where it is known at once.
  bool record(Act act, Actor by);
  // Whoever serves a key says so the first time: that is marked in the key, for good.
  void first_use(std::string key, Actor by);

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
  Timestamp now() const;          // by the log's clock
  // Reads everything and checks every checksum and every contiguity; reports each finding.
  Verified verify(std::function<void(uint64_t events_done)> progress = nullptr) const;

 private:
  struct Parts;
  // False: there is nothing to give.
  Result<bool> begin_attempt(const std::string& consumer, uint64_t epoch);
  Result<std::vector<Spent>> next_of(const NamedConsumer& consumer, const Skip& request) const;
  // What was given could not be read: it is given out again.
  void return_unseen(const Assignment& assignment);
  explicit Log(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace strandline
