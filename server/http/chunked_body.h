// A body in HTTP's chunked coding (RFC 9112, section 7.1), decoded as it comes, strictly.
//
// Sizes are hexadecimal digits and nothing else, every line ends in CRLF, extensions are read over
// up to a limit on all of them together, and trailers are checked like the fields of a head, then
// dropped: one that a head would have acted on is refused. Pure: it sees bytes and no socket.
// *Errors*: a Refusal, 400 or, for a body over its limit, 413.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "server/http/request_head.h"

namespace strandline::server {

class ChunkedBody {
 public:
  // Extensions of all chunks of a body, in bytes. Nobody is known to send any.
  static constexpr size_t kExtensionBytesMax = 1024;
  // The trailers of a body, in bytes.
  static constexpr size_t kTrailerBytesMax = 4096;

  explicit ChunkedBody(size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  // Decodes from the beginning of `bytes` onto the end of `body`; answers how many bytes it took:
  // all of them, unless the body ended among them.
  std::expected<size_t, Refusal> take(std::string_view bytes, std::string& body);
  bool is_done() const { return state_ == State::done; }

 private:
  enum class State : uint8_t { size, data, data_end, trailers, done };

  // Moves one line without its CRLF into line_, as far as it has come; false until it ends.
  std::expected<bool, Refusal> take_line(std::string_view& bytes, size_t bytes_max,
                                         std::string_view what);
  std::expected<void, Refusal> read_size();
  std::expected<void, Refusal> read_trailers();

  const size_t body_bytes_max_;
  State state_ = State::size;
  uint64_t chunk_left_ = 0;  // bytes of the chunk that have not come yet
  size_t decoded_ = 0;
  size_t extension_bytes_ = 0;
  std::string line_;
  std::string trailers_;
};

}  // namespace strandline::server
