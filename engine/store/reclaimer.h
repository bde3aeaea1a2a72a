// Gives the space of deleted files back a piece at a time.
//
// A file system may free all that a file held before unlink returns, and let every other write
// wait meanwhile: ext4 mounted with `discard` took 1.5 ms a megabyte, a WAL's fsync waited for as
// much as 100 ms behind each file of 64 MB. So a large file loses its name at once, and its bytes
// from the end on, with pauses in which others get their turn.
//
// A file that anybody has open (an observer, a copy for a backup), or that has another name (a
// checkpoint's), is left to the file system, which frees it when they are done.
//
// *Threads*: any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace strandline {

class Reclaimer {
 public:
  ~Reclaimer();  // what is left is given back at once

  // Has `unlink` take the name of this file away, and answers what it says. Where the file is not
  // one of the operating system's, that is all.
  template <class Unlink>
  auto remove(const std::string& path, Unlink unlink) {
    File file(path);
    auto done = unlink();
    if (done.ok() && file.is_nobody_elses()) give_back(std::move(file));
    return done;
  }

 private:
  // One that is large enough for this, or none. Closed when it goes.
  class File {
   public:
    explicit File(const std::string& path);
    File(File&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)), bytes_(other.bytes_) {}
    ~File();

    uint64_t bytes() const { return bytes_; }
    bool is_nobody_elses() const;
    // Takes so much off its end; false where the file system refuses.
    bool shorten_by(uint64_t bytes);

   private:
    int descriptor_ = -1;
    uint64_t bytes_ = 0;
  };

  void give_back(File file);
  void run();

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<File> files_;
  uint64_t pending_bytes_ = 0;  // of the files, and of the one that is being given back
  bool stopping_ = false;
  std::thread thread_;  // begun with the first file
};

}  // namespace strandline
