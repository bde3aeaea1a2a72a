// How a reader at the tail learns that the tail has moved: one callback, once, level-triggered.
//
// A Wakeup is what a subscription waits with: armed, it is called back once, when its stream's tail
// moves or the log closes. To lose no wake-up: arm, then look whether there is something to read;
// the commit stage raises the tail, then notifies. *Threads*: any; a callback runs on the sync
// stage's thread and must only post. After disarm returns, the callback is not running and never
// will.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/api/types.h"

namespace strandline {

class Wakeups;

class Wakeup : public std::enable_shared_from_this<Wakeup> {
 public:
  Wakeup(Wakeups& wakeups, StreamId stream) : wakeups_(wakeups), stream_(stream) {}

  void arm(std::function<void()> callback);
  void fire();  // calls back now, if it is armed
  void disarm();
  bool closed() const;

 private:
  Wakeups& wakeups_;
  const StreamId stream_;
  std::mutex mutex_;  // guards callback_, and is held while it runs
  std::function<void()> callback_;
};

class Wakeups {
 public:
  void wait(StreamId stream, std::weak_ptr<Wakeup> wakeup);
  // Calls back whoever waits for one of these.
  void notify(std::span<const StreamId> streams);
  // Calls back everybody, now and from now on.
  void close();
  bool closed() const;

 private:
  mutable std::mutex mutex_;  // guards both below
  bool closed_ = false;
  std::unordered_map<StreamId, std::vector<std::weak_ptr<Wakeup>>> waiting_;
};

}  // namespace strandline
