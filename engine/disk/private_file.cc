#include "engine/disk/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace strandline {
namespace {

constexpr size_t kPrivateBytesMax = 64 << 10;

class PrivateFile {
 public:
  PrivateFile(const std::filesystem::path& path, int flags)
      : number_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~PrivateFile() {
    if (number_ >= 0) close(number_);
  }
  PrivateFile(const PrivateFile&) = delete;
  PrivateFile& operator=(const PrivateFile&) = delete;
  int number() const { return number_; }

 private:
  const int number_;
};

std::unexpected<Error> no_private_file(const std::filesystem::path& file) {
  const int why = errno;
  return fail(why == ENOENT ? Code::not_found : Code::io,
              fmt::format("{}: {}", file.string(), std::strerror(why)));
}

}  // namespace

Result<std::string> read_private(const std::filesystem::path& file) {
  const PrivateFile opened(file, O_RDONLY);
  struct stat status;
  if (opened.number() < 0 || fstat(opened.number(), &status) != 0) return no_private_file(file);
  if ((status.st_mode & 077) != 0) {
    return fail(Code::invalid, fmt::format("{} holds a private key, and others may read it (mode "
                                           "{:o}): chmod 600 it",
                                           file.string(), status.st_mode & 0777));
  }
  std::string text(kPrivateBytesMax, '\0');
  const ssize_t got = read(opened.number(), text.data(), text.size());
  if (got < 0) return no_private_file(file);
  text.resize(static_cast<size_t>(got));
  return text;
}

Status write_private(const std::filesystem::path& file, std::string_view text) {
  const std::filesystem::path made = file.string() + ".tmp";
  unlink(made.c_str());
  {
    const PrivateFile opened(made, O_WRONLY | O_CREAT | O_EXCL);
    if (opened.number() < 0) return no_private_file(made);
    const bool whole =
        write(opened.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (!whole || fsync(opened.number()) != 0) return no_private_file(made);
  }
  if (rename(made.c_str(), file.c_str()) != 0) return no_private_file(file);
  const auto parent = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const PrivateFile directory(parent, O_RDONLY | O_DIRECTORY);
  if (directory.number() < 0 || fsync(directory.number()) != 0) return no_private_file(parent);
  return {};
}

}  // namespace strandline
