// Which directory a log was opened in: its own, its store's, and the lock file, each held open, so
// that none of their inode numbers is given to another file while the log lives. And the files
// without which the next opening finds no log, or not all of it: FORMAT, HEAD and CURRENT.
//
// Whether the paths still lead there is what an owner asks now and then: everything else goes by
// open files, and would go on without a word after the directory was removed, renamed, or replaced
// by another, and without a lock after LOCK was. (The WAL is the store's to ask for: its name
// changes.) *Threads*: any.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/error.h"

namespace strandline {

class DirectoryIdentity {
 public:
  DirectoryIdentity() = default;  // of nothing, which is never lost
  DirectoryIdentity(DirectoryIdentity&&) noexcept = default;
  DirectoryIdentity& operator=(DirectoryIdentity&& other) noexcept;
  ~DirectoryIdentity();

  // What is not there (in a file system of a test's own) is not looked for later. *Errors*: those
  // of access.h.
  static Result<DirectoryIdentity> of(const std::filesystem::path& log_directory);

  // What was removed or replaced; nothing while all is in its place.
  std::optional<std::string> lost() const;

 private:
  struct Place {
    std::filesystem::path path;
    int held;  // a file descriptor
  };
  // A file that others take the place of, by renaming; it is never away in between.
  struct Kept {
    std::filesystem::path path;
    std::unique_ptr<std::atomic<bool>> seen;  // it was there once
  };
  std::vector<Place> places_;
  std::vector<Kept> kept_;
};

}  // namespace strandline
