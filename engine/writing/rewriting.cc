#include "engine/writing/rewriting.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/writing/commit_group_builder.h"
#include "engine/writing/consumer_desk.h"

namespace strandline {
namespace {

constexpr size_t kCrcAt = 44;  // in a stored batch's head

bool is_stored(const LogState& log, const RebuiltBatch& batch) {
  const auto there = log.store->get(Family::events, encode(batch.key));
  return there && *there && (*there)->size() >= kStoredHeadBytes &&
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
  for (const RebuiltBatch& batch : request.batches) {
    if (!segments.contains(segment_of(batch.key.stripe)) || !is_stored(log, batch)) continue;
    const Stream* stream = log.streams.find(batch.key.stream);
    if (request.compacts && (!stream || !may_lose(log, stream->name))) continue;
    rewriting = log.events.replace(group, batch.key, batch.value);
    // Of which the salts are in the batch now, but for those of what went.
    log.trees.forget_seed(group, batch.key.stream, batch.key.first);
    stripes.insert(batch.key.stripe);
    ++done;
  }
  // An index of the stripe, which may have the types of what went, is made anew.
  for (const StripeId stripe : stripes) log.index.forget(group, stripe, rewriting);
  forget_reasons(log, group, request.lost);
  return Outcome{.number = done};
}

Result<Outcome> replace_records(LogState& log, CommitGroupBuilder& builder,
                                const ReplaceRecords& request) {
  for (const ReplaceRecords::One& one : request.records) {
    const auto there = log.store->get(one.family, one.key);
    if (there && *there == one.was) builder.group().changes.put(one.family, one.key, one.is);
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
