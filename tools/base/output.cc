#include "tools/base/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <streambuf>

namespace strandline::tools {
namespace {

constexpr size_t kBufferBytes = 256 << 10;

Status os_error(const std::string& name) {
  return fail(Code::io, fmt::format("{}: {}", name, std::strerror(errno)));
}

}  // namespace

Result<Output> Output::open(const std::string& path, uint64_t bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return std::unexpected(os_error(path).error());
  Output output(descriptor, path, bytes);
  struct stat file = {};
  if (::fstat(descriptor, &file) != 0) return std::unexpected(os_error(path).error());
  if (S_ISREG(file.st_mode)) {
    if (static_cast<uint64_t>(file.st_size) < bytes) {
      return fail(Code::io,
                  fmt::format("{} is shorter than the {} bytes written to it", path, bytes));
    }
    if (::ftruncate(descriptor, static_cast<off_t>(bytes)) != 0 ||
        ::lseek(descriptor, 0, SEEK_END) < 0) {
      return std::unexpected(os_error(path).error());
    }
  }
  return output;
}

Output::Output(Output&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      name_(std::move(other.name_)),
      bytes_(other.bytes_),
      buffer_(std::move(other.buffer_)),
      digest_(std::move(other.digest_)) {}

Output::~Output() {
  if (descriptor_ > 2) ::close(descriptor_);
}

Status Output::written() { return buffer_.size() < kBufferBytes ? Status() : flush(); }

Status Output::flush() {
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t count = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error(name_);
    done += static_cast<size_t>(count);
  }
  bytes_ += buffer_.size();
  if (digest_) digest_->update(buffer_);
  buffer_.clear();
  return {};
}

Status Output::sync() {
  if (auto flushed = flush(); !flushed) return flushed;
  // A pipe or a device has nothing to sync, and says EINVAL.
  if (::fdatasync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) return os_error(name_);
  return {};
}

void Output::cut(uint64_t bytes) {
  buffer_.clear();
  bytes_ = bytes;
  // Where this fails there is more in the file than there should be, as after a kill.
  if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) == 0) ::lseek(descriptor_, 0, SEEK_END);
}

// --- std::cout.

class StandardOutput::Buffer : public std::streambuf {
 public:
  Status finish() {
    keep(output_.flush());
    return status_;
  }

 protected:
  // What cannot be written is dropped: the stream goes on, so that the first error is the one told.
  int_type overflow(int_type c) override {
    if (!traits_type::eq_int_type(c, traits_type::eof())) {
      const char byte = traits_type::to_char_type(c);
      xsputn(&byte, 1);
    }
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    output_.buffer().append(bytes, static_cast<size_t>(count));
    const bool line = terminal_ && output_.buffer().ends_with('\n');
    keep(line ? output_.flush() : output_.written());
    return count;
  }
  int sync() override {
    keep(output_.flush());
    return 0;
  }

 private:
  void keep(Status status) {
    if (!status) output_.buffer().clear();
    if (status_) status_ = std::move(status);
  }

  Output output_;
  Status status_;
  const bool terminal_ = ::isatty(STDOUT_FILENO) != 0;
};

StandardOutput::StandardOutput()
    : buffer_(std::make_unique<Buffer>()), before_(std::cout.rdbuf(buffer_.get())) {}

StandardOutput::~StandardOutput() { std::cout.rdbuf(before_); }

Status StandardOutput::finish() { return buffer_->finish(); }

Status write_durably(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  auto output = Output::open(fresh, 0);
  if (!output) return std::unexpected(output.error());
  output->buffer() = text;
  if (auto synced = output->sync(); !synced) return synced;
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return os_error(path);
  const std::string directory = std::filesystem::absolute(path).parent_path();
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return os_error(directory);
  const int synced = ::fsync(descriptor);
  ::close(descriptor);
  return synced == 0 ? Status() : os_error(directory);
}

}  // namespace strandline::tools
