#include "engine/state/positions.h"

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

Status Positions::load(Loading& loading) {
  std::lock_guard lock(mutex_);
  StoreIterator it = loading.log.store->iterate(Family::consumers);
  // Behind the named consumers' own records (consumer_record.h).
  for (it.seek(" "); it.valid(); it.next()) {
    std::string_view consumer;
    StreamId stream;
    PositionRecord record;
    if (!decode_position_key(it.key(), consumer, stream) || !decode(it.value(), record)) {
      return fail(Code::corrupt, "a record of the consumers family does not parse");
    }
    entries_[{std::string(consumer), stream}] = {record.next, record};
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the consumers family: " + *damage);
  return {};
}

std::optional<PositionRecord> Positions::get(const Key& key) const {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? std::nullopt : found->second.durable;
}

std::vector<std::pair<Positions::Key, PositionRecord>> Positions::list(std::string_view prefix,
                                                                       size_t limit) const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<Key, PositionRecord>> out;
  for (auto it = entries_.lower_bound({std::string(prefix), StreamId(0)});
       it != entries_.end() && it->first.first.starts_with(prefix) && out.size() < limit; ++it) {
    if (it->second.durable) out.emplace_back(it->first, *it->second.durable);
  }
  return out;
}

size_t Positions::count() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

std::optional<uint64_t> Positions::assigned(const Key& key) const {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second.assigned;
}

void Positions::put(CommitGroup& group, const Key& key, const PositionRecord& record) {
  group.of(*this).changes.emplace_back(key, record);
  std::lock_guard lock(mutex_);
  entries_[key].assigned = record.next;
}

void Positions::forget(CommitGroup& group, const Key& key) {
  group.of(*this).changes.emplace_back(key, std::nullopt);
  std::lock_guard lock(mutex_);
  entries_.erase(key);
}

void Positions::set(const Key& key, const PositionRecord& record) {
  std::lock_guard lock(mutex_);
  entries_[key] = {record.next, record};
}

void Positions::stage(CommitGroup& group, const Store&) {
  for (const auto& [key, record] : group.of(*this).changes) {
    const std::string at = position_key(key.first, key.second);
    if (record) {
      group.changes.put(Family::consumers, at, encode(*record));
    } else {
      group.changes.erase(Family::consumers, at);
    }
  }
}

void Positions::publish(CommitGroup& group) {
  const auto& changes = group.of(*this).changes;
  if (changes.empty()) return;
  std::lock_guard lock(mutex_);
  for (const auto& [key, record] : changes) {
    const auto found = entries_.find(key);
    // Not there: its consumer was deleted, by this group or a later one.
    if (record && found != entries_.end()) found->second.durable = *record;
  }
}

}  // namespace strandline
