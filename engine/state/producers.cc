#include "engine/state/producers.h"

#include <fmt/format.h>

#include "engine/api/append.h"
#include "engine/state/commit_group.h"

namespace strandline {

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
  const uint64_t sequence = producer.sequence;
  if (const auto found = staged_.find(producer_key(stream, producer.id)); found != staged_.end()) {
    for (std::optional<size_t> at = found->second; at; at = runs_[*at].before) {
      const Run& run = runs_[*at];
      if (run.epoch != producer.epoch || sequence < run.first) continue;
      if (sequence - run.first < run.appends.size()) return run.appends[sequence - run.first];
    }
  }
  // The run that begins at or below it.
  const std::string key = original_key(stream, producer.id, producer.epoch, sequence);
  const std::string_view epoch = std::string_view(key).substr(0, key.size() - sizeof sequence);
  StoreIterator it = store.iterate(Family::producers);
  it.seek_for_prev(key);
  if (auto damage = it.damage()) return fail(Code::corrupt, "the producers family: " + *damage);
  if (!it.valid() || it.key().size() != key.size() || !it.key().starts_with(epoch)) {
    return std::nullopt;
  }
  const uint64_t back = sequence - get_be64(it.key(), epoch.size());
  const std::string_view run = it.value();
  ProducerAppend append;
  if (run.size() % kProducerAppendBytes != 0) {
    return fail(Code::corrupt, fmt::format("the record of producer \"{}\", epoch {}, sequence {} "
                                           "does not parse",
                                           producer.id, producer.epoch, sequence));
  }
  if (back >= run.size() / kProducerAppendBytes) return std::nullopt;
  (void)decode(run.substr(back * kProducerAppendBytes, kProducerAppendBytes), append);
  return append;
}

void Producers::put(StreamId stream, const Producer& producer, const ProducerAppend& append) {
  std::string key = producer_key(stream, producer.id);
  const auto [last, fresh] = staged_.try_emplace(key, runs_.size());
  if (fresh || runs_[last->second].epoch != producer.epoch) {
    runs_.push_back({.key = original_key(stream, producer.id, producer.epoch, producer.sequence),
                     .epoch = producer.epoch,
                     .first = producer.sequence,
                     .before = fresh ? std::nullopt : std::optional(last->second)});
    last->second = runs_.size() - 1;
  }
  runs_[last->second].appends.push_back(append);
  keep(std::move(key), {producer.epoch, producer.sequence + 1});
}

void Producers::lay(Changes& changes) const {
  for (const auto& [key, run] : staged_) {
    changes.put(Family::producers, key, encode(heads_.at(key)->head));
  }
  for (const Run& run : runs_) {
    std::string value;
    value.reserve(run.appends.size() * kProducerAppendBytes);
    for (const ProducerAppend& append : run.appends) value += encode(append);
    changes.put(Family::producers, run.key, value);
  }
}

void Producers::stage(CommitGroup& group, const Store&) {
  lay(group.changes);
  runs_.clear();
  staged_.clear();
  // Only here: a head of the group that is being filled is nowhere else yet.
  while (entries_.size() > cached_max_) {
    heads_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

}  // namespace strandline
