// A follower of a stream over HTTP: `GET .../events?follow=true`, its answer's chunks undone and
// its events counted, with as little work as can be, for a thousand of them share a core with the
// server.
//
// Frames are passed over by their heads, which are checked: each begins where the last one ended,
// or it is a Failure. *Memory*: nothing is kept but a piece of a head or of a chunk's size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/socket.h"
#include "schemas/frame.h"

namespace strandline::bench {

class Follower {
 public:
  enum class Format { frames, lines };

  // Connects and asks. `from` as in the query: "earliest", "latest", an offset.
  Follower(uint16_t port, std::string_view stream, std::string_view from, Format format);
  // Of whatever streams at this target: a stream by GET, a consumer's member by POST.
  Follower(uint16_t port, std::string_view target, Format format, std::string_view method = "GET");

  Socket& socket() { return socket_; }
  // Bytes as they came from the socket.
  void take(std::string_view bytes);

  bool answered() const { return part_ != Part::head; }  // it is being served
  uint64_t events() const { return events_; }            // wholly arrived
  uint64_t bytes() const { return bytes_; }              // of the answer's body

 private:
  enum class Part { head, chunk_size, chunk, chunk_end };

  void take_body(std::string_view bytes);

  Socket socket_;
  Format format_;
  Part part_ = Part::head;
  std::string line_;  // of the head, or of a chunk's size, as far as it has come
  uint64_t chunk_left_ = 0;
  schema::FrameHead frame_ = {};
  size_t head_bytes_ = 0;    // of frame_, as far as it has come
  uint64_t frame_left_ = 0;  // bytes of the frame after its head
  uint64_t next_ = UINT64_MAX;
  uint64_t events_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace strandline::bench
