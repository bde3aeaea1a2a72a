#include "engine/writing/compactor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "engine/api/batch.h"
#include "engine/base/waiter.h"
#include "engine/format/rebuilt_batch.h"
#include "engine/state/consumer_standing.h"
#include "engine/writing/erasure_selection.h"

namespace strandline {
namespace {

// How often streams are looked at.
constexpr std::chrono::seconds kLook(1);
// Events that came since the last pass, for another: a share of what it kept, so that a pass, which
// reads everything, costs a bounded share of what is appended; and no fewer than this.
constexpr uint64_t kNewMin = 1'000;
constexpr uint64_t kNewShare = 4;
// Of a tombstone, where no policy says: who reads once a day hears of it.
constexpr uint64_t kDelayS = 24 * 3600;
constexpr size_t kRewriteBytes = 1 << 20;
constexpr int64_t kUsOfASecond = 1'000'000;

struct KeyHash {
  uint64_t a, b;
  bool operator==(const KeyHash&) const = default;
};
struct HashOf {
  size_t operator()(const KeyHash& hash) const { return hash.a; }
};

// 128 bits, so that two keys are never taken for one.
KeyHash hash_of(std::string_view key) {
  KeyHash hash{0xCBF29CE484222325ull, 0x9AE16A3B2F90404Full};
  for (const char c : key) {
    hash.a = (hash.a ^ static_cast<uint8_t>(c)) * 0x100000001B3ull;
    hash.b = (hash.b + static_cast<uint8_t>(c)) * 0xC6A4A7935BD1E995ull;
    hash.b ^= hash.b >> 29;
  }
  hash.a ^= hash.a >> 32;
  return hash;
}

struct Newest {
  Offset offset;
  Timestamp stored;
  bool tombstone;
};
using Keys = std::unordered_map<KeyHash, Newest, HashOf>;

Event event_in(const Part& part, uint32_t i) {
  const auto* root = flatbuffers::GetRoot<schema::Batch>(part.flatbuffer.data());
  return {root->events()->Get(i), part.first + i, part.sequence + i, {}};
}

// Empty: it has none, and stays.
std::string_view key_in(const Event& event, std::string_view setting) {
  if (setting == "subject") return event.subject();
  if (setting == "type") return event.type();
  if (setting == "source") return event.source();
  if (setting == "id") return event.id();
  std::string_view key;
  event.for_each_attribute([&](const Attribute& one) {
    if (one.name == setting) key = one.text;
  });
  return key;
}

// What consumers keep: nothing at or above these goes.
struct Floors {
  Offset offset{UINT64_MAX};
  Sequence sequence{UINT64_MAX};
  bool keep(Offset at, Sequence place) const { return at >= offset || place >= sequence; }
};
Floors floors_of(const LogState& log, const Stream& stream) {
  Floors floors;
  for (const ConsumerPointer& consumer : log.consumers.list("", "", SIZE_MAX)) {
    const SettingsPointer settings = consumer->settings();
    if (!settings->retain || !selects(*settings, stream.name)) continue;
    const StandingPointer standing = consumer->standing();
    const uint64_t position = standing ? standing->position : 0;
    if (settings->select.kind == Selection::Kind::stream) {
      floors.offset = std::min(floors.offset, Offset(position));
    } else {
      floors.sequence = std::min(floors.sequence, Sequence(position));
    }
  }
  return floors;
}

template <class Visit>  // void(const Part&, uint32_t)
void each_event(const StoredBatch& batch, Visit visit) {
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    for (uint32_t i = 0; i < part.count && !part.gone; ++i) visit(part, i);
    if (part.first + part.count == batch.next()) return;
  }
}

}  // namespace

Compactor::Compactor(LogState& log, std::mutex& rebuilding, std::function<void(Operation)> submit)
    : log_(log), rebuilding_(rebuilding), submit_(std::move(submit)) {
  thread_ = std::thread([this] { run(); });
}

Compactor::~Compactor() { stop(); }

void Compactor::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<Outcome> Compactor::perform(Rewrite rewrite) {
  Waiter waiter;
  Result<Outcome> answer = Outcome{};
  submit_({.request = std::move(rewrite),
           .done =
               [&](Result<Outcome> outcome) {
                 answer = std::move(outcome);
                 waiter.answered();
               },
           .bytes = kRewriteBytes});
  waiter.wait();
  return answer;
}

Result<uint64_t> Compactor::compact(const Stream& stream) {
  const PolicySetPointer policies = log_.policies.set();
  const std::string setting = policies->text(stream.name, PolicyField::compaction);
  if (setting.empty() || policies->flag(stream.name, PolicyField::audit)) {
    return fail(Code::invalid, fmt::format("\"{}\" is not compacted by key", stream.name));
  }
  if (log_.holds.held(stream.name, log_.clock->now())) return uint64_t{0};
  const bool says_delay = policies->find(stream.name, PolicyField::tombstone_delay_s) != nullptr;
  const uint64_t delay_s =
      says_delay ? policies->amount(stream.name, PolicyField::tombstone_delay_s) : kDelayS;
  const std::lock_guard lock(rebuilding_);
  const Offset start = stream.start(), tail = stream.tail();
  const int64_t now_us = log_.clock->now().us;
  Pass pass{.tail = tail};
  Keys keys;
  Status read = walk_batches(log_, stream, start, tail, [&](const StoredBatch& batch) {
    each_event(batch, [&](const Part& part, uint32_t i) {
      const Event event = event_in(part, i);
      const std::string_view key = key_in(event, setting);
      if (key.empty() || event.offset < start) return;
      const bool tombstone = event.form() == DataForm::none && !is_without_data(part, i);
      keys[hash_of(key)] = {event.offset, batch.head().stored, tombstone};
    });
    return !stopping_;
  });
  if (!read) return std::unexpected(std::move(read.error()));
  const auto due_us = [&](const Newest& newest) {
    if (delay_s >= static_cast<uint64_t>(INT64_MAX / kUsOfASecond)) return INT64_MAX;
    return newest.stored.us + static_cast<int64_t>(delay_s) * kUsOfASecond;
  };
  const Floors floors = floors_of(log_, stream);
  uint64_t gone = 0;
  Rewrite rewrite;
  size_t bytes = 0;
  Status written;
  const auto hand_over = [&] {
    if (rewrite.batches.empty()) return true;
    rewrite.compacts = true;
    auto done = perform(std::exchange(rewrite, {}));
    if (!done) written = std::unexpected(std::move(done.error()));
    bytes = 0;
    return done.has_value();
  };
  read = walk_batches(log_, stream, start, tail, [&](const StoredBatch& batch) {
    std::vector<Loss> losses;
    each_event(batch, [&](const Part& part, uint32_t i) {
      const Event event = event_in(part, i);
      const std::string_view key = key_in(event, setting);
      const auto newest = key.empty() ? keys.end() : keys.find(hash_of(key));
      bool goes = false;
      if (newest != keys.end() && event.offset >= start) {
        const bool is_newest = newest->second.offset == event.offset;
        goes = !is_newest;
        if (is_newest && newest->second.tombstone) {
          const int64_t due = due_us(newest->second);
          goes = due <= now_us;
          if (!goes && due != INT64_MAX) {
            pass.tombstone_due_us = std::min(pass.tombstone_due_us.value_or(due), due);
          }
        }
      }
      if (!goes || floors.keep(event.offset, event.sequence)) {
        ++pass.kept;
        return;
      }
      ++gone;
      if (!losses.empty() && losses.back().first + losses.back().count == event.offset) {
        ++losses.back().count;
      } else {
        losses.push_back({.first = event.offset, .count = 1, .reason = GapReason::compacted});
      }
    });
    if (losses.empty()) return !stopping_;
    const auto extent = find_extent(log_, stream, batch.first());
    if (!extent || !*extent) return !stopping_;
    const EventKey key{(*extent)->stripe, stream.id, batch.first()};
    rewrite.batches.push_back({key, batch.checksum(), rebuild(key, batch, losses)});
    bytes += rewrite.batches.back().value.size();
    return !stopping_ && (bytes < kRewriteBytes || hand_over());
  });
  if (written) hand_over();
  if (!written) return std::unexpected(std::move(written.error()));
  if (!read) return std::unexpected(std::move(read.error()));
  const std::lock_guard passes(mutex_);
  passes_[stream.id] = pass;
  return gone;
}

bool Compactor::is_due(const Stream& stream) const {
  const auto last = passes_.find(stream.id);
  if (last == passes_.end()) return stream.tail() > stream.start();
  const Pass& pass = last->second;
  const uint64_t fresh = stream.tail() - std::min(stream.tail(), pass.tail);
  if (fresh >= std::max(kNewMin, pass.kept / kNewShare)) return true;
  return pass.tombstone_due_us && *pass.tombstone_due_us <= log_.clock->now().us;
}

void Compactor::run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kLook, [this] { return stopping_.load(); })) {
    if (log_.failure.failed()) return;
    const PolicySetPointer policies = log_.policies.set();
    if (!policies->says(PolicyField::compaction)) continue;
    std::vector<const Stream*> due;
    log_.streams.scan("", [&](Stream& stream) {
      if (stream.exists() && !policies->text(stream.name, PolicyField::compaction).empty() &&
          !policies->flag(stream.name, PolicyField::audit) && is_due(stream)) {
        due.push_back(&stream);
      }
      return true;
    });
    for (const Stream* stream : due) {
      if (stopping_) return;
      lock.unlock();
      const auto done = compact(*stream);
      if (!done && !stopping_ && log_.options.on_warning) {
        log_.options.on_warning(
            fmt::format("compaction of \"{}\" by key: {}", stream->name, done.error().message));
      }
      lock.lock();
      // Not at once again what failed.
      if (!done) passes_[stream->id].tail = stream->tail();
    }
  }
}

}  // namespace strandline
