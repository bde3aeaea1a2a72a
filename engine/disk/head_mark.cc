#include "engine/disk/head_mark.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/crc32c.h"
#include "engine/format/keys.h"

namespace strandline {
namespace {

constexpr std::string_view kHeadMarkMagic = "STRDHEAD";
constexpr size_t kSlotBytes = 4096;
constexpr size_t kHeadMarkBytes = 64;
constexpr auto kInterval = std::chrono::seconds(1);

std::filesystem::path file_in(const std::filesystem::path& directory) { return directory / "HEAD"; }

std::string slot_of(HeadMark::Head head) {
  std::string bytes(kHeadMarkMagic);
  put_le<uint64_t>(bytes, head.next.value);
  const uint32_t of_next = crc32c(bytes);
  put_le<uint32_t>(bytes, of_next);
  put_le<uint32_t>(bytes, 0);
  put_le<uint64_t>(bytes, head.changes);
  put_le<uint64_t>(bytes, head.wal);
  const uint32_t of_changes = crc32c(std::string_view(bytes).substr(24), of_next);
  put_le<uint32_t>(bytes, of_changes);
  put_le<uint64_t>(bytes, head.list.manifest);
  put_le<uint64_t>(bytes, head.list.bytes);
  put_le<uint32_t>(bytes, crc32c(std::string_view(bytes).substr(44), of_changes));
  return bytes;
}

std::optional<HeadMark::Head> mark_in(std::string_view file, size_t slot) {
  if (file.size() < slot * kSlotBytes + kHeadMarkBytes) return std::nullopt;
  const std::string_view bytes = file.substr(slot * kSlotBytes, kHeadMarkBytes);
  const uint32_t of_next = get_le<uint32_t>(bytes, 16);
  if (!bytes.starts_with(kHeadMarkMagic) || of_next != crc32c(bytes.substr(0, 16))) {
    return std::nullopt;
  }
  HeadMark::Head head{.next = Sequence(get_le<uint64_t>(bytes, 8))};
  const uint32_t of_changes = crc32c(bytes.substr(24, 16), of_next);
  if (get_le<uint32_t>(bytes, 40) != of_changes) return head;
  head.changes = get_le<uint64_t>(bytes, 24);
  head.wal = get_le<uint64_t>(bytes, 32);
  if (get_le<uint32_t>(bytes, 60) != crc32c(bytes.substr(44, 16), of_changes)) return head;
  head.list = {get_le<uint64_t>(bytes, 44), get_le<uint64_t>(bytes, 52)};
  return head;
}

// Whole from the beginning: half a file of one slot would look like damage.
std::string file_of(HeadMark::Head head) {
  std::string both = slot_of(head);
  both.resize(2 * kSlotBytes);
  return both;
}

}  // namespace

Result<std::optional<HeadMark::Head>> HeadMark::read(const Disk& disk,
                                                     const std::filesystem::path& directory) {
  const auto file = file_in(directory);
  auto there = disk.exists(file);
  if (!there) return std::unexpected(std::move(there.error()));
  if (!*there) return std::nullopt;
  auto bytes = disk.read(file);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  const auto mark = std::max(mark_in(*bytes, 0), mark_in(*bytes, 1));
  if (!mark && std::ranges::any_of(*bytes, [](char c) { return c != 0; })) {
    return fail(Code::corrupt, fmt::format("{}: neither of its two slots is valid", file.string()));
  }
  return mark;
}

Status HeadMark::reset(const Disk& disk, const std::filesystem::path& directory, Head head) {
  return disk.replace(file_in(directory), file_of(head));
}

HeadMark::HeadMark(const Disk& disk, const std::filesystem::path& directory,
                   std::function<std::optional<Head>()> durable,
                   std::function<void(const std::string&)> on_failure)
    : disk_(disk),
      file_(file_in(directory)),
      durable_(std::move(durable)),
      on_failure_(std::move(on_failure)) {
  // The next to be written is the slot that does not hold the mark.
  if (const auto bytes = disk_.read(file_); bytes) {
    slot_ = mark_in(*bytes, 0) > mark_in(*bytes, 1) ? 1 : 0;
    written_ = std::max(mark_in(*bytes, 0), mark_in(*bytes, 1));
    exists_ = bytes->size() >= kSlotBytes + kHeadMarkBytes;
  }
  renew();
  thread_ = std::thread([this] { run(); });
}

HeadMark::~HeadMark() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  thread_.join();
  renew();
}

void HeadMark::run() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, kInterval, [&] { return stopping_; })) {
    lock.unlock();
    renew();
    lock.lock();
  }
}

void HeadMark::renew() {
  const std::optional<Head> durable = durable_();
  if (!durable || (exists_ && written_ == durable)) return;
  Status ok;
  if (exists_) {
    ok = disk_.overwrite(file_, slot_ * kSlotBytes, slot_of(*durable));
  } else {
    ok = disk_.replace(file_, file_of(*durable));
  }
  // Without a mark the log is as durable as before, and its end less well guarded: said, not fatal.
  if (!ok) return on_failure_("the head mark cannot be renewed: " + ok.error().message);
  slot_ = exists_ ? 1 - slot_ : 1;
  exists_ = true;
  written_ = durable;
}

}  // namespace strandline
