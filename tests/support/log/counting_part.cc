#include "tests/support/log/counting_part.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/state/rebuild.h"
#include "engine/state/verification.h"

namespace strandline::tests {
namespace {

constexpr char kCountKind = 0x40;

std::string count_key(StreamId stream) { return std::string(1, kCountKind) + be64(stream.value); }

std::string count_record(uint64_t count) {
  std::string record;
  put_le(record, count);
  return record;
}

// What is stored; nothing, if a record does not parse.
std::optional<std::map<StreamId, uint64_t>> stored_counts(const Store& store) {
  std::map<StreamId, uint64_t> counts;
  StoreIterator it = store.iterate(Family::producers);
  const std::string kind(1, kCountKind);
  for (it.seek(kind); it.valid() && it.key().starts_with(kind); it.next()) {
    if (it.key().size() != 9 || it.value().size() != sizeof(uint64_t)) return std::nullopt;
    counts[StreamId(get_be64(it.key(), 1))] = get_le<uint64_t>(it.value(), 0);
  }
  if (it.damage()) return std::nullopt;
  return counts;
}

}  // namespace

CountingPart::CountingPart(LogState& log) : Collecting(log.parts), log_(log) {}

uint64_t CountingPart::durable(StreamId stream) const {
  const std::lock_guard lock(mutex_);
  const auto found = durable_.find(stream);
  return found == durable_.end() ? 0 : found->second;
}

Status CountingPart::spoil(StreamId stream, uint64_t count) {
  Changes changes = log_.store->changes();
  changes.put(Family::producers, count_key(stream), count_record(count));
  return log_.store->write(std::move(changes));
}

Status CountingPart::load(Loading& loading) {
  auto counts = stored_counts(*loading.log.store);
  if (!counts) return fail(Code::corrupt, "a count does not parse");
  assigned_ = durable_ = std::move(*counts);
  return {};
}

void CountingPart::stage(CommitGroup& group, const Store&) {
  CollectedCounts& collected = group.of(*this);
  for (const BatchPointer& batch : group.of(log_.events).batches) {
    const StreamId stream = batch->batch.stream();
    if (stream == kLogStream) continue;
    collected.counts[stream] = assigned_[stream] += batch->batch.head().count;
  }
  for (const auto& [stream, count] : collected.counts) {
    group.changes.put(Family::producers, count_key(stream), count_record(count));
  }
}

void CountingPart::publish(CommitGroup& group) {
  for (const auto& [stream, count] : group.of(*this).counts) {
    // It stands behind the streams in the list.
    EXPECT_EQ(log_.streams.find(stream)->tail(), Offset(count));
    const std::lock_guard lock(mutex_);
    durable_[stream] = count;
  }
}

void CountingPart::verify(Verification& verification) const {
  const auto counts = stored_counts(*log_.store);
  if (!counts) return verification.find("the counts", "a record does not parse");
  for (const auto& [id, count] : *counts) {
    const Stream* stream = log_.streams.find(id);
    if (stream && stream->tail().value == count) continue;
    verification.find(fmt::format("the count of stream {}", id.value),
                      fmt::format("it is {}, and {} events were appended", count,
                                  stream ? stream->tail().value : 0));
  }
}

Status CountingPart::rebuild(Rebuild& rebuild) const {
  std::map<StreamId, uint64_t> counts;
  for (const auto& [segment, streams] : rebuild.runs) {
    for (const auto& [stream, run] : streams) {
      if (stream != kLogStream) counts[stream] = std::max(counts[stream], run.next.value);
    }
  }
  for (const auto& [stream, count] : counts) {
    rebuild.changes.put(Family::producers, count_key(stream), count_record(count));
  }
  return {};
}

}  // namespace strandline::tests
