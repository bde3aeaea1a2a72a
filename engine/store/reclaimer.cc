#include "engine/store/reclaimer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace strandline {
namespace {

// The larger they are, the longer each makes others wait; the smaller, the longer they take in all
// (1 MB: half as long again as 4 MB).
constexpr uint64_t kPieceBytes = 2 << 20;
// From so much on there are no pauses, and then no pieces: what is deleted must not outgrow what
// is there.
constexpr uint64_t kHurryBytes = 256 << 20;
constexpr uint64_t kPendingBytesMax = uint64_t{4} << 30;
constexpr size_t kPendingFilesMax = 100;  // each holds a descriptor

}  // namespace

Reclaimer::File::File(const std::string& path)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)) {
  struct stat found = {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &found) != 0 || !S_ISREG(found.st_mode)) return;
  bytes_ = static_cast<uint64_t>(found.st_size);
}

Reclaimer::File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

// Without a name nobody can open it any more, and a write lease is given only where nobody else has
// it open (fcntl(2), F_SETLEASE).
bool Reclaimer::File::is_nobody_elses() const {
  struct stat now = {};
  if (bytes_ <= kPieceBytes || ::fstat(descriptor_, &now) != 0 || now.st_nlink != 0) return false;
  return ::fcntl(descriptor_, F_SETLEASE, F_WRLCK) == 0 &&
         ::fcntl(descriptor_, F_SETLEASE, F_UNLCK) == 0;
}

bool Reclaimer::File::shorten_by(uint64_t bytes) {
  if (::ftruncate(descriptor_, static_cast<off_t>(bytes_ - bytes)) != 0) return false;
  bytes_ -= bytes;
  return true;
}

Reclaimer::~Reclaimer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Reclaimer::give_back(File file) {
  const std::lock_guard lock(mutex_);
  if (pending_bytes_ + file.bytes() > kPendingBytesMax || files_.size() == kPendingFilesMax) return;
  pending_bytes_ += file.bytes();
  files_.push_back(std::move(file));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_one();
}

void Reclaimer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !files_.empty(); });
    if (stopping_) return;
    File file = std::move(files_.front());
    files_.pop_front();
    while (!stopping_ && file.bytes() > 0) {
      const uint64_t piece = std::min(kPieceBytes, file.bytes());
      lock.unlock();
      const auto begin = std::chrono::steady_clock::now();
      const bool shortened = file.shorten_by(piece);
      const auto took = std::chrono::steady_clock::now() - begin;
      lock.lock();
      if (!shortened) break;
      pending_bytes_ -= piece;
      if (pending_bytes_ < kHurryBytes) {
        changed_.wait_for(lock, took, [this] { return stopping_; });
      }
    }
    pending_bytes_ -= file.bytes();
  }
}

}  // namespace strandline
