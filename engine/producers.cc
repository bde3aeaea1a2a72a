#include "engine/producers.h"

#include <fmt/format.h>

#include "engine/log.h"

namespace strandline {

void Producers::begin_group() {
  staged_.clear();
  // Only here: a head of the group that is being filled is nowhere else yet.
  while (entries_.size() > cached_max_) {
    heads_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

void Producers::keep(std::string key, ProducerHead head) {
  if (const auto found = heads_.find(key); found != heads_.end()) {
    found->second->head = head;
    entries_.splice(entries_.begin(), entries_, found->second);
    return;
  }
  entries_.push_front({std::move(key), head});
  heads_.emplace(entries_.front().key, entries_.begin());
}

Result<std::optional<ProducerHead>> Producers::head(const Store& store, StreamId stream,
                                                    const std::string& producer) {
  std::string key = producer_key(stream, producer);
  if (const auto found = heads_.find(key); found != heads_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->head;
  }
  auto bytes = store.get(Family::producers, key);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  if (!*bytes) return std::nullopt;
  ProducerHead head;
  if (!decode(**bytes, head)) {
    return fail(Code::corrupt,
                fmt::format("the record of producer \"{}\" does not parse", producer));
  }
  keep(std::move(key), head);
  return head;
}

Result<std::optional<ProducerAppend>> Producers::original(const Store& store, StreamId stream,
                                                          const Producer& producer) const {
  const std::string key = original_key(stream, producer.id, producer.epoch, producer.sequence);
  if (const auto found = staged_.find(key); found != staged_.end()) return found->second;
  auto bytes = store.get(Family::producers, key);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  if (!*bytes) return std::nullopt;
  ProducerAppend append;
  if (!decode(**bytes, append)) {
    return fail(Code::corrupt, fmt::format("the record of producer \"{}\", epoch {}, sequence {} "
                                           "does not parse",
                                           producer.id, producer.epoch, producer.sequence));
  }
  return append;
}

void Producers::put(StreamId stream, const Producer& producer, const ProducerAppend& append,
                    Changes& changes) {
  std::string key = producer_key(stream, producer.id);
  const ProducerHead head{producer.epoch, producer.sequence + 1};
  std::string original = original_key(stream, producer.id, producer.epoch, producer.sequence);
  changes.put(Family::producers, key, encode(head));
  changes.put(Family::producers, original, encode(append));
  keep(std::move(key), head);
  staged_.emplace(std::move(original), append);
}

}  // namespace strandline
