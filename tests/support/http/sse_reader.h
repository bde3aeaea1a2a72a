// One follower's bytes, checked as they come: an answer's head, its chunks, and the server-sent
// events in them. Small, for there are thousands of it in one process; the whole of an event is
// compared once, by the first that sees it (SeenEvents), and by its hash from then on.
//
// *Errors*: take() throws std::runtime_error with what is wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strandline::tests {

// What the events of a stream are, for all followers of it.
class SeenEvents {
 public:
  explicit SeenEvents(std::string stream) : stream_(std::move(stream)) {}
  // The event at this offset, as SSE's `data`; answers whether it is the last: of type "end".
  bool check(uint64_t offset, std::string_view data);

 private:
  std::string stream_;
  std::vector<uint64_t> hashes_;
  uint64_t end_ = UINT64_MAX;
};

class SseReader {
 public:
  explicit SseReader(SeenEvents& seen) : seen_(seen) {}

  void take(std::string_view bytes);
  bool is_open() const { return open_; }     // the stream has begun
  bool has_ended() const { return ended_; }  // the event of type "end" has come
  uint64_t next() const { return next_; }    // the offset that is due
  // The latest time, in microseconds, from an event's stored-at to its coming in, of those that
  // came since the last call; 0 if none did.
  int64_t take_lag_us() { return std::exchange(lag_us_, 0); }

 private:
  enum class Part : uint8_t { head, size, chunk, chunk_end };

  void take_text(std::string_view text);
  void take_line(std::string_view line);

  SeenEvents& seen_;
  Part part_ = Part::head;
  bool open_ = false;
  bool ended_ = false;
  uint64_t chunk_left_ = 0;
  uint64_t next_ = 0;
  uint64_t id_ = UINT64_MAX;
  int64_t lag_us_ = 0;
  std::string http_line_;  // what has come of a line
  std::string text_line_;
};

}  // namespace strandline::tests
