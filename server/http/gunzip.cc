#include "server/http/gunzip.h"

#include <zlib.h>

#include <algorithm>
#include <climits>

namespace strandline::server {
namespace {

constexpr size_t kUnpackedBytesFirst = 4 << 10;

std::unexpected<Refusal> not_gzip(std::string_view why) {
  return std::unexpected(
      Refusal{400, "malformed", "the body is not what gzip writes: " + std::string(why)});
}

// zlib's state, which points to itself and so must not move.
class Inflater {
 public:
  Inflater() {
    // A window of 32 KiB, the largest there is; and gzip's head and tail around it, no other's.
    constexpr int kWindowBits = 15, kGzipOnly = 16;
    ready_ = inflateInit2(&stream_, kWindowBits + kGzipOnly) == Z_OK;
  }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }
  // Takes from the beginning of `packed` and writes to `into`; answers how many it wrote.
  size_t take(std::string_view& packed, char* into, size_t bytes_max, int& outcome) {
    // zlib counts in 32 bits. It does not write to its input, whatever its type says.
    const auto in = static_cast<uInt>(std::min<size_t>(packed.size(), UINT_MAX));
    const auto out = static_cast<uInt>(std::min<size_t>(bytes_max, UINT_MAX));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = in;
    stream_.next_out = reinterpret_cast<Bytef*>(into);
    stream_.avail_out = out;
    outcome = inflate(&stream_, Z_NO_FLUSH);
    packed.remove_prefix(in - stream_.avail_in);
    return out - stream_.avail_out;
  }
  void next_member() { inflateReset(&stream_); }
  std::string_view complaint() const { return stream_.msg ? stream_.msg : "it cannot be read"; }

 private:
  z_stream stream_ = {};
  bool ready_ = false;
};

}  // namespace

std::expected<std::string, Refusal> gunzip(std::string_view packed, size_t bytes_max,
                                           const std::function<bool(size_t)>& room) {
  Inflater inflater;
  if (!inflater.ready()) return std::unexpected(Refusal{503, "busy", "there is no memory"});
  std::string body;
  size_t size = 0;
  while (true) {
    if (size == body.size()) {
      // One byte more than may be tells that there is more.
      const size_t next =
          std::min(bytes_max + 1, std::max({kUnpackedBytesFirst, 2 * packed.size(), 2 * size}));
      if (!room(next))
        return std::unexpected(Refusal{503, "busy", "there is no room for the body"});
      body.resize_and_overwrite(next, [next](char*, size_t) { return next; });
    }
    int outcome = Z_OK;
    size += inflater.take(packed, body.data() + size, body.size() - size, outcome);
    if (size > bytes_max) {
      return std::unexpected(Refusal{413, "too-large",
                                     "the request's body unpacks to more than " +
                                         std::to_string(bytes_max) +
                                         " bytes; send the events in several requests"});
    }
    if (outcome == Z_STREAM_END) {
      if (packed.empty()) break;
      // RFC 1952, section 2.2: members follow each other.
      if (!packed.starts_with("\x1f\x8b")) return not_gzip("there are bytes behind its end");
      inflater.next_member();
    } else if (outcome == Z_MEM_ERROR) {
      return std::unexpected(Refusal{503, "busy", "there is no memory"});
    } else if (outcome != Z_OK && outcome != Z_BUF_ERROR) {
      return not_gzip(inflater.complaint());
    } else if (packed.empty() && size < body.size()) {
      return not_gzip("it ends too early");
    }
  }
  body.resize(size);
  return body;
}

}  // namespace strandline::server
