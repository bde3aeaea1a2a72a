#include "engine/state/consumers.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "engine/api/clock.h"
#include "engine/format/keys.h"
#include "engine/state/consumer_repair.h"

namespace strandline {

const char* name_of(ConsumerSettings::Mode mode) {
  switch (mode) {
    case ConsumerSettings::Mode::exclusive:
      return "exclusive";
    case ConsumerSettings::Mode::shared:
      return "shared";
    case ConsumerSettings::Mode::keyed:
      return "keyed";
  }
  return "unknown";
}

void NamedConsumer::change(ConsumerSettings settings) {
  unacked.set_attempts_max(settings.attempts());
  settings_.store(std::make_shared<const ConsumerSettings>(std::move(settings)));
}

Status Consumers::load(Loading& loading) {
  LogState& log = loading.log;
  if (!loading.lenient) return read(*log.store, *log.clock, nullptr);
  std::vector<std::string> orphans;
  if (auto ok = read(*log.store, *log.clock, &orphans); !ok) return ok;
  auto lost = repair_consumers(log, orphans);
  if (!lost) return std::unexpected(std::move(lost.error()));
  loading.loss += *lost;
  return {};
}

Status Consumers::read(const Store& store, Clock& clock, std::vector<std::string>* orphans) {
  std::unordered_map<uint64_t, NamedConsumer*> by_id;
  const int64_t now_us = clock.elapsed_us();
  const int64_t unix_offset_us = clock.now().us - now_us;
  StoreIterator it = store.iterate(Family::consumers);
  // Definitions sort before what refers to them, and all before committed positions.
  for (it.seek_to_first(); it.valid() && it.key()[0] < ' '; it.next()) {
    const std::string_view key = it.key(), value = it.value();
    const auto bad = [&]() -> Status {
      // Its id may not be given to another, which would find it.
      if (key.size() >= 9) next_id_ = std::max(next_id_, get_be64(key, 1) + 1);
      if (orphans) {
        orphans->emplace_back(key);
        return {};
      }
      return fail(Code::corrupt,
                  fmt::format("a record of the consumers family, kind {}, {}, does not parse or is "
                              "of no consumer",
                              int(key[0]), key.size() >= 9 ? get_be64(key, 1) : 0));
    };
    if (key[0] == static_cast<char>(ConsumerKey::definition)) {
      if (key.size() == 1 && value.size() == 8) {
        epoch_floor_ = get_be64(value, 0);
        continue;
      }
      DefinitionRecord definition;
      if (key.size() < 2 || !decode(value, definition)) {
        if (auto ok = bad(); !ok) return ok;
        continue;
      }
      std::string& dead_letters = definition.settings.dead_letters;
      if (dead_letters.empty()) dead_letters.append(kDeadLetterPrefix).append(key.substr(1));
      auto consumer = std::make_shared<NamedConsumer>(std::string(key.substr(1)), definition);
      by_id[consumer->id] = consumer.get();
      add(std::move(consumer));
      continue;
    }
    const auto found = key.size() < 9 ? by_id.end() : by_id.find(get_be64(key, 1));
    if (found == by_id.end()) {
      if (auto ok = bad(); !ok) return ok;
      continue;
    }
    NamedConsumer& consumer = *found->second;
    const bool numbered = key.size() == 17;
    const uint64_t number = numbered ? get_be64(key, 9) : 0;
    bool good = false;
    switch (static_cast<ConsumerKey>(key[0])) {
      case ConsumerKey::state:
        good = !numbered && decode(value, consumer.state);
        break;
      case ConsumerKey::unacked:
        good = numbered && consumer.unacked.load_block(
                               number, value, unix_offset_us, now_us,
                               static_cast<int64_t>(consumer.settings()->ack_deadline_ms) * 1000);
        break;
      case ConsumerKey::dead:
        good = numbered && value.size() == 16;
        if (good) consumer.dead[number] = {get_le<uint64_t>(value, 0), get_le<uint64_t>(value, 8)};
        break;
      case ConsumerKey::definition:
        break;
    }
    if (good) continue;
    if (auto ok = bad(); !ok) return ok;
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the consumers family: " + *damage);
  for (const auto& [id, consumer] : by_id) {
    consumer->unacked.take_touched();
    consumer->publish_fence();
  }
  return {};
}

ConsumerPointer Consumers::find(std::string_view name) const {
  std::shared_lock lock(mutex_);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::vector<ConsumerPointer> Consumers::list(std::string_view prefix, std::string_view after,
                                             size_t limit) const {
  std::shared_lock lock(mutex_);
  std::vector<ConsumerPointer> out;
  for (auto at = by_name_.lower_bound(std::max(prefix, after));
       at != by_name_.end() && at->first.starts_with(prefix) && out.size() < limit; ++at) {
    if (after.empty() || at->first > after) out.push_back(at->second);
  }
  return out;
}

size_t Consumers::count() const {
  std::shared_lock lock(mutex_);
  return by_name_.size();
}

void Consumers::add(ConsumerPointer consumer) {
  std::lock_guard lock(mutex_);
  next_id_ = std::max(next_id_, consumer->id + 1);
  if (consumer->settings()->retain) retaining_.push_back(consumer.get());
  by_name_[consumer->name] = std::move(consumer);
}

void Consumers::retain(NamedConsumer& consumer, bool retains) {
  std::erase(retaining_, &consumer);
  if (retains) retaining_.push_back(&consumer);
}

void Consumers::remove(const NamedConsumer& consumer) {
  std::lock_guard lock(mutex_);
  std::erase(retaining_, &consumer);
  by_name_.erase(consumer.name);
}

}  // namespace strandline
