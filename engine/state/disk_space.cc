#include "engine/state/disk_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "engine/state/log_state.h"

namespace strandline {
namespace {

// More than memory ever holds that is not flushed yet: RocksDB holds writes up before that
// (store_options.cc), where each of a family's memtables is at the size that is out of reach.
constexpr uint64_t kUnflushedBytesMax = uint64_t{3} << 29;

}  // namespace

void DiskSpace::look() {
  std::error_code error;
  const auto space = std::filesystem::space(log_.directory, error);
  left_ = error ? UINT64_MAX : space.available;
  // What is in memory, and in the WAL, is written once more when it is flushed. Asked for only
  // where it may matter.
  const uint64_t reserve = log_.options.disk_reserve_bytes;
  if (left_ < enough() || left_ - enough() < kUnflushedBytesMax) {
    left_ -= std::min(left_, log_.store->unflushed_bytes());
  }
  free_bytes_ = left_;
  if (left_ < reserve) {
    set_short(true);
  } else if (left_ >= enough()) {
    set_short(false);
  }
}

void DiskSpace::take(uint64_t bytes) { left_ -= std::min<uint64_t>(left_, 2 * bytes); }

Status DiskSpace::admit(uint64_t kept) {
  const bool leaves_all = kept == log_.options.disk_reserve_bytes;
  if (leaves_all && left_ < kept) set_short(true);
  if (left_ >= kept && !(leaves_all && short_)) return {};
  return std::unexpected(full(kept, left_));
}

std::optional<uint64_t> DiskSpace::free_bytes() const {
  const uint64_t free = free_bytes_;
  return free == UINT64_MAX ? std::nullopt : std::optional(free);
}

std::optional<Error> DiskSpace::appends_refused() const {
  if (!short_) return std::nullopt;
  return full(log_.options.disk_reserve_bytes, free_bytes_);
}

void DiskSpace::set_short(bool is_short) {
  if (short_.exchange(is_short) == is_short || !log_.options.on_warning) return;
  log_.options.on_warning(
      is_short ? "appends are refused: " + full(log_.options.disk_reserve_bytes, left_).message
               : fmt::format("appends are taken again: {} bytes are free on the log's disk",
                             free_bytes_.load()));
}

uint64_t DiskSpace::enough() const {
  const uint64_t reserve = log_.options.disk_reserve_bytes;
  return reserve + std::min(reserve / 16, UINT64_MAX - reserve);
}

Error DiskSpace::full(uint64_t kept, uint64_t free) const {
  std::string message =
      fmt::format("{} bytes are free on the log's disk, and {} are kept in reserve", free, kept);
  if (short_) message += fmt::format("; appends are taken again when {} are free", enough());
  return {.code = Code::disk_full, .message = std::move(message)};
}

}  // namespace strandline
