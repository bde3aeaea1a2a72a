#include "engine/state/unacked.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/format/keys.h"

namespace strandline {

const char* name_of(Cause cause) {
  switch (cause) {
    case Cause::none:
      return "none";
    case Cause::nacked:
      return "nacked";
    case Cause::deadline:
      return "ack deadline passed";
    case Cause::left:
      return "member left";
    case Cause::reopened:
      return "log reopened";
    case Cause::replayed:
      return "replayed";
  }
  return "unknown";
}

void Unacked::touch(uint64_t position) {
  const uint64_t block = position / kBlock;
  if (touched_.empty() || touched_.back() != block) touched_.push_back(block);
}

bool Unacked::is_spent(const Entry& entry) const {
  return attempts_max_ > 0 && entry.attempts >= attempts_max_;
}

void Unacked::rest(uint64_t position) {
  ready_.erase(position);
  spent_.erase(position);
}

bool Unacked::may_go(uint64_t position, const Entry& entry) const {
  if (!keyed_) return true;
  return by_key_.lower_bound({entry.key, 0})->second == position && !held_keys_.contains(entry.key);
}

void Unacked::await(uint64_t position, int64_t at_us) {
  // What no longer holds is most of it when events are acked long before they are due.
  if (due_.size() > 2 * entries_.size() + 1024) {
    std::vector<Due> current;
    for (const auto& [at, entry] : entries_) {
      if (entry.due_us != 0) current.push_back({entry.due_us, at});
    }
    due_ = std::priority_queue<Due, std::vector<Due>, std::greater<>>({}, std::move(current));
  }
  due_.push({at_us, position});
}

void Unacked::wait(uint64_t position, const Entry& entry, int64_t now_us) {
  if (!may_go(position, entry)) return;
  if (entry.due_us > now_us) {
    await(position, entry.due_us);
  } else {
    (is_spent(entry) ? spent_ : ready_).insert(position);
  }
}

void Unacked::set_attempts_max(uint32_t attempts_max) {
  attempts_max_ = attempts_max;
  std::set<uint64_t> all = std::exchange(ready_, {});
  all.merge(std::exchange(spent_, {}));
  for (const uint64_t position : all) {
    (is_spent(entries_.at(position)) ? spent_ : ready_).insert(position);
  }
}

void Unacked::add(uint64_t position, const Entry& entry, int64_t now_us) {
  const size_t before = entries_.size();
  const auto at = entries_.emplace_hint(entries_.end(), position, entry);
  CHECK_EQ(entries_.size(), before + 1);
  CHECK_TRUE(!entry.in_flight);
  if (entry.attempts > 1) ++redelivered_;
  if (entry.attempts > 0) ++pending_;
  if (keyed_) {
    // It may be older than the one that was the first of its key.
    const auto first = by_key_.lower_bound({entry.key, 0});
    if (first != by_key_.end() && first->first == entry.key) rest(first->second);
    by_key_.insert({entry.key, position});
    next_of_key(entry.key, now_us);
  } else {
    wait(position, at->second, now_us);
  }
  touch(position);
}

void Unacked::take_off(uint64_t position, Entry& entry, uint64_t member) {
  CHECK_TRUE(!entry.in_flight);
  entry.in_flight = true;
  entry.member = member;
  ++in_flight_;
  ++in_flight_of_[member];
  rest(position);
  if (keyed_) held_keys_.insert(entry.key);
  touch(position);
}

void Unacked::land(Entry& entry) {
  if (!entry.in_flight) return;
  entry.in_flight = false;
  --in_flight_;
  const auto of = in_flight_of_.find(entry.member);
  if (--of->second == 0) in_flight_of_.erase(of);
  if (keyed_) held_keys_.erase(held_keys_.find(entry.key));
}

void Unacked::next_of_key(uint64_t key, int64_t now_us) {
  const auto next = by_key_.lower_bound({key, 0});
  if (next == by_key_.end() || next->first != key) return;
  const Entry& entry = entries_.at(next->second);
  if (!entry.in_flight) wait(next->second, entry, now_us);
}

void Unacked::erase(uint64_t position, int64_t now_us) {
  const auto found = entries_.find(position);
  CHECK_TRUE(found != entries_.end());
  Entry& entry = found->second;
  land(entry);
  if (entry.attempts > 1) --redelivered_;
  if (entry.attempts > 0) --pending_;
  rest(position);
  reasons_.erase(position);
  touch(position);
  const uint64_t key = entry.key;
  entries_.erase(found);
  if (!keyed_) return;
  by_key_.erase({key, position});
  next_of_key(key, now_us);
}

void Unacked::give(uint64_t position, uint64_t member, int64_t deadline_us) {
  Entry& entry = entries_.at(position);
  take_off(position, entry, member);
  entry.due_us = deadline_us;
  entry.cause = Cause::none;
  if (++entry.attempts == 2) ++redelivered_;
  if (entry.attempts == 1) ++pending_;
  await(position, deadline_us);
}

void Unacked::hold(uint64_t position, int64_t deadline_us) {
  Entry& entry = entries_.at(position);
  land(entry);
  take_off(position, entry, 0);
  entry.due_us = deadline_us;
  await(position, deadline_us);
}

void Unacked::put_back(uint64_t position, Cause cause, int64_t not_before_us, int64_t now_us) {
  Entry& entry = entries_.at(position);
  land(entry);
  entry.cause = cause;
  entry.due_us = not_before_us;
  rest(position);
  touch(position);
  if (keyed_) {
    next_of_key(entry.key, now_us);
  } else {
    wait(position, entry, now_us);
  }
}

void Unacked::set_reason(uint64_t position, std::string reason) {
  CHECK_TRUE(entries_.contains(position));
  if (reason.empty()) {
    reasons_.erase(position);
  } else {
    reasons_[position] = std::move(reason);
  }
  touch(position);
}

std::string_view Unacked::reason_of(uint64_t position) const {
  const Entry* entry = find(position);
  const auto found = reasons_.find(position);
  if (!entry || entry->cause != Cause::nacked || found == reasons_.end()) return {};
  return found->second;
}

void Unacked::take_back(uint64_t position, int64_t now_us) {
  Entry& entry = entries_.at(position);
  if (entry.attempts > 0) {
    if (entry.attempts-- == 2) --redelivered_;
    if (entry.attempts == 0) --pending_;
  }
  put_back(position, entry.cause, 0, now_us);
}

bool Unacked::extend(uint64_t position, int64_t deadline_us) {
  Entry& entry = entries_.at(position);
  if (!entry.in_flight) {
    if (!may_go(position, entry)) return false;
    take_off(position, entry, entry.member);
    entry.cause = Cause::none;
  }
  entry.due_us = deadline_us;
  await(position, deadline_us);
  return true;
}

bool Unacked::is_current(const Due& due) const {
  const auto found = entries_.find(due.position);
  return found != entries_.end() && found->second.due_us == due.at_us &&
         (found->second.in_flight ||
          (!ready_.contains(due.position) && !spent_.contains(due.position)));
}

void Unacked::expire(int64_t now_us) {
  while (!due_.empty() && due_.top().at_us <= now_us) {
    const Due due = due_.top();
    due_.pop();
    if (!is_current(due)) continue;
    const Entry& entry = entries_.at(due.position);
    if (entry.in_flight) {
      const bool held = entry.member == 0;
      put_back(due.position, held ? entry.cause : Cause::deadline, 0, now_us);
    } else {
      wait(due.position, entry, now_us);
    }
  }
}

const Unacked::Entry* Unacked::find(uint64_t position) const {
  const auto found = entries_.find(position);
  return found == entries_.end() ? nullptr : &found->second;
}

size_t Unacked::in_flight_of(uint64_t member) const {
  const auto found = in_flight_of_.find(member);
  return found == in_flight_of_.end() ? 0 : found->second;
}

std::optional<uint64_t> Unacked::next_ready() const {
  if (ready_.empty()) return std::nullopt;
  return *ready_.begin();
}

std::optional<uint64_t> Unacked::next_spent() const {
  if (spent_.empty()) return std::nullopt;
  return *spent_.begin();
}

std::optional<int64_t> Unacked::next_due() {
  while (!due_.empty() && !is_current(due_.top())) due_.pop();
  if (due_.empty()) return std::nullopt;
  return due_.top().at_us;
}

std::optional<uint64_t> Unacked::first() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.begin()->first;
}

// --- On disk: u8 position in the block, u8 cause, u16 bytes of its reason, u32 attempts, u64
// member, u64 key, i64 not before, reason. With the bit kDelayed of the cause, before the reason:
// u64 microseconds that were left.

namespace {
constexpr size_t kEntryBytes = 32;
constexpr uint8_t kDelayed = 0x80;
}  // namespace

std::vector<uint64_t> Unacked::take_touched() {
  std::ranges::sort(touched_);
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  return std::exchange(touched_, {});
}

std::string Unacked::encode_block(uint64_t block, int64_t unix_offset_us, int64_t now_us) const {
  std::string out;
  const uint64_t end = (block + 1) * kBlock;
  for (auto at = entries_.lower_bound(block * kBlock); at != entries_.end() && at->first < end;
       ++at) {
    const Entry& entry = at->second;
    put_le<uint8_t>(out, static_cast<uint8_t>(at->first % kBlock));
    const bool delayed = !entry.in_flight && entry.due_us > now_us;
    put_le<uint8_t>(out, static_cast<uint8_t>(entry.cause) | (delayed ? kDelayed : 0));
    const std::string_view reason = reason_of(at->first);
    put_le<uint16_t>(out, static_cast<uint16_t>(reason.size()));
    put_le<uint32_t>(out, entry.attempts);
    put_le<uint64_t>(out, entry.member);
    put_le<uint64_t>(out, entry.key);
    put_le<int64_t>(out, delayed ? entry.due_us + unix_offset_us : 0);
    if (delayed) put_le<uint64_t>(out, static_cast<uint64_t>(entry.due_us - now_us));
    out += reason;
  }
  return out;
}

bool Unacked::load_block(uint64_t block, std::string_view record, int64_t unix_offset_us,
                         int64_t now_us, int64_t last_us) {
  if (record.empty()) return false;
  for (size_t at = 0; at < record.size();) {
    if (record.size() - at < kEntryBytes) return false;
    const auto index = get_le<uint8_t>(record, at);
    const auto flagged = get_le<uint8_t>(record, at + 1);
    const uint8_t cause = flagged & ~kDelayed;
    const bool delayed = (flagged & kDelayed) != 0;
    const size_t bytes = kEntryBytes + (delayed ? sizeof(uint64_t) : 0);
    const auto reason_bytes = get_le<uint16_t>(record, at + 2);
    if (record.size() - at < bytes + reason_bytes) return false;
    if (index >= kBlock || cause > static_cast<uint8_t>(Cause::replayed)) return false;
    Entry entry{.member = get_le<uint64_t>(record, at + 8),
                .key = get_le<uint64_t>(record, at + 16),
                .attempts = get_le<uint32_t>(record, at + 4),
                .cause = static_cast<Cause>(cause)};
    if (const auto not_before = get_le<int64_t>(record, at + 24); not_before != 0) {
      // Whatever became of the clock meanwhile, no delay is longer than what was left of it.
      const uint64_t most = kDelayMaxUs;
      const uint64_t left =
          delayed ? std::min(get_le<uint64_t>(record, at + kEntryBytes), most) : most;
      entry.due_us = std::min(not_before - unix_offset_us, now_us + static_cast<int64_t>(left));
    }
    // It was in flight when the log was left.
    if (entry.cause == Cause::none && entry.attempts > 0) {
      entry.cause = Cause::reopened;
      if (is_spent(entry)) entry.due_us = now_us + last_us;
    }
    const uint64_t position = block * kBlock + index;
    if (entries_.contains(position)) return false;
    add(position, entry, now_us);
    if (reason_bytes > 0) {
      set_reason(position, std::string(record.substr(at + bytes, reason_bytes)));
    }
    at += bytes + reason_bytes;
  }
  return true;
}

}  // namespace strandline
