#include "server/base/secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace strandline::server {
namespace {

constexpr size_t kSecretBytesMin = 16;
constexpr size_t kSecretBytesMax = 8 << 10;  // a token's, which a client shows as it does a key

struct OpenFile {
  explicit OpenFile(int descriptor) : descriptor(descriptor) {}
  ~OpenFile() {
    if (descriptor >= 0) ::close(descriptor);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  const int descriptor;
};

std::unexpected<Error> system_says(const std::string& path) {
  return fail(Code::io, fmt::format("{}: {}", path, std::strerror(errno)));
}

}  // namespace

Result<std::string> read_secret_file(const std::string& path) {
  const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about = {};
  if (file.descriptor < 0 || ::fstat(file.descriptor, &about) != 0) return system_says(path);
  // Of a pipe, such as a shell's <(...), the mode says nothing.
  if (S_ISREG(about.st_mode) && (about.st_mode & 077) != 0) {
    return fail(Code::invalid,
                fmt::format("{}: others may read it (mode {:o}), and it holds a secret: chmod 600",
                            path, about.st_mode & 0777));
  }
  std::string text;
  std::array<char, 4'096> piece;
  while (text.size() <= kSecretBytesMax + 1) {
    const ssize_t count = ::read(file.descriptor, piece.data(), piece.size());
    if (count < 0) return system_says(path);
    if (count == 0) break;
    text.append(piece.data(), static_cast<size_t>(count));
  }
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  const bool printable = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
  if (!printable || text.size() < kSecretBytesMin || text.size() > kSecretBytesMax) {
    return fail(Code::invalid, fmt::format("{}: a secret is one line of {} to {} printable "
                                           "characters without spaces",
                                           path, kSecretBytesMin, kSecretBytesMax));
  }
  return text;
}

Status write_secret_file(const std::string& path, const std::string& secret) {
  const OpenFile file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.descriptor < 0) return system_says(path);
  const std::string line = secret + '\n';
  const ssize_t count = ::write(file.descriptor, line.data(), line.size());
  if (count != static_cast<ssize_t>(line.size()) || ::fsync(file.descriptor) != 0) {
    return system_says(path);
  }
  return {};
}

}  // namespace strandline::server
