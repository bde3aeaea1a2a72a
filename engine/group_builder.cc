#include "engine/group_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/append_check.h"
#include "engine/check.h"
#include "engine/crc32c.h"
#include "engine/idempotency.h"
#include "engine/mutation.h"
#include "engine/retries.h"

namespace strandline {
namespace {

// Small appends to one stream share a value up to this size: large enough that a crowd of
// single-event writers costs few keys, small enough that reading one event reads little.
constexpr size_t kSharedValueBytes = 64 << 10;

// Expired members that a group purges: more than it adds, so that they never pile up.
constexpr size_t kPurgedAGroup = 256;
constexpr size_t kPurgedAnAppend = 2;

constexpr int64_t kSecondUs = 1'000'000;

// Never lower than what was stored last, whatever the clock does.
Timestamp stored_now(LogState& log) {
  return std::max(log.clock->now(), Timestamp{log.streams.log().assigned.last_stored_us});
}

}  // namespace

GroupBuilder::GroupBuilder(LogState& log, uint64_t number)
    : log_(log),
      number_(number),
      stored_(stored_now(log)),
      group_(log.store->changes()),
      first_sequence_(log.streams.log().assigned.next),
      bytes_before_(log.streams.log().assigned.bytes) {
  log_.producers.begin_group();
}

void GroupBuilder::add(Operation operation) {
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
    auto& answers = at_once ? group_.accepted : group_.answers;
    answers.push_back({std::move(operation.done), std::move(result)});
  };
  if (auto* many = std::get_if<AppendMany>(&operation.request)) {
    run(*many);
  } else if (auto* request = std::get_if<ConsumerRequest>(&operation.request)) {
    auto result = ConsumerDesk(log_, group_, stored_).perform(*request);
    Result<Outcome> answer = std::unexpected(Error{});
    if (result) {
      answer = Outcome{.consumer = std::move(*result)};
    } else {
      answer = std::unexpected(std::move(result.error()));
    }
    // Of a sealed log nothing is synced any more, and whoever only looks waits for nothing.
    if (log_.failure.failed() && treatment_of(*request).effect == Effect::looks) {
      return operation.done(std::move(answer));
    }
    group_.answers.push_back({std::move(operation.done), std::move(answer)});
  } else {
    run(std::get<Broadcast>(operation.request));
  }
}

Result<Outcome> GroupBuilder::append(AppendMany& request) {
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
    outcome.appended.push_back(stage(part.stream, part.batch, request.durability));
    if (part.producer) put_original(part, outcome.appended.back());
  }
  for (const Commit& one : request.commits) {
    commit(one);
    outcome.number = one.next;
  }
  ConsumerDesk desk(log_, group_, stored_);
  for (const Settle& one : request.settles) outcome.consumer = desk.apply(one);
  for (const Bury& one : request.buries) {
    desk.apply(one, outcome.appended.empty() ? std::nullopt
                                             : std::optional(outcome.appended.front().first));
  }
  for (const OnceMark& mark : request.once) {
    put_expiring(mark_key(mark.consumer, mark.id), mark.ttl_s, "");
  }
  if (request.idempotency) {
    put_expiring(answer_key(request.idempotency->key), log_.options.idempotency_ttl_s,
                 encode_answer(log_.streams, request.idempotency->fingerprint, outcome));
  }
  return outcome;
}

Status GroupBuilder::check_consumers(const AppendMany& request) {
  const ConsumerDesk desk(log_, group_, stored_);
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

Result<Outcome> GroupBuilder::broadcast(Broadcast& request) {
  const Limits& limits = log_.options.limits;
  std::vector<std::string> names;
  log_.streams.scan(request.prefix, [&](Stream& stream) {
    if (!stream.name.starts_with(request.prefix)) return false;
    if (stream.assigned.exists) names.emplace_back(stream.name);
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
    outcome.appended.push_back(stage(name, request.batch, request.durability));
  }
  return outcome;
}

Stream& GroupBuilder::stream_for(const std::string& name) {
  Stream* stream = log_.streams.find(name);
  if (!stream) stream = &log_.streams.create(name);
  if (!stream->assigned.exists) {
    stream->assigned.exists = 1;
    put_identity(*stream, "");
  }
  return *stream;
}

Appended GroupBuilder::stage(const std::string& name, const Batch& batch, Durability durability) {
  Stream& stream = stream_for(name);
  Stream& log = log_.streams.log();
  Stage& stage = stage_of(stream);
  const Sequence sequence(log.assigned.next);
  if (stage.writer.count() > 0 && stage.writer.bytes() + batch.bytes().size() > kSharedValueBytes) {
    finish_value(stage);
  }
  if (stage.writer.count() == 0) {
    stage.first = Offset(stream.assigned.next);
    stage.sequence = sequence;
  }
  const uint32_t skip = stage.writer.count();
  stage.writer.add_part(batch.bytes(), batch.count(), sequence);
  if (!ranges_.empty() && ranges_.back().stream == stream.id &&
      ranges_.back().batch_first == stage.first &&
      ranges_.back().skip + ranges_.back().count == skip) {
    ranges_.back().count += batch.count();
  } else {
    ranges_.push_back({stream.id, stage.first, skip, batch.count()});
  }
  const Offset first(stream.assigned.next);
  stream.assigned.next += batch.count();
  stream.assigned.last_stored_us = stored_.us;
  log.assigned.next += batch.count();
  ++group_.appends;
  group_.events += batch.count();
  return {.stream = name,
          .first = first,
          .next = Offset(stream.assigned.next),
          .sequence = sequence,
          .stored = stored_,
          .durability = durability};
}

void GroupBuilder::commit(const Commit& commit) {
  StreamId id = kImportLedger;
  if (commit.stream != kImportLedgerName) id = log_.streams.find(commit.stream)->id;
  const Positions::Key key{commit.consumer, id};
  const std::string at = position_key(commit.consumer, id);
  if (commit.move == Commit::Move::remove) {
    log_.positions.forget(key);
    group_.changes.erase(Family::consumers, at);
    return;
  }
  const PositionRecord record{
      .next = commit.next, .committed_us = stored_.us, .metadata = commit.metadata};
  log_.positions.assign(key, commit.next);
  if (mutated(Mutation::position_outside_batch)) {
    Changes apart = log_.store->changes();
    apart.put(Family::consumers, at, encode(record));
    (void)log_.store->write(std::move(apart));
  } else {
    group_.changes.put(Family::consumers, at, encode(record));
  }
  group_.positions.emplace_back(key, record);
  ConsumerDesk(log_, group_, stored_).touch(commit.consumer);
}

void GroupBuilder::put_original(const AppendMany::Part& part, const Appended& appended) {
  const ProducerAppend original{.first = appended.first.value,
                                .sequence = appended.sequence.value,
                                .stored_us = appended.stored.us,
                                .count = part.batch.count(),
                                .crc32c = crc32c(part.batch.bytes())};
  const StreamId stream = log_.streams.find(part.stream)->id;
  log_.producers.put(stream, *part.producer, original);
  if (mutated(Mutation::producer_outside_batch)) {
    Changes apart = log_.store->changes();
    log_.producers.finish_group(apart);
    (void)log_.store->write(std::move(apart));
  }
}

void GroupBuilder::put_expiring(const std::string& key, uint64_t ttl_s, std::string_view value) {
  const auto ttl_us =
      static_cast<int64_t>(std::min(ttl_s, log_.options.limits.once_ttl_s_max)) * kSecondUs;
  log_.expiring.put(*log_.store, key, ttl_us, value, group_.changes);
}

GroupBuilder::Stage& GroupBuilder::stage_of(Stream& stream) {
  if (stream.staged_group != number_) {
    stream.staged_group = number_;
    stream.staged_index = static_cast<uint32_t>(stages_.size());
    if (stages_.empty()) enter_segment(log_.streams.log(), first_sequence_.value);
    enter_segment(stream, stream.assigned.next);
    stages_.push_back({&stream, StoredBatchWriter(), Offset(0), Sequence(0)});
  }
  return stages_[stream.staged_index];
}

// The first batch of a stream in a segment enters it in the directory.
void GroupBuilder::enter_segment(Stream& stream, uint64_t first) {
  if (!log_.segments.open) {
    log_.segments.open = Segments::Open{
        SegmentId(1), {.created_us = stored_.us, .first_sequence = first_sequence_.value}};
    group_.segments.emplace_back(log_.segments.open->id, log_.segments.open->record);
    group_.changes.put(Family::segments, key_of(KeyKind::segment, 1),
                       encode(log_.segments.open->record));
  }
  const uint64_t open = log_.segments.open->id.value;
  if (stream.assigned.segment == open) return;
  stream.assigned.segment = open;
  group_.changes.put(Family::segments, key_of(KeyKind::where, stream.id.value, first), be64(open));
  group_.changes.put(Family::segments, key_of(KeyKind::holds, open, stream.id.value), be64(first));
}

void GroupBuilder::finish_value(Stage& stage) {
  Stream& stream = *stage.stream;
  const EventKey key{log_.segments.open->id, stream.id, stage.first};
  auto batch = std::make_shared<const SharedBatch>(
      stream.id, stage.writer.finish(key, stage.sequence, stored_, stream.assigned.bytes));
  stage.writer = StoredBatchWriter();
  stream.assigned.bytes += batch->bytes.size();
  log_.streams.log().assigned.bytes += batch->bytes.size();
  group_.changes.put(Family::events, encode(key), batch->bytes);
  group_.batches.push_back(std::move(batch));
}

void GroupBuilder::finish_log_record() {
  Stream& log = log_.streams.log();
  for (Stage& stage : stages_) finish_value(stage);
  StoredBatchWriter writer;
  for (const Range& range : ranges_) writer.add_range(range);
  CHECK_EQ(writer.count(), log.assigned.next - first_sequence_.value);
  const EventKey key{log_.segments.open->id, kLogStream, Offset(first_sequence_.value)};
  auto record = std::make_shared<const SharedBatch>(
      kLogStream, writer.finish(key, first_sequence_, stored_, bytes_before_));
  group_.changes.put(Family::events, encode(key), record->bytes);
  group_.batches.push_back(std::move(record));
  log.assigned.last_stored_us = stored_.us;
}

Group GroupBuilder::finish() {
  if (!stages_.empty()) {
    finish_log_record();
    for (Stage& stage : stages_) put_state(*stage.stream);
    put_state(log_.streams.log());
  }
  ConsumerDesk::finish(log_, group_);
  log_.producers.finish_group(group_.changes);
  group_.expiring = log_.expiring.finish_group(
      *log_.store, kPurgedAGroup + kPurgedAnAppend * group_.appends, group_.changes);
  return std::move(group_);
}

bool GroupBuilder::roll_is_due() const {
  const auto& open = log_.segments.open;
  const StateRecord& log = log_.streams.log().assigned;
  if (!open || open->record.first_sequence == log.next) return false;
  const int64_t age_s = (stored_.us - open->record.created_us) / 1'000'000;
  return log.bytes - open->record.bytes_before >= log_.options.segment_bytes_max ||
         (age_s >= 0 && static_cast<uint64_t>(age_s) >= log_.options.segment_age_max_s);
}

SegmentId GroupBuilder::roll() {
  CHECK_TRUE(stages_.empty());
  Segments::Open& open = *log_.segments.open;
  const StateRecord& log = log_.streams.log().assigned;
  const Segments::Open sealed{open.id,
                              {.sealed = 1,
                               .created_us = open.record.created_us,
                               .first_sequence = open.record.first_sequence,
                               .next_sequence = log.next,
                               .bytes_before = open.record.bytes_before,
                               .bytes = log.bytes - open.record.bytes_before}};
  open = {sealed.id + 1,
          {.created_us = stored_.us, .first_sequence = log.next, .bytes_before = log.bytes}};
  for (const Segments::Open& segment : {sealed, open}) {
    group_.segments.emplace_back(segment.id, segment.record);
    group_.changes.put(Family::segments, key_of(KeyKind::segment, segment.id.value),
                       encode(segment.record));
  }
  return sealed.id;
}

void GroupBuilder::put_identity(Stream& stream, const std::string& description) {
  group_.changes.put(Family::streams, key_of(KeyKind::identity, stream.id.value),
                     encode(IdentityRecord{stored_, std::string(stream.name), description}));
  group_.described.push_back({&stream, stored_, description});
}

void GroupBuilder::put_state(Stream& stream) {
  group_.changes.put(Family::streams, key_of(KeyKind::state, stream.id.value),
                     encode(stream.assigned));
  group_.states.emplace_back(&stream, stream.assigned);
}

}  // namespace strandline
