#include "engine/writing/rewriting.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/check.h"
#include "engine/writing/commit_group_builder.h"
#include "engine/writing/consumer_desk.h"

namespace strandline {
namespace {

constexpr size_t kCrcAt = 44;  // in a stored batch's head

Result<bool> is_stored(const LogState& log, const RebuiltBatch& batch) {
  const auto there = log.store->get(Family::events, encode(batch.key));
  if (!there) return std::unexpected(there.error());
  return *there && (*there)->size() >= kStoredHeadBytes &&
         get_le<uint32_t>(**there, kCrcAt) == batch.made_of;
}

// What keeps events from being erased: a legal hold.
Status may_erase(const LogState& log, const Stream& stream) { return may_lose(log, stream.name); }

void forget_reasons(LogState& log, CommitGroup& group, const std::vector<LostRun>& lost) {
  if (lost.empty()) return;
  ConsumerDesk desk(log, group, group.stored);
  for (const ConsumerPointer& consumer : log.consumers.list("", "", SIZE_MAX)) {
    if (!consumer->unacked.has_reasons()) continue;
    const Selection& select = consumer->settings()->select;
    const bool one_stream = select.kind == Selection::Kind::stream;
    const Stream* scope = one_stream ? log.streams.find(select.names.front()) : nullptr;
    bool forgot = false;
    for (const LostRun& run : lost) {
      if (one_stream && (!scope || scope->id != run.stream)) continue;
      const uint64_t first = one_stream ? run.first.value : run.sequence.value;
      forgot |= consumer->unacked.forget_reasons(first, first + run.count);
    }
    if (forgot) desk.lay(*consumer);
  }
}

}  // namespace

Result<Outcome> begin_erasure(LogState& log, CommitGroupBuilder& builder,
                              const BeginErasure& request) {
  for (const auto& [id, runs] : request.record.runs) {
    const Stream* stream = log.streams.find(id);
    if (!stream) return fail(Code::invalid, fmt::format("no stream has the number {}", id.value));
    if (auto ok = may_erase(log, *stream); !ok) return std::unexpected(std::move(ok.error()));
  }
  const uint64_t id = log.erasures.next_id(log.streams.log().assigned.next + 1);
  log.erasures.put(builder.group(), id, request.record);
  return Outcome{.number = id};
}

Result<Outcome> end_erasure(LogState& log, CommitGroupBuilder& builder, const EndErasure& request) {
  log.erasures.remove(builder.group(), request.id);
  return Outcome{.number = request.id};
}

Result<Outcome> rewrite(LogState& log, CommitGroupBuilder& builder, const Rewrite& request) {
  CommitGroup& group = builder.group();
  const auto segments = log.segments.list();
  uint64_t done = 0;
  uint64_t rewriting = 0;
  std::set<StripeId> stripes;
  // All of them are looked at before anything is staged: what cannot be read is not taken for gone.
  std::vector<const RebuiltBatch*> stored;
  std::set<EventKey> keys;
  for (const RebuiltBatch& batch : request.batches) {
    CHECK_TRUE(keys.insert(batch.key).second);  // of two, one would bring back what the other took
    if (!segments.contains(segment_of(batch.key.stripe))) continue;
    const auto is_there = is_stored(log, batch);
    if (!is_there) return std::unexpected(is_there.error());
    const Stream* stream = log.streams.find(batch.key.stream);
    if (request.compacts && (!stream || !may_lose(log, stream->name))) continue;
    if (*is_there) stored.push_back(&batch);
  }
  for (const RebuiltBatch* batch : stored) {
    rewriting = log.events.replace(group, batch->key, batch->value);
    // Of which the salts are in the batch now, but for those of what went.
    log.trees.forget_seed(group, batch->key.stream, batch->key.first);
    stripes.insert(batch->key.stripe);
    ++done;
  }
  // An index of the stripe, which may have the types of what went, is made anew.
  for (const StripeId stripe : stripes) log.index.forget(group, stripe, rewriting);
  forget_reasons(log, group, request.lost);
  return Outcome{.number = done};
}

Result<Outcome> replace_records(LogState& log, CommitGroupBuilder& builder,
                                const ReplaceRecords& request) {
  std::vector<const ReplaceRecords::One*> unchanged;
  for (const ReplaceRecords::One& one : request.records) {
    const auto there = log.store->get(one.family, one.key);
    if (!there) return std::unexpected(there.error());
    if (*there == one.was) unchanged.push_back(&one);
  }
  for (const ReplaceRecords::One* one : unchanged) {
    builder.group().changes.put(one->family, one->key, one->is);
  }
  return Outcome{};
}

Act act_for(const BeginErasure& one, const Outcome& outcome) {
  return {.type = "strandline.erasure.begun",
          .subject = std::to_string(outcome.number),
          .details = one.details};
}
Act act_for(const EndErasure& one, const Outcome&) {
  return {.type = "strandline.erasure.completed", .subject = std::to_string(one.id)};
}

}  // namespace strandline
