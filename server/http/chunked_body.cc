#include "server/http/chunked_body.h"

#include <algorithm>
#include <array>

namespace strandline::server {
namespace {

std::unexpected<Refusal> refuse_chunk(std::string detail) {
  return std::unexpected(Refusal{400, "malformed", std::move(detail)});
}

// RFC 9110, section 6.5.1: a trailer must not say what decides about framing, routing, who asks, or
// how to read the content. Who merges trailers into the head would act on it.
bool belongs_in_a_head(std::string_view name) {
  if (find_header(name) || is_event_attribute(name)) return true;
  // What this server does not read, and others do.
  constexpr std::array<std::string_view, 6> kNames = {"keep-alive", "te",     "trailer",
                                                      "upgrade",    "cookie", "content-range"};
  return std::ranges::any_of(
      kNames, [name](std::string_view other) { return same_ignoring_case(other, name); });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 32) >= 'a' && (c | 32) <= 'f') return (c | 32) - 'a' + 10;
  return -1;
}

// More than any size that fits the body needs; leading zeros are common.
constexpr size_t kSizeDigitsMax = 16;

}  // namespace

std::expected<size_t, Refusal> ChunkedBody::take(std::string_view bytes, std::string& body) {
  const size_t given = bytes.size();
  while (!bytes.empty() && state_ != State::done) {
    if (state_ == State::data) {
      const size_t here = std::min<uint64_t>(bytes.size(), chunk_left_);
      body.append(bytes.substr(0, here));
      bytes.remove_prefix(here);
      chunk_left_ -= here;
      if (chunk_left_ == 0) state_ = State::data_end;
      continue;
    }
    const auto [bytes_max, what] =
        state_ == State::size       ? std::pair(kSizeDigitsMax + kExtensionBytesMax, "size line")
        : state_ == State::data_end ? std::pair(size_t{0}, "data")
                                    : std::pair(kTrailerBytesMax, "trailers");
    const auto ended = take_line(bytes, bytes_max, what);
    if (!ended) return std::unexpected(ended.error());
    if (!*ended) break;
    if (state_ == State::size) {
      if (auto ok = read_size(); !ok) return std::unexpected(std::move(ok.error()));
    } else if (state_ == State::data_end) {
      state_ = State::size;
    } else if (line_.empty()) {
      if (auto ok = read_trailers(); !ok) return std::unexpected(std::move(ok.error()));
      state_ = State::done;
    } else {
      trailers_ += line_;
      trailers_ += "\r\n";
      if (trailers_.size() > kTrailerBytesMax) return refuse_chunk("the trailers are too long");
    }
    line_.clear();
  }
  return given - bytes.size();
}

std::expected<bool, Refusal> ChunkedBody::take_line(std::string_view& bytes, size_t bytes_max,
                                                    std::string_view what) {
  const size_t end = bytes.find('\n');
  const size_t count = end == std::string_view::npos ? bytes.size() : end + 1;
  // With the CR and the LF.
  if (line_.size() + count > bytes_max + 2) {
    return refuse_chunk("a chunk's " + std::string(what) + " is longer than it may be");
  }
  line_.append(bytes.substr(0, count));
  bytes.remove_prefix(count);
  if (end == std::string_view::npos) {
    return false;
  }
  if (!line_.ends_with("\r\n"))
    return refuse_chunk("a line of a chunked body ends in LF without CR");
  line_.resize(line_.size() - 2);
  return true;
}

std::expected<void, Refusal> ChunkedBody::read_size() {
  uint64_t size = 0;
  size_t digits = 0;
  while (digits < line_.size() && hex_digit(line_[digits]) >= 0) {
    if (digits == kSizeDigitsMax) return refuse_chunk("a chunk's size has too many digits");
    size = size << 4 | static_cast<uint64_t>(hex_digit(line_[digits]));
    ++digits;
  }
  if (digits == 0) return refuse_chunk("a chunk's size is not a number in hexadecimal digits");
  std::string_view extension = std::string_view(line_).substr(digits);
  extension_bytes_ += extension.size();
  if (extension_bytes_ > kExtensionBytesMax) {
    return refuse_chunk("the chunk extensions of a body are longer than " +
                        std::to_string(kExtensionBytesMax) + " bytes");
  }
  if (!extension.empty()) {
    const size_t semicolon = extension.find_first_not_of(" \t");
    const bool good = semicolon != std::string_view::npos && extension[semicolon] == ';' &&
                      std::ranges::all_of(extension, [](char c) {
                        return c == '\t' || (static_cast<uint8_t>(c) >= 0x20 && c != 0x7f);
                      });
    if (!good) return refuse_chunk("a chunk's size is followed by what is no chunk extension");
  }
  if (size > body_bytes_max_ - decoded_) {
    return std::unexpected(Refusal{413, "too-large",
                                   "the request's body is larger than " +
                                       std::to_string(body_bytes_max_) +
                                       " bytes; send the events in several requests"});
  }
  decoded_ += size;
  chunk_left_ = size;
  state_ = size == 0 ? State::trailers : State::data;
  return {};
}

std::expected<void, Refusal> ChunkedBody::read_trailers() {
  const auto fields = parse_fields(trailers_, HeadLimits{}.fields_max);
  if (!fields) return std::unexpected(fields.error());
  for (const Field& field : *fields) {
    if (belongs_in_a_head(field.name)) {
      return refuse_chunk("the trailers have a " + std::string(field.name) +
                          ", which belongs in a head");
    }
  }
  return {};
}

}  // namespace strandline::server
