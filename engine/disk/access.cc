#include "engine/disk/access.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

namespace strandline {
namespace {

namespace fs = std::filesystem;

constexpr std::array kWithheld = {EACCES, EPERM, EROFS, EMFILE, ENFILE, ENOMEM, ESTALE};

std::string words_of(int error_number) { return std::generic_category().message(error_number); }

std::string remedy_for(int error_number) {
  switch (error_number) {
    case EMFILE: {
      rlimit files{};
      getrlimit(RLIMIT_NOFILE, &files);
      return fmt::format(
          "this process may have {} files open at a time: allow it more (ulimit -n; LimitNOFILE= "
          "of a systemd unit)",
          files.rlim_cur);
    }
    case ENFILE:
      return "the system has as many files open as it allows (sysctl fs.file-max): allow more";
    case ENOMEM:
      return "the system is out of memory: try again when there is some";
    case ESTALE:
      return "the network file system has lost its handle: mount it again";
    case EROFS:
      return "an owner writes: mount it writable, or only read the log";
    default:
      return fmt::format(
          "this process runs as user id {}, group id {}: run it as the user that owns the log, or "
          "give it the log (chown -R)",
          geteuid(), getegid());
  }
}

std::string owner_of(const fs::path& file) {
  struct stat found = {};
  if (stat(file.c_str(), &found) != 0) return {};
  return fmt::format(" (it belongs to user id {}, mode {:04o})", found.st_uid,
                     found.st_mode & 07777);
}

Error withheld_error(std::string what, int error_number) {
  return {.code = Code::inaccessible,
          .message = fmt::format("{}: {}. This says nothing of what is stored", std::move(what),
                                 remedy_for(error_number))};
}

// Of what cannot be had; nothing if it can, or is gone.
Status judged(const fs::path& file, bool had) {
  const int error_number = errno;
  if (had || !is_withheld(error_number)) return {};
  return std::unexpected(inaccessible_file(file, error_number));
}

class Access {
 public:
  explicit Access(bool owner) : owner_(owner) {}

  Status directory(const fs::path& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(path.c_str()), closedir);
    if (auto ok = judged(path, entries != nullptr); !ok || !entries) return ok;
    // Reading the names is one right, reaching what they name another.
    const int wanted = owner_ ? W_OK | X_OK : X_OK;
    if (auto ok = judged(path, faccessat(AT_FDCWD, path.c_str(), wanted, AT_EACCESS) == 0); !ok) {
      return ok;
    }
    while (const dirent* entry = readdir(entries.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (auto ok = anything(path / name); !ok) return ok;
    }
    return {};
  }

 private:
  Status anything(const fs::path& path) {
    struct stat found = {};
    const bool there = stat(path.c_str(), &found) == 0;
    if (auto ok = judged(path, there); !ok || !there) return ok;
    if (S_ISDIR(found.st_mode)) {
      // What else stands beside a log, lost+found say, is not its own.
      const std::string name = path.filename();
      return name == "store" || name == "damaged" ? directory(path) : Status();
    }
    return S_ISREG(found.st_mode) ? file(path) : Status();
  }

  Status file(const fs::path& path) {
    // The files that are written in place; all others are made new.
    const std::string name = path.filename();
    // Only asked about, for closing it would let go of the lock that this process may hold on it.
    if (name == "LOCK") {
      return judged(path,
                    !owner_ || faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) == 0);
    }
    const bool written = name == "HEAD" || path.extension() == ".log";
    const int flags = (owner_ && written ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
    const int descriptor = open(path.c_str(), flags);
    auto ok = judged(path, descriptor >= 0);
    if (descriptor >= 0) close(descriptor);
    return ok;
  }

  const bool owner_;
};

}  // namespace

bool is_withheld(int error_number) {
  return std::ranges::find(kWithheld, error_number) != kWithheld.end();
}

std::optional<int> withheld_in(std::string_view text) {
  for (const int one : kWithheld) {
    if (text.find(words_of(one)) != text.npos) return one;
  }
  return std::nullopt;
}

Error inaccessible_file(const fs::path& file, int error_number) {
  return withheld_error(file.string() + ": " + words_of(error_number) + owner_of(file),
                        error_number);
}

Error inaccessible(std::string_view text, int error_number) {
  return withheld_error(std::string(text), error_number);
}

Status check_access(const fs::path& log_directory, bool owner) {
  return Access(owner).directory(log_directory);
}

}  // namespace strandline
