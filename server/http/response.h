// An answer, and how its head is printed.
//
// Heads are appended by hand: an answer to an append is about 200 bytes, and several of them leave
// in one write. *Memory*: content types and reasons are literals.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace strandline::server {

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kProblem = "application/problem+json";
inline constexpr std::string_view kNdjson = "application/x-ndjson";
inline constexpr std::string_view kEventStream = "text/event-stream";
inline constexpr std::string_view kPlain = "text/plain; version=0.0.4; charset=utf-8";

struct Response {
  unsigned status = 200;
  std::string_view content_type = kJson;  // empty: there is no body
  std::string body = {};
  std::string headers = {};  // whole lines, each "Name: value\r\n"
  bool close = false;        // the connection, after this answer
};

// What the request and the moment say about a head.
struct HeadContext {
  bool http_1_0 = false;
  bool keep_alive = true;
  std::string_view date;  // of an HTTP Date header
};

// The head of a response whose body has a known length; `response.body` is not appended. Nothing is
// to be stored on the way: what a log answers changes with every append.
void append_head(std::string& out, const Response& response, const HeadContext& context);

struct StreamedHead {
  std::string_view content_type;
  bool chunked = true;
  bool head_only = false;         // the answer of a HEAD, behind which the connection closes
  std::string_view headers = {};  // whole lines
};

// The head of a response that ends when it ends. The connection closes after it, and this does not
// say so: told that it closes, some clients take a stream that was cut off for one that has ended.
// The end of what is chunked is its last chunk, and comes only where the stream really ends.
void append_streamed_head(std::string& out, const StreamedHead& head, const HeadContext& context);

// A Location line: of a path and what is encoded in it, in turn: {"/v1/streams/", name, "/events"}.
std::string location(std::initializer_list<std::string_view> parts);

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(int64_t seconds_since_epoch);

void append_number(std::string& out, uint64_t number);
void append_number(std::string& out, int64_t number);

}  // namespace strandline::server
