// The head of one request (RFC 9112), from its raw bytes, and nothing guessed at.
//
// Two programs that read the same bytes differently are what requests are smuggled through, so
// wherever the RFC lets a recipient repair or guess, this refuses: the lines end in CRLF, a body is
// framed in one way or not at all, there is one Host. find_head says where a head ends in what has
// been received so far; parse_head reads it. Both are pure functions. *Memory*: a RequestHead's
// views point into the bytes that it was parsed from. *Errors*: a Refusal, after which nothing on
// the connection may be read as a request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/known_header.h"

namespace strandline::server {

// What a request that cannot be taken is answered with; `type` as in problem.h.
struct Refusal {
  unsigned status;
  std::string_view type;
  std::string detail;
};

struct HeadLimits {
  // Request line and fields together. Past it, 431.
  size_t head_bytes_max = 16 << 10;
  // RFC 9112, section 3, asks for 8,000 at least. Past it, 414.
  size_t request_line_bytes_max = 8 << 10;
  // Field lines: five times what browsers behind proxies send. Past it, 431.
  size_t fields_max = 100;
};

struct Field {
  std::string_view name;   // as it was sent
  std::string_view value;  // without the white space around it
};

// How the end of the body is told (RFC 9112, section 6.3).
enum class Framing : uint8_t { none, sized, chunked };

struct RequestHead {
  std::string_view method;
  std::string_view target;     // begins with /, or is *; of an absolute form, what follows the host
  std::string_view authority;  // HOST or HOST:PORT; empty in HTTP/1.0 without Host
  bool http_1_0 = false;       // otherwise 1.1, or a later minor version, which is taken as 1.1
  bool keep_alive = true;
  bool expects_continue = false;
  Framing framing = Framing::none;
  uint64_t content_length = 0;  // of a sized body
  std::vector<Field> fields;    // in the order in which they were sent

  // Which fields came twice and must not: the first one of the table (known_header.h), and the
  // first one of CloudEvents' attributes. Whether they are read is for the route to say.
  std::string_view repeated;
  std::string_view repeated_attribute;

  // A field's value, of a list that came in several lines all of it; or empty.
  std::string_view field(Header header) const { return values[static_cast<size_t>(header)]; }
  // Also where its value is empty.
  bool has(Header header) const { return field(header).data() != nullptr; }

  std::array<std::string_view, kHeaders> values = {};
  std::vector<std::shared_ptr<const std::string>> joined;  // what values of joined lists point into
};

// How far find_head has come; one for each head.
struct HeadScan {
  size_t begin = 0;    // of the head: past the one empty line that may stand before it
  size_t line = 0;     // where the line begins that has not ended yet
  size_t scanned = 0;  // no line ends before here that is not known
};

// One past the head's last byte in `bytes`, which begin where they began when `scan` was new;
// nothing while that byte has not come. Costs each byte once, however few come at a time.
std::expected<std::optional<size_t>, Refusal> find_head(std::string_view bytes, HeadScan& scan,
                                                        const HeadLimits& limits);

// Of the bytes from scan.begin to where find_head says that the head ends.
std::expected<RequestHead, Refusal> parse_head(std::string_view head, const HeadLimits& limits);

// Field lines, each with its CRLF, such as a chunked body's trailers.
std::expected<std::vector<Field>, Refusal> parse_fields(std::string_view lines, size_t fields_max);

// RFC 9110, section 5.6.2: what methods and the names of fields are made of.
bool is_token(std::string_view text);
// Names of fields and of codings are the same in either case.
bool same_ignoring_case(std::string_view a, std::string_view b);

}  // namespace strandline::server
