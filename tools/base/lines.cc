#include "tools/base/lines.h"

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
constexpr size_t kBeginningBytes = 64 << 10;

bool has_whole_line(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && text.find('\n', begin) != std::string_view::npos;
}

std::string_view without_mark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

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

Result<Beginning> Lines::beginning() {
  const auto text = [&] { return without_mark(std::string_view(buffer_).substr(begin_)); };
  while (!ended_) {
    const bool enough = !size_ || buffer_.size() - begin_ >= kBeginningBytes;
    if (enough && has_whole_line(text())) break;
    if (buffer_.size() - begin_ > kLineBytesMax) break;  // next() says what is wrong
    if (auto filled = fill(); !filled) return std::unexpected(filled.error());
  }
  if (text().size() > kBeginningBytes && has_whole_line(text().substr(0, kBeginningBytes))) {
    return Beginning{text().substr(0, kBeginningBytes), false};
  }
  return Beginning{text(), ended_};
}

std::string_view Lines::line_of(size_t bytes) {
  raw_ = std::string_view(buffer_).substr(begin_, bytes);
  begin_ += bytes;
  bytes_ += bytes;
  std::string_view line = count_++ == 0 ? without_mark(raw_) : raw_;
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line;
}

Result<std::optional<std::string_view>> Lines::next() {
  while (!holds_line()) {
    if (ended_) {
      const std::string_view rest = std::string_view(buffer_).substr(begin_);
      const bool only_mark = count_ == 0 && rest == kByteOrderMark;
      if (rest.empty() || only_mark) return std::optional<std::string_view>();
      scanned_ = buffer_.size();
      return std::optional(line_of(buffer_.size() - begin_));
    }
    if (buffer_.size() - begin_ > kLineBytesMax) {
      return fail(Code::too_large, fmt::format("{}:{}: a line of more than {} bytes", name_,
                                               count_ + 1, kLineBytesMax));
    }
    if (auto filled = fill(); !filled) return std::unexpected(filled.error());
  }
  return std::optional(line_of(++scanned_ - begin_));
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
