// The access log: a line of JSON for each request that was answered, for who asks for it.
//
//   {"time":"2026-01-02T03:04:05.678901Z","client":"203.0.113.7","kind":"key","principal":"shop",
//    "method":"GET","path":"/v1/streams/a/events?ticket=...","route":"read_events","status":200,
//    "bytes":123,"duration_us":456,"request_id":"f3a1"}
//
// Of a request that could not be read, `method`, `path` and `route` are null. `bytes` are the
// answer's body's; of a follower all that it was sent, when it ends. Tickets are
// left out of paths. *Threads*: write from any; a thread of its own writes to the file, so that no
// connection waits for a disk. *Memory*: kBufferBytesMax of lines; what does not fit is dropped and
// counted. *Rotation*: after reopen() the file's name is opened anew.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "engine/api/administration.h"
#include "engine/api/error.h"

namespace strandline::server {

struct AccessLine {
  Actor actor;
  std::string_view method;
  std::string_view target;  // as it was sent
  std::string_view route;
  std::string_view request_id;
  unsigned status = 0;
  uint64_t bytes = 0;
  std::chrono::steady_clock::duration duration = {};
};

// A target without the values of its tickets.
std::string without_tickets(std::string_view target);

class AccessLog {
 public:
  static constexpr size_t kBufferBytesMax = 8 << 20;

  // "-" is the standard output. A file that is not there is made, of mode 640.
  static Result<std::unique_ptr<AccessLog>> open(const std::string& path);
  ~AccessLog();

  void write(const AccessLine& line);
  uint64_t dropped() const { return dropped_; }
  // May be called by a signal's handler.
  void reopen() { reopen_asked_ = true; }

 private:
  AccessLog(std::string path, int descriptor);
  void run();
  void open_again();

  const std::string path_;
  int descriptor_;  // the thread's
  std::atomic<bool> reopen_asked_ = false;
  std::atomic<uint64_t> dropped_ = 0;

  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::string lines_;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace strandline::server
