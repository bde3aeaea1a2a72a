#include "engine/state/expiring.h"

#include <algorithm>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/state/rebuild.h"

namespace strandline {
namespace {

constexpr size_t kExpiryKeyBytes = 9;  // before the member's key
// Expired members that a group purges: more than it adds, so that they never pile up.
constexpr size_t kPurgedAGroup = 256;
constexpr size_t kPurgedAnAppend = 2;
// How long a damaged index rests before it is looked at again.
constexpr int64_t kRestUs = 3'600'000'000;
// How often the time is kept while there are members; and when the log closes.
constexpr int64_t kKeepUs = 60'000'000;
// Builds before kept no time.
constexpr size_t kOldTallyBytes = 8, kTallyBytes = 16;

std::string tally_key() { return std::string(1, static_cast<char>(KeyKind::tally)); }

}  // namespace

Status Expiring::load(Loading& loading) {
  const Store& store = *loading.log.store;
  Clock& clock = *loading.log.clock;
  clock_ = &clock;
  auto tally = store.get(Family::producers, tally_key());
  if (!tally) return std::unexpected(std::move(tally.error()));
  if (*tally && (*tally)->size() != kTallyBytes && (*tally)->size() != kOldTallyBytes) {
    return fail(Code::corrupt, "the tally in the producers family does not parse");
  }
  if (*tally) count_ = get_le<uint64_t>(**tally, 0);
  // It begins as the clock's, and goes on from where it was left.
  kept_us_ = clock.now().us;
  if (*tally && (*tally)->size() == kTallyBytes && count_ > 0) {
    kept_us_ = get_le<int64_t>(**tally, sizeof count_);
  }
  epoch_us_ = kept_us_ - clock.elapsed_us();
  if (count_ > 0) earliest_us_ = 0;
  return {};
}

Status Expiring::rebuild(Rebuild& rebuild) const {
  Store& store = rebuild.store;
  constexpr size_t kGroupBytes = 4 << 20;
  auto changes = std::make_optional(store.changes());
  uint64_t unflushed = 0;
  const auto write_some = [&](size_t bytes) -> Status {
    if (changes->bytes() <= bytes) return {};
    unflushed += changes->bytes();
    auto ok = store.write(std::move(*changes));
    changes.emplace(store.changes());
    if (!ok || unflushed < kFlushBytes) return ok;
    ok = store.flush(SegmentId(0));
    if (ok) unflushed = 0;
    return !ok && ok.error().code == Code::busy ? Status() : ok;  // with the next group, then
  };
  StoreIterator it = store.iterate(Family::producers);
  const auto each = [&](KeyKind first, KeyKind last, auto&& what) -> Status {
    const auto kind = [](KeyKind k) { return std::string(1, static_cast<char>(k)); };
    for (it.seek(kind(first)); it.valid() && it.key()[0] <= kind(last)[0]; it.next()) {
      what();
      if (auto ok = write_some(kGroupBytes); !ok) return ok;
    }
    if (auto damage = it.damage()) return fail(Code::corrupt, "the producers family: " + *damage);
    return {};
  };
  // Where the time is lost, none of the members has expired.
  std::optional<int64_t> time;
  if (const auto tally = store.get(Family::producers, tally_key());
      tally && *tally && (*tally)->size() == kTallyBytes) {
    time = get_le<int64_t>(**tally, sizeof(uint64_t));
  }
  int64_t earliest_us = kNever;
  // What this writes the iterator does not see.
  auto ok =
      each(KeyKind::expiry, KeyKind::expiry, [&] { changes->erase(Family::producers, it.key()); });
  uint64_t count = 0;
  if (ok) {
    ok = each(KeyKind::answer, KeyKind::mark, [&] {
      if (it.value().size() < sizeof(int64_t)) return;
      const auto expires_us = get_le<int64_t>(it.value(), 0);
      earliest_us = std::min(earliest_us, expires_us);
      changes->put(Family::producers, expiry_key(expires_us, it.key()), "");
      ++count;
    });
  }
  if (!ok) return ok;
  std::string record;
  put_le(record, count);
  put_le(record, time ? *time : count > 0 ? earliest_us - 1 : int64_t{0});
  changes->put(Family::producers, tally_key(), record);
  return write_some(0);
}

Result<std::optional<Expiring::Entry>> Expiring::look_up(const Store& store,
                                                         const std::string& key) const {
  auto bytes = store.get(Family::producers, key);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  if (!*bytes) return std::nullopt;
  if ((*bytes)->size() < sizeof(int64_t)) {
    return fail(Code::corrupt, "an expiring record of the producers family does not parse");
  }
  const auto expires_us = get_le<int64_t>(**bytes, 0);
  return Entry{expires_us, (*bytes)->substr(sizeof expires_us)};
}

std::optional<int64_t> Expiring::unpublished(const std::string& key) const {
  std::lock_guard lock(mutex_);
  const auto found = unpublished_.find(key);
  if (found == unpublished_.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<std::string>> Expiring::find(const Store& store,
                                                  const std::string& key) const {
  auto entry = look_up(store, key);
  if (!entry) return std::unexpected(std::move(entry.error()));
  // What this group put is not in the store yet.
  const auto put = unpublished(key);
  if (put && (!*entry || (*entry)->expires_us != *put)) *entry = Entry{*put, ""};
  if (!*entry || (*entry)->expires_us <= now_us()) return std::nullopt;
  return std::move((*entry)->value);
}

Result<bool> Expiring::holds_durably(const Store& store, const std::string& key) const {
  // The store first: what is published after this look was durable before it.
  auto entry = look_up(store, key);
  if (!entry) return std::unexpected(std::move(entry.error()));
  return *entry && (*entry)->expires_us > now_us() && !unpublished(key);
}

void Expiring::put(CommitGroup& group, const Store& store, const std::string& key, int64_t ttl_us,
                   std::string_view value) {
  Changes& changes = group.changes;
  const int64_t expires_us = now_us() + ttl_us;
  const auto expired = look_up(store, key);
  if (expired && *expired) {
    changes.erase(Family::producers, expiry_key((*expired)->expires_us, key));
  } else {
    ++count_;
    count_changed_ = true;
  }
  std::string bytes;
  put_le(bytes, expires_us);
  changes.put(Family::producers, key, bytes.append(value));
  changes.put(Family::producers, expiry_key(expires_us, key), "");
  group_earliest_us_ = std::min(group_earliest_us_, expires_us);
  group.of(*this).keys.emplace_back(key, expires_us);
  std::lock_guard lock(mutex_);
  unpublished_[key] = expires_us;
}

void Expiring::stage(CommitGroup& group, const Store& store) {
  const size_t most = kPurgedAGroup + kPurgedAnAppend * group.appends;
  if (earliest_us_ <= now_us()) purge(store, most, group.changes);
  earliest_us_ = std::min(earliest_us_, std::exchange(group_earliest_us_, kNever));
  const bool keeps = count_ > 0 && now_us() - kept_us_ >= (group.last ? 1 : kKeepUs);
  if (std::exchange(count_changed_, false) || keeps) put_tally(group.changes);
}

void Expiring::put_tally(Changes& changes) {
  kept_us_ = now_us();
  std::string tally;
  put_le(tally, count_);
  put_le(tally, kept_us_);
  changes.put(Family::producers, tally_key(), tally);
}

void Expiring::purge(const Store& store, size_t most, Changes& changes) {
  const int64_t now = now_us();
  StoreIterator it = store.iterate(Family::producers);
  const std::string kind(1, static_cast<char>(KeyKind::expiry));
  for (it.seek(expiry_key(earliest_us_, "")); it.valid() && it.key().starts_with(kind); it.next()) {
    if (it.key().size() <= kExpiryKeyBytes) continue;
    const auto expires_us = static_cast<int64_t>(get_be64(it.key(), 1));
    if (expires_us > now || most-- == 0) {
      earliest_us_ = expires_us;
      return;
    }
    const std::string key(it.key().substr(kExpiryKeyBytes));
    changes.erase(Family::producers, it.key());
    // Put again in this very group, it lives.
    if (const auto put = unpublished(key); put && *put != expires_us) continue;
    changes.erase(Family::producers, key);
    count_ -= std::min<uint64_t>(count_, 1);
    count_changed_ = true;
  }
  earliest_us_ = it.damage() ? now + kRestUs : kNever;
}

void Expiring::publish(CommitGroup& group) {
  const std::vector<ExpiringKey>& keys = group.of(*this).keys;
  if (keys.empty()) return;
  std::lock_guard lock(mutex_);
  for (const auto& [key, expires_us] : keys) {
    const auto found = unpublished_.find(key);
    if (found != unpublished_.end() && found->second == expires_us) unpublished_.erase(found);
  }
}

}  // namespace strandline
