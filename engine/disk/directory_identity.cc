#include "engine/disk/directory_identity.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "engine/disk/access.h"

namespace strandline {

DirectoryIdentity& DirectoryIdentity::operator=(DirectoryIdentity&& other) noexcept {
  std::swap(places_, other.places_);
  std::swap(kept_, other.kept_);
  return *this;
}

DirectoryIdentity::~DirectoryIdentity() {
  for (const Place& place : places_) close(place.held);
}

Result<DirectoryIdentity> DirectoryIdentity::of(const std::filesystem::path& log_directory) {
  DirectoryIdentity identity;
  for (const auto& path : {log_directory, log_directory / "store", log_directory / "LOCK"}) {
    // O_PATH: closing another descriptor of a file lets go of the process's locks on it.
    const int held = open(path.c_str(), O_PATH | O_CLOEXEC);
    if (held >= 0) {
      identity.places_.push_back({path, held});
    } else if (is_withheld(errno)) {
      return std::unexpected(inaccessible_file(path, errno));
    }
  }
  for (const char* name : {"FORMAT", "HEAD", "store/CURRENT"}) {
    // HEAD comes with the first head mark.
    identity.kept_.push_back({log_directory / name, std::make_unique<std::atomic<bool>>(false)});
  }
  return identity;
}

std::optional<std::string> DirectoryIdentity::lost() const {
  for (const Place& place : places_) {
    struct stat now = {}, then = {};
    if (fstat(place.held, &then) != 0) continue;
    if (stat(place.path.c_str(), &now) != 0) {
      // Of what may not be looked at nothing is known.
      if (errno != ENOENT && errno != ENOTDIR) continue;
      return fmt::format("{} was removed, or renamed, while the log was open", place.path.string());
    }
    if (now.st_dev != then.st_dev || now.st_ino != then.st_ino) {
      return fmt::format("{} was replaced by another while the log was open", place.path.string());
    }
  }
  for (const Kept& kept : kept_) {
    struct stat now = {};
    if (stat(kept.path.c_str(), &now) == 0) {
      *kept.seen = true;
    } else if (errno == ENOENT && *kept.seen) {
      return fmt::format("{} was removed while the log was open", kept.path.string());
    }
  }
  return std::nullopt;
}

}  // namespace strandline
