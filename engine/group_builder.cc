#include "engine/group_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/check.h"
#include "engine/mutation.h"

namespace strandline {
namespace {

// Small appends to one stream share a value up to this size: large enough that a crowd of
// single-event writers costs few keys, small enough that reading one event reads little.
constexpr size_t kSharedValueBytes = 64 << 10;

Error conflict(std::string message, uint64_t current) {
  return {.code = Code::conflict, .message = std::move(message), .current = current};
}

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
      bytes_before_(log.streams.log().assigned.bytes) {}

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
    if (!result) log_.counters.appends_refused.fetch_add(1, std::memory_order_relaxed);
    const bool at_once = result && (durability == Durability::accepted ||
                                    mutated(Mutation::acknowledged_before_sync));
    auto& answers = at_once ? group_.accepted : group_.answers;
    answers.push_back({std::move(operation.done), std::move(result)});
  };
  if (auto* many = std::get_if<AppendMany>(&operation.request)) {
    run(*many);
  } else {
    run(std::get<Broadcast>(operation.request));
  }
}

Result<Outcome> GroupBuilder::append(AppendMany& request) {
  if (auto ok = check_parts(request); !ok) return std::unexpected(std::move(ok.error()));
  if (auto ok = check_commits(request); !ok) return std::unexpected(std::move(ok.error()));
  Outcome outcome;
  outcome.appended.reserve(request.parts.size());
  for (const AppendMany::Part& part : request.parts) {
    outcome.appended.push_back(stage(part.stream, part.batch, request.durability));
  }
  for (const Commit& one : request.commits) {
    commit(one);
    outcome.number = one.next;
  }
  return outcome;
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

// Each part's condition sees the parts before it.
Status GroupBuilder::check_parts(const AppendMany& request) const {
  struct Planned {
    bool exists;
    uint64_t next;
  };
  std::unordered_map<std::string_view, Planned> planned;
  size_t created = 0;
  for (const AppendMany::Part& part : request.parts) {
    Planned* plan = nullptr;
    Planned now{false, 0};
    if (const auto found = planned.find(part.stream); found != planned.end()) {
      plan = &found->second;
    } else {
      if (const Stream* stream = log_.streams.find(part.stream)) {
        now = {stream->assigned.exists != 0, stream->assigned.next};
      } else {
        ++created;
      }
      // One part is the common case, and needs no map.
      plan = request.parts.size() == 1 ? &now : &planned.emplace(part.stream, now).first->second;
    }
    if (!plan->exists && !log_.options.create_streams_on_append) {
      return fail(Code::not_found, fmt::format("no stream \"{}\"; create it first", part.stream));
    }
    if (part.expected.kind == Expected::Kind::absent && plan->exists) {
      return std::unexpected(conflict(
          fmt::format("stream \"{}\" exists, and was expected not to; its next offset is {}",
                      part.stream, plan->next),
          plan->next));
    }
    if (part.expected.kind == Expected::Kind::next && part.expected.offset.value != plan->next) {
      return std::unexpected(
          conflict(fmt::format("the next offset of stream \"{}\" is {}, and was expected to be {}",
                               part.stream, plan->next, part.expected.offset.value),
                   plan->next));
    }
    plan->exists = true;
    plan->next += part.batch.count();
  }
  if (log_.streams.count() + created > log_.options.limits.streams_max) {
    return fail(Code::too_large,
                fmt::format("a log has at most {} streams", log_.options.limits.streams_max));
  }
  return {};
}

// Each commit's condition sees the commits before it, and the events beside it.
Status GroupBuilder::check_commits(const AppendMany& request) const {
  std::map<std::pair<std::string_view, std::string_view>, uint64_t> planned;
  std::unordered_map<std::string_view, uint64_t> appended_to;
  if (!request.commits.empty()) {
    for (const AppendMany::Part& part : request.parts) {
      appended_to[part.stream] += part.batch.count();
      appended_to[kAllName] += part.batch.count();
    }
  }
  size_t created = 0;
  for (const Commit& one : request.commits) {
    const bool ledger = one.stream == kImportLedgerName;
    const Stream* stream = ledger ? nullptr : log_.streams.find(one.stream);
    const auto events = appended_to.find(one.stream);
    const uint64_t appended = events == appended_to.end() ? 0 : events->second;
    const bool exists = stream && stream->assigned.exists;
    if (!ledger && !exists && appended == 0) {
      return fail(Code::not_found, fmt::format("no stream \"{}\" to commit in", one.stream));
    }
    std::optional<uint64_t> tail;  // a ledger has none
    if (!ledger) tail = (stream ? stream->assigned.next : 0) + appended;
    std::optional<uint64_t> known;
    if (const auto found = planned.find({one.consumer, one.stream}); found != planned.end()) {
      known = found->second;
    } else if (ledger || stream) {
      known = log_.positions.assigned({one.consumer, ledger ? kImportLedger : stream->id});
    }
    const uint64_t current = known.value_or(0);
    if (one.expected && *one.expected != current) {
      return std::unexpected(
          conflict(fmt::format("consumer \"{}\" stands at {} in \"{}\", and was expected at {}",
                               one.consumer, current, one.stream, *one.expected),
                   current));
    }
    if (one.next < current) {
      return std::unexpected(conflict(
          fmt::format(
              "consumer \"{}\" stands at {} in \"{}\": a position never goes back, and {} is "
              "below it",
              one.consumer, current, one.stream, one.next),
          current));
    }
    if (tail && one.next > *tail) {
      return std::unexpected(
          Error{.code = Code::out_of_range,
                .message = fmt::format("{} is past the tail of \"{}\", which is {}", one.next,
                                       one.stream, *tail),
                .available = Available{0, *tail}});
    }
    if (!known) ++created;
    if (!known && log_.positions.count() + created > log_.options.limits.consumers_max) {
      return fail(Code::too_large, fmt::format("a log has at most {} committed positions",
                                               log_.options.limits.consumers_max));
    }
    planned[{one.consumer, one.stream}] = one.next;
  }
  return {};
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
  const PositionRecord record{.next = commit.next, .committed_us = stored_.us};
  log_.positions.assign(key, commit.next);
  const std::string at = position_key(commit.consumer, id);
  if (mutated(Mutation::position_outside_batch)) {
    Changes apart = log_.store->changes();
    apart.put(Family::consumers, at, encode(record));
    (void)log_.store->write(std::move(apart));
  } else {
    group_.changes.put(Family::consumers, at, encode(record));
  }
  group_.positions.emplace_back(key, record);
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
