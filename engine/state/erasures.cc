#include "engine/state/erasures.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

void CollectedErasures::clear() {
  begun.clear();
  completed.clear();
}

std::vector<ErasureUnderWay> Erasures::under_way() const {
  std::lock_guard lock(mutex_);
  std::vector<ErasureUnderWay> out;
  for (const auto& [id, record] : records_) {
    const auto why_not = why_not_.find(id);
    out.push_back({.id = id,
                   .begun = {record.begun_us},
                   .events = record.events,
                   .why_not = why_not == why_not_.end() ? "" : why_not->second});
  }
  return out;
}

std::optional<ErasureRecord> Erasures::find(uint64_t id) const {
  std::lock_guard lock(mutex_);
  const auto found = records_.find(id);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

void Erasures::set_why_not(uint64_t id, std::string why_not) {
  std::lock_guard lock(mutex_);
  why_not_[id] = std::move(why_not);
}

uint64_t Erasures::next_id(uint64_t at_least) const { return std::max(at_least, last_id_ + 1); }

void Erasures::put(CommitGroup& group, uint64_t id, ErasureRecord record) {
  last_id_ = std::max(last_id_, id);
  group.of(*this).begun.emplace_back(id, std::move(record));
}

void Erasures::remove(CommitGroup& group, uint64_t id) { group.of(*this).completed.push_back(id); }

Status Erasures::load(Loading& loading) {
  std::lock_guard lock(mutex_);
  StoreIterator it = loading.log.store->iterate(Family::segments);
  const std::string kind(1, static_cast<char>(KeyKind::erasure));
  for (it.seek(kind); it.valid() && it.key().starts_with(kind); it.next()) {
    ErasureRecord record;
    const uint64_t id = it.key().size() == 9 ? get_be64(it.key(), 1) : 0;
    if (id == 0 || !decode(it.value(), record)) {
      if (loading.lenient) {
        loading.loss +=
            fmt::format(" The record of erasure {} cannot be read: ask for it again.", id);
        continue;
      }
      return fail(Code::corrupt, fmt::format("the record of erasure {} does not parse", id));
    }
    last_id_ = std::max(last_id_, id);
    records_.emplace(id, std::move(record));
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
  return {};
}

void Erasures::stage(CommitGroup& group, const Store&) {
  const CollectedErasures& collected = group.of(*this);
  for (const auto& [id, record] : collected.begun) {
    group.changes.put(Family::segments, erasure_key(id), encode(record));
  }
  for (const uint64_t id : collected.completed) {
    group.changes.erase(Family::segments, erasure_key(id));
  }
}

void Erasures::publish(CommitGroup& group) {
  CollectedErasures& collected = group.of(*this);
  if (collected.begun.empty() && collected.completed.empty()) return;
  std::lock_guard lock(mutex_);
  for (auto& [id, record] : collected.begun) records_.emplace(id, std::move(record));
  for (const uint64_t id : collected.completed) {
    records_.erase(id);
    why_not_.erase(id);
  }
}

}  // namespace strandline
