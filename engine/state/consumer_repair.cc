#include "engine/state/consumer_repair.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/state/consumer_standing.h"
#include "engine/state/log_state.h"

namespace strandline {
namespace {

// What lies at or beyond the tail, or beyond where the consumer stands, leaves the unacked and the
// dead letters: it is given again. And what is a dead letter leaves the unacked. How many did.
size_t take_back(NamedConsumer& consumer, uint64_t tail, int64_t unix_offset_us, int64_t now_us,
                 Changes& changes) {
  if (consumer.is_group) consumer.state.next = std::min(consumer.state.next, tail);
  const uint64_t end = consumer.is_group ? consumer.state.next : tail;
  std::vector<uint64_t> leaving;
  const auto& entries = consumer.unacked.entries();
  for (auto at = entries.lower_bound(end); at != entries.end(); ++at) {
    leaving.push_back(at->first);
  }
  // What is dead is not unacked as well: one of the two records is older.
  for (const auto& [position, copy] : consumer.dead) {
    if (position < end && entries.contains(position)) leaving.push_back(position);
  }
  for (const uint64_t position : leaving) consumer.unacked.erase(position, 0);
  for (const uint64_t block : consumer.unacked.take_touched()) {
    const std::string key = consumer_key(ConsumerKey::unacked, consumer.id, block);
    const std::string record = consumer.unacked.encode_block(block, unix_offset_us, now_us);
    if (record.empty()) {
      changes.erase(Family::consumers, key);
    } else {
      changes.put(Family::consumers, key, record);
    }
  }
  size_t removed = leaving.size();
  for (auto at = consumer.dead.lower_bound(end); at != consumer.dead.end();) {
    changes.erase(Family::consumers, consumer_key(ConsumerKey::dead, consumer.id, at->first));
    at = consumer.dead.erase(at);
    ++removed;
  }
  return removed;
}

}  // namespace

Result<std::string> repair_consumers(LogState& log, const std::vector<std::string>& orphans) {
  Changes changes = log.store->changes();
  std::string loss;
  for (const std::string& key : orphans) changes.erase(Family::consumers, key);
  if (!orphans.empty()) {
    loss += fmt::format("{} records of consumers whose definition is lost; ", orphans.size());
  }
  const int64_t now_us = log.clock->elapsed_us(), unix_offset_us = log.clock->now().us - now_us;
  for (const auto& consumer : log.consumers.list("", "", SIZE_MAX)) {
    const Stream* stream = log.streams.find(scope_name(*consumer->settings()));
    const uint64_t tail = stream ? stream->tail().value : 0;
    bool stood_beyond = consumer->is_group && consumer->state.next > tail;
    const size_t removed = take_back(*consumer, tail, unix_offset_us, now_us, changes);
    const Positions::Key key{consumer->name, stream ? stream->id : kLogStream};
    if (const auto position = log.positions.get(key); position && position->next > tail) {
      const PositionRecord back{.next = tail, .committed_us = position->committed_us};
      changes.put(Family::consumers, position_key(key.first, key.second), encode(back));
      log.positions.set(key, back);
      stood_beyond = true;
    }
    // What is counted of attempts is of the event that stood there, which is lost.
    ConsumerState& state = consumer->state;
    const bool tried_lost = !consumer->is_group && state.attempts > 0 && state.tried >= tail;
    if (tried_lost) state.attempts = state.tried_epoch = 0;
    if (!stood_beyond && removed == 0) {
      if (tried_lost) {
        changes.put(Family::consumers, consumer_key(ConsumerKey::state, consumer->id),
                    encode(state));
      }
      continue;
    }
    // Its members believe to have seen what comes next: they join again.
    state.fence = ++state.epoch;
    // By itself a higher epoch would end the last attempt of whoever was reading.
    if (!consumer->is_group) state.attempts = state.tried_epoch = 0;
    consumer->publish_fence();
    changes.put(Family::consumers, consumer_key(ConsumerKey::state, consumer->id), encode(state));
    if (stood_beyond) {
      loss += fmt::format("consumer \"{}\" stood beyond the tail, and is back at {}; ",
                          consumer->name, tail);
    } else {
      loss += fmt::format(
          "consumer \"{}\": {} records are removed, of dead letters that were unacked as well, or "
          "of "
          "events behind {}, where it stands: it is given these again; ",
          consumer->name, removed, consumer->state.next);
    }
  }
  if (changes.empty()) return loss;
  if (auto ok = log.store->write(std::move(changes)); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  if (auto ok = log.store->sync(); !ok) return std::unexpected(std::move(ok.error()));
  return loss;
}

}  // namespace strandline
