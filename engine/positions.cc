#include "engine/positions.h"

namespace strandline {

Status Positions::load(const Store& store) {
  std::lock_guard lock(mutex_);
  StoreIterator it = store.iterate(Family::consumers);
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

void Positions::assign(const Key& key, uint64_t next) {
  std::lock_guard lock(mutex_);
  entries_[key].assigned = next;
}

void Positions::forget(const Key& key) {
  std::lock_guard lock(mutex_);
  entries_.erase(key);
}

void Positions::publish(const Key& key, const PositionRecord& record) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  // Not there: its consumer was deleted by a later group.
  if (found != entries_.end()) found->second.durable = record;
}

}  // namespace strandline
