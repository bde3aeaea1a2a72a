#include "engine/writing/commit_group_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/mutation.h"
#include "engine/state/idempotency.h"
#include "engine/writing/acts.h"
#include "engine/writing/append_check.h"
#include "engine/writing/retries.h"

namespace strandline {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

// Never lower than what was stored last, whatever the clock does.
Timestamp stored_now(LogState& log) {
  return std::max(log.clock->now(), Timestamp{log.streams.log().assigned.last_stored_us});
}

}  // namespace

CommitGroupBuilder::CommitGroupBuilder(LogState& log, uint64_t number)
    : log_(log), group_(number, stored_now(log), log.store->changes(), log.parts.begin_group()) {}

void CommitGroupBuilder::add(Operation operation) {
  group_.bytes += operation.bytes;
  const auto run = [&](auto& request) {
    const Durability durability = request.durability;
    Result<Outcome> result = [&] {
      if constexpr (std::is_same_v<std::decay_t<decltype(request)>, Broadcast>) {
        return broadcast(request);
      } else {
        return append(request);
      }
    }();
    if (!result) log_.counters.refused(result.error().code);
    const bool retried = result && result->retried;
    if (retried) log_.counters.appends_retried.fetch_add(1, std::memory_order_relaxed);
    // What a retry is answered was written by others, and must be durable when it is said.
    const bool at_once = result && ((durability == Durability::accepted && !retried) ||
                                    mutated(Mutation::acknowledged_before_sync));
    write_down(operation, result);
    auto& answers = at_once ? group_.accepted : group_.answers;
    answers.push_back({std::move(operation.done), std::move(result)});
  };
  if (auto* many = std::get_if<AppendMany>(&operation.request)) {
    run(*many);
  } else if (auto* request = std::get_if<ConsumerRequest>(&operation.request)) {
    auto result = ConsumerDesk(log_, group_, group_.stored).perform(*request);
    Result<Outcome> answer = std::unexpected(Error{});
    if (result) {
      answer = Outcome{.consumer = std::move(*result)};
    } else {
      answer = std::unexpected(std::move(result.error()));
    }
    write_down(operation, answer);
    // Of a sealed log nothing is synced any more, and whoever only looks waits for nothing.
    if (log_.failure.failed() && treatment_of(*request).effect == Effect::none) {
      return operation.done(std::move(answer));
    }
    group_.answers.push_back({std::move(operation.done), std::move(answer)});
  } else if (std::holds_alternative<Record>(operation.request)) {
    const Result<Outcome> done = Outcome{};
    write_down(operation, done);
    group_.answers.push_back({std::move(operation.done), done});
  } else if (auto* keep = std::get_if<KeepIndex>(&operation.request)) {
    if (auto* made = std::get_if<StripeIndex>(&keep->change)) {
      log_.index.put(group_, std::move(*made));
    } else {
      log_.index.remove(group_, std::get<IndexRemoval>(std::move(keep->change)));
    }
    group_.answers.push_back({std::move(operation.done), Outcome{}});
  } else {
    run(std::get<Broadcast>(operation.request));
  }
}

void CommitGroupBuilder::write_down(const Operation& operation, const Result<Outcome>& result) {
  if (!result || result->retried || !log_.options.record_administration) return;
  const auto act = act_of(operation, *result);
  if (!act) return;
  // A program that says nothing acts itself; a server's client never acts in its name.
  const bool unsaid = !operation.by.is_named() && operation.by.kind == Actor::Kind::program;
  const Actor& by = unsaid ? log_.options.actor : operation.by;
  append_to(std::string(kAdminStream), record_of(*act, by), Durability::fsync);
}

Result<Outcome> CommitGroupBuilder::append(AppendMany& request) {
  // First of all: a retry's conditions held once, and what it asks for has been done.
  auto original = find_original(log_, request);
  if (!original) return std::unexpected(std::move(original.error()));
  if (*original) return std::move(**original);
  // Who is fenced hears that, and not what else would be wrong.
  if (auto ok = check_consumers(request); !ok) return std::unexpected(std::move(ok.error()));
  if (auto ok = check_append(log_, request); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  Outcome outcome;
  outcome.appended.reserve(request.parts.size());
  for (const AppendMany::Part& part : request.parts) {
    outcome.appended.push_back(append_to(part.stream, part.batch, request.durability));
    if (part.producer) put_original(part, outcome.appended.back());
  }
  for (const Commit& one : request.commits) {
    commit(one);
    outcome.number = one.next;
  }
  ConsumerDesk desk(log_, group_, group_.stored);
  for (const Settle& one : request.settles) outcome.consumer = desk.apply(one);
  for (const Bury& one : request.buries) {
    desk.apply(one, outcome.appended.empty() ? std::nullopt
                                             : std::optional(outcome.appended.front().first));
  }
  for (const ProcessedId& mark : request.once) {
    put_expiring(processed_id_key(mark.consumer, mark.id), mark.ttl_s, "");
  }
  if (request.idempotency) {
    put_expiring(answer_key(request.idempotency->key), log_.options.idempotency_ttl_s,
                 encode_answer(log_.streams, request.idempotency->fingerprint, outcome));
  }
  return outcome;
}

Status CommitGroupBuilder::check_consumers(const AppendMany& request) {
  const ConsumerDesk desk(log_, group_, group_.stored);
  Status ok;
  for (const Commit& one : request.commits) {
    if (ok) ok = desk.check(one);
  }
  for (const Settle& one : request.settles) {
    if (ok) ok = desk.check(one);
  }
  for (const Bury& one : request.buries) {
    if (ok) ok = desk.check(one);
  }
  return ok;
}

Result<Outcome> CommitGroupBuilder::broadcast(Broadcast& request) {
  const Limits& limits = log_.options.limits;
  std::vector<std::string> names;
  log_.streams.scan(request.prefix, [&](Stream& stream) {
    if (!stream.name.starts_with(request.prefix)) return false;
    const bool reserved = stream.name.starts_with('$');  // nobody but the log appends there
    if (stream.assigned.exists && !reserved) names.emplace_back(stream.name);
    return names.size() <= limits.append_streams_max;
  });
  const size_t bytes = names.size() * request.batch.bytes().size();
  if (names.size() > limits.append_streams_max || bytes > limits.append_bytes_max) {
    return fail(Code::too_large,
                fmt::format("a broadcast of {} bytes to {} streams: one append writes at most {} "
                            "bytes to {} streams",
                            request.batch.bytes().size(), names.size(), limits.append_bytes_max,
                            limits.append_streams_max));
  }
  Outcome outcome;
  for (const std::string& name : names) {
    outcome.appended.push_back(append_to(name, request.batch, request.durability));
  }
  return outcome;
}

Stream& CommitGroupBuilder::stream_for(const std::string& name) {
  Stream* stream = log_.streams.find(name);
  if (!stream) stream = &log_.streams.create(name);
  if (!stream->assigned.exists) {
    stream->assigned.exists = 1;
    log_.streams.identify(group_, *stream, "");
  }
  return *stream;
}

Appended CommitGroupBuilder::append_to(const std::string& name, const Batch& batch,
                                       Durability durability) {
  const StoredEvents::Place place = log_.events.append(group_, stream_for(name), batch);
  return {.stream = name,
          .first = place.first,
          .next = place.next,
          .sequence = place.sequence,
          .stored = group_.stored,
          .durability = durability};
}

void CommitGroupBuilder::commit(const Commit& commit) {
  StreamId id = kImportLedger;
  if (commit.stream != kImportLedgerName) id = log_.streams.find(commit.stream)->id;
  const Positions::Key key{commit.consumer, id};
  if (commit.move == Commit::Move::remove) {
    log_.positions.forget(group_, key);
    return;
  }
  const PositionRecord record{
      .next = commit.next, .committed_us = group_.stored.us, .metadata = commit.metadata};
  log_.positions.put(group_, key, record);
  if (mutated(Mutation::position_outside_batch)) {
    Changes apart = log_.store->changes();
    apart.put(Family::consumers, position_key(commit.consumer, id), encode(record));
    (void)log_.store->write(std::move(apart));
  }
  ConsumerDesk(log_, group_, group_.stored).touch(commit.consumer);
}

void CommitGroupBuilder::put_original(const AppendMany::Part& part, const Appended& appended) {
  const ProducerAppend original{.first = appended.first.value,
                                .sequence = appended.sequence.value,
                                .stored_us = appended.stored.us,
                                .count = part.batch.count(),
                                .crc32c = crc32c(part.batch.bytes())};
  const StreamId stream = log_.streams.find(part.stream)->id;
  log_.producers.put(stream, *part.producer, original);
  if (mutated(Mutation::producer_outside_batch)) {
    Changes apart = log_.store->changes();
    log_.producers.lay(apart);
    (void)log_.store->write(std::move(apart));
  }
}

void CommitGroupBuilder::put_expiring(const std::string& key, uint64_t ttl_s,
                                      std::string_view value) {
  const auto ttl_us =
      static_cast<int64_t>(std::min(ttl_s, log_.options.limits.once_ttl_s_max)) * kSecondUs;
  log_.expiring.put(group_, *log_.store, key, ttl_us, value);
}

CommitGroup CommitGroupBuilder::finish() {
  for (StatePart* part : log_.parts) part->stage(group_, *log_.store);
  return std::move(group_);
}

bool CommitGroupBuilder::roll_is_due() const {
  const auto& open = log_.segments.open;
  const StateRecord& log = log_.streams.log().assigned;
  if (!open || open->record.first_sequence == log.next) return false;
  const int64_t age_s = (group_.stored.us - open->record.created_us) / 1'000'000;
  return log.bytes - open->record.bytes_before >= log_.options.segment_bytes_max ||
         (age_s >= 0 && static_cast<uint64_t>(age_s) >= log_.options.segment_age_max_s);
}

void CommitGroupBuilder::next_stripe_if_due() {
  const auto& open = log_.segments.open;
  const StateRecord& log = log_.streams.log().assigned;
  if (!open || open->record.stripes == kStripesMax) return;
  if (log.bytes - open->record.stripe_bytes_before < log_.options.stripe_bytes_max) return;
  log_.segments.next_stripe(group_);
}

SegmentId CommitGroupBuilder::roll() {
  CHECK_EQ(group_.appends, 0u);
  return log_.segments.roll(group_);
}

}  // namespace strandline
