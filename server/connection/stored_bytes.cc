#include "server/connection/stored_bytes.h"

#include <algorithm>

namespace strandline::server {
namespace {

constexpr auto kMeasuredAtMostEvery = std::chrono::seconds(1);
// So many times as long as it took, until it is done again.
constexpr int kPauseShare = 20;
constexpr auto kUnasked = std::chrono::seconds(10);

}  // namespace

std::optional<uint64_t> StoredBytes::add(std::string_view prefix, uint64_t bytes, uint64_t most,
                                         Time now) {
  std::unique_lock lock(mutex_);
  auto found = places_.find(prefix);
  if (found == places_.end()) {
    forget_unasked(now);
    found = places_.emplace(prefix, Place()).first;
  }
  Place& place = found->second;
  if (!place.measuring && now >= place.due) {
    place.measuring = true;  // so that it is not forgotten
    const uint64_t counted = place.added;
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    const uint64_t measured = measure_(prefix);
    const auto took = std::chrono::steady_clock::now() - begin;
    lock.lock();
    place.measured = measured;
    place.added -= counted;
    place.due = now + std::max<Time::duration>(kMeasuredAtMostEvery, kPauseShare * took);
    place.measuring = false;
  }
  const uint64_t stored = place.measured + place.added;
  if (stored >= most || bytes > most - stored) return stored;
  place.added += bytes;
  return std::nullopt;
}

size_t StoredBytes::prefixes() const {
  const std::lock_guard lock(mutex_);
  return places_.size();
}

void StoredBytes::forget_unasked(Time now) {
  if (places_.size() < kPrefixesKept || now - swept_ < std::chrono::seconds(1)) return;
  swept_ = now;
  std::erase_if(places_, [&](const auto& one) {
    return !one.second.measuring && now - one.second.due > kUnasked;
  });
}

}  // namespace strandline::server
