#include "engine/state/tail.h"

#include <utility>

namespace strandline {

void Wakeup::arm(std::function<void()> callback) {
  {
    std::lock_guard lock(mutex_);
    callback_ = std::move(callback);
  }
  wakeups_.wait(stream_, weak_from_this());
}

void Wakeup::fire() {
  // Dies after the lock is given up: it may own the last reference to whoever disarms in its end.
  std::function<void()> callback;
  std::lock_guard lock(mutex_);
  callback = std::exchange(callback_, nullptr);
  if (callback) callback();
}

void Wakeup::disarm() {
  std::lock_guard lock(mutex_);
  callback_ = nullptr;
}

bool Wakeup::closed() const { return wakeups_.closed(); }

void Wakeups::wait(StreamId stream, std::weak_ptr<Wakeup> wakeup) {
  std::unique_lock lock(mutex_);
  if (closed_) {
    lock.unlock();
    if (auto strong = wakeup.lock()) strong->fire();
    return;
  }
  auto& list = waiting_[stream];
  // A reader that re-arms without having been called back (a time-out) is in the list already, and
  // one that is gone leaves an empty entry: swept when the list would grow.
  if (list.size() == list.capacity()) {
    std::erase_if(list, [&](const std::weak_ptr<Wakeup>& other) {
      return other.expired() || (!other.owner_before(wakeup) && !wakeup.owner_before(other));
    });
  }
  list.push_back(std::move(wakeup));
}

void Wakeups::notify(std::span<const StreamId> streams) {
  std::vector<std::weak_ptr<Wakeup>> due;
  {
    std::lock_guard lock(mutex_);
    for (const StreamId stream : streams) {
      const auto found = waiting_.find(stream);
      if (found == waiting_.end()) continue;
      due.insert(due.end(), std::make_move_iterator(found->second.begin()),
                 std::make_move_iterator(found->second.end()));
      waiting_.erase(found);
    }
  }
  for (const auto& wakeup : due) {
    if (auto strong = wakeup.lock()) strong->fire();
  }
}

void Wakeups::close() {
  std::vector<StreamId> streams;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [stream, list] : waiting_) streams.push_back(stream);
  }
  notify(streams);
}

bool Wakeups::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace strandline
