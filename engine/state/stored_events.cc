#include "engine/state/stored_events.h"

#include "engine/base/check.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {
namespace {

// Small appends to one stream share a value up to this size: large enough that a crowd of
// single-event writers costs few keys, small enough that reading one event reads little.
constexpr size_t kSharedValueBytes = 64 << 10;

}  // namespace

void CollectedEvents::clear() {
  stages.clear();
  ranges.clear();
  batches.clear();
}

StoredEvents::Place StoredEvents::append(CommitGroup& group, Stream& stream, const Batch& batch) {
  CollectedEvents& collected = group.of(*this);
  Stream& log = log_.streams.log();
  CollectedEvents::Stage& stage = stage_of(group, stream);
  const Sequence sequence(log.assigned.next);
  if (stage.writer.count() > 0 && stage.writer.bytes() + batch.bytes().size() > kSharedValueBytes) {
    finish_value(group, stage);
  }
  if (stage.writer.count() == 0) {
    stage.first = Offset(stream.assigned.next);
    stage.sequence = sequence;
  }
  const uint32_t skip = stage.writer.count();
  stage.writer.add_part(batch.bytes(), batch.count(), sequence);
  std::vector<Range>& ranges = collected.ranges;
  if (!ranges.empty() && ranges.back().stream == stream.id &&
      ranges.back().batch_first == stage.first &&
      ranges.back().skip + ranges.back().count == skip) {
    ranges.back().count += batch.count();
  } else {
    ranges.push_back({stream.id, stage.first, skip, batch.count()});
  }
  const Offset first(stream.assigned.next);
  stream.assigned.next += batch.count();
  stream.assigned.last_stored_us = group.stored.us;
  log.assigned.next += batch.count();
  ++group.appends;
  group.events += batch.count();
  return {.first = first, .next = Offset(stream.assigned.next), .sequence = sequence};
}

CollectedEvents::Stage& StoredEvents::stage_of(CommitGroup& group, Stream& stream) {
  CollectedEvents& collected = group.of(*this);
  if (stream.staged_group != group.number) {
    if (collected.stages.empty()) {
      const StateRecord& log = log_.streams.log().assigned;
      collected.first_sequence = Sequence(log.next);
      collected.bytes_before = log.bytes;
      log_.segments.enter(group, log_.streams.log(), Offset(log.next), collected.first_sequence);
    }
    log_.segments.enter(group, stream, Offset(stream.assigned.next), collected.first_sequence);
    stream.staged_group = group.number;
    stream.staged_index = static_cast<uint32_t>(collected.stages.size());
    collected.stages.push_back({&stream, StoredBatchWriter(), Offset(0), Sequence(0)});
  }
  return collected.stages[stream.staged_index];
}

void StoredEvents::finish_value(CommitGroup& group, CollectedEvents::Stage& stage) {
  Stream& stream = *stage.stream;
  const EventKey key{log_.segments.open->stripe(), stream.id, stage.first};
  auto batch = std::make_shared<const SharedBatch>(
      stream.id, stage.writer.finish(key, stage.sequence, group.stored, stream.assigned.bytes));
  stage.writer = StoredBatchWriter();
  stream.assigned.bytes += batch->bytes.size();
  log_.streams.log().assigned.bytes += batch->bytes.size();
  group.changes.put(Family::events, encode(key), batch->bytes);
  group.of(*this).batches.push_back(std::move(batch));
}

void StoredEvents::finish_log_record(CommitGroup& group) {
  CollectedEvents& collected = group.of(*this);
  Stream& log = log_.streams.log();
  StoredBatchWriter writer;
  for (const Range& range : collected.ranges) writer.add_range(range);
  CHECK_EQ(writer.count(), log.assigned.next - collected.first_sequence.value);
  const EventKey key{log_.segments.open->stripe(), kLogStream,
                     Offset(collected.first_sequence.value)};
  auto record = std::make_shared<const SharedBatch>(
      kLogStream,
      writer.finish(key, collected.first_sequence, group.stored, collected.bytes_before));
  group.changes.put(Family::events, encode(key), record->bytes);
  collected.batches.push_back(std::move(record));
  log.assigned.last_stored_us = group.stored.us;
}

void StoredEvents::stage(CommitGroup& group, const Store&) {
  CollectedEvents& collected = group.of(*this);
  if (collected.stages.empty()) return;
  for (CollectedEvents::Stage& one : collected.stages) finish_value(group, one);
  finish_log_record(group);
  for (const CollectedEvents::Stage& one : collected.stages) {
    log_.streams.touch(group, *one.stream);
  }
  log_.streams.touch(group, log_.streams.log());
}

void StoredEvents::publish(CommitGroup& group) { log_.batch_cache.push(group.of(*this).batches); }

}  // namespace strandline
