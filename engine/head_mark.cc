#include "engine/head_mark.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/crc32c.h"
#include "engine/keys.h"

namespace strandline {
namespace {

constexpr std::string_view kMagic = "STRDHEAD";
constexpr size_t kSlotBytes = 4096;
constexpr size_t kMarkBytes = 20;
constexpr auto kInterval = std::chrono::seconds(1);

std::filesystem::path file_in(const std::filesystem::path& directory) { return directory / "HEAD"; }

}  // namespace

Result<std::optional<Sequence>> HeadMark::read(const std::filesystem::path& directory) {
  const auto file = file_in(directory);
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT) return std::nullopt;
    return fail(Code::io, fmt::format("{}: {}", file.string(), std::strerror(errno)));
  }
  std::optional<Sequence> mark;
  bool any = false;
  for (int slot = 0; slot < 2; ++slot) {
    char bytes[kMarkBytes] = {};
    if (pread(descriptor, bytes, sizeof bytes, slot * kSlotBytes) != ssize_t(kMarkBytes)) continue;
    const std::string_view view(bytes, sizeof bytes);
    any |= std::ranges::any_of(view, [](char c) { return c != 0; });
    if (!view.starts_with(kMagic) || get_le<uint32_t>(view, 16) != crc32c(view.substr(0, 16))) {
      continue;
    }
    mark = std::max(mark.value_or(Sequence(0)), Sequence(get_le<uint64_t>(view, 8)));
  }
  close(descriptor);
  if (!mark && any) {
    return fail(Code::corrupt, fmt::format("{}: neither of its two slots is valid", file.string()));
  }
  return mark;
}

HeadMark::HeadMark(const std::filesystem::path& directory, std::function<Sequence()> durable,
                   std::function<void(const std::string&)> on_failure)
    : file_(file_in(directory)), durable_(std::move(durable)), on_failure_(std::move(on_failure)) {
  descriptor_ = open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
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
  if (descriptor_ >= 0) close(descriptor_);
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
  const Sequence durable = durable_();
  if (written_ == durable) return;
  std::string bytes(kMagic);
  put_le<uint64_t>(bytes, durable.value);
  put_le<uint32_t>(bytes, crc32c(bytes));
  // Without a mark the log is as durable as before, and its end less well guarded: said, not fatal.
  if (pwrite(descriptor_, bytes.data(), bytes.size(), slot_ * kSlotBytes) !=
          ssize_t(bytes.size()) ||
      fdatasync(descriptor_) != 0) {
    on_failure_(fmt::format("the head mark {} cannot be renewed: {}", file_.string(),
                            std::strerror(errno)));
    return;
  }
  slot_ = 1 - slot_;
  written_ = durable;
}

}  // namespace strandline
