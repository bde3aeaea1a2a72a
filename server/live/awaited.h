// Streams that are not there yet and that somebody waits for: one reader of the log for all of
// them, and none while nobody waits.
//
// Ten thousand clients may wait for a channel each: were each woken by every append, as a follower
// of HTTP that waits is, an append would cost ten thousand wake-ups. *Threads*: any; callbacks run
// on its own and must only post. *Lifetime*: stop() before the log closes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "engine/log.h"

namespace strandline::server {

class Awaited {
 public:
  explicit Awaited(Log& log) : log_(log) {}
  ~Awaited() { stop(); }

  void start();
  void stop();

  // Calls back once, when an event has come to a stream of this name; at once, if there is one.
  uint64_t wait(const std::string& stream, std::function<void()> callback);
  void cancel(const std::string& stream, uint64_t number);

 private:
  void run();
  // Tells those who wait for streams that are there.
  void tell(const std::string& stream);
  void tell_all_there();

  Log& log_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  bool stopping_ = false;
  uint64_t last_ = 0;
  std::map<std::string, std::map<uint64_t, std::function<void()>>, std::less<>> waiting_;
  std::thread thread_;
};

}  // namespace strandline::server
