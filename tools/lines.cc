#include "tools/lines.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace strandline::tools {
namespace {

constexpr size_t kReadBytes = 256 << 10;

}  // namespace

Result<Lines> Lines::open(const std::string& path) {
  if (path == "-") return Lines(STDIN_FILENO, "standard input");
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return fail(Code::io, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  Lines lines(descriptor, path);
  struct stat file = {};
  if (::fstat(descriptor, &file) == 0 && S_ISREG(file.st_mode)) lines.size_ = file.st_size;
  return lines;
}

Lines::Lines(Lines&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      name_(std::move(other.name_)),
      size_(other.size_),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      scanned_(other.scanned_),
      ended_(other.ended_),
      count_(other.count_),
      bytes_(other.bytes_) {}

Lines::~Lines() {
  if (descriptor_ > 2) ::close(descriptor_);
}

Status Lines::fill() {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  const size_t before = buffer_.size();
  buffer_.resize(before + kReadBytes);
  ssize_t count = 0;
  do {
    count = ::read(descriptor_, buffer_.data() + before, kReadBytes);
  } while (count < 0 && errno == EINTR);
  buffer_.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0) return fail(Code::io, fmt::format("{}: {}", name_, std::strerror(errno)));
  ended_ = count == 0;
  return {};
}

bool Lines::holds_line() {
  const size_t newline = buffer_.find('\n', scanned_);
  scanned_ = std::min(newline, buffer_.size());
  return newline != std::string::npos;
}

Result<std::optional<std::string_view>> Lines::next() {
  while (!holds_line()) {
    if (ended_) {
      if (begin_ == buffer_.size()) return std::optional<std::string_view>();
      const std::string_view last = std::string_view(buffer_).substr(begin_);
      begin_ = scanned_ = buffer_.size();
      ++count_;
      bytes_ += last.size();
      return std::optional(last);
    }
    if (buffer_.size() - begin_ > kLineBytesMax) {
      return fail(Code::too_large, fmt::format("{}:{}: a line of more than {} bytes", name_,
                                               count_ + 1, kLineBytesMax));
    }
    if (auto filled = fill(); !filled) return std::unexpected(filled.error());
  }
  const std::string_view line = std::string_view(buffer_).substr(begin_, scanned_ - begin_);
  begin_ = ++scanned_;
  ++count_;
  bytes_ += line.size() + 1;
  return std::optional(line);
}

bool Lines::ready() {
  while (!holds_line() && !ended_) {
    pollfd input{.fd = descriptor_, .events = POLLIN, .revents = 0};
    if (::poll(&input, 1, 0) <= 0) return false;
    if (!fill()) return true;  // next() meets the same error, and reports it
  }
  return true;
}

}  // namespace strandline::tools
