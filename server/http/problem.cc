#include "server/http/problem.h"

#include <algorithm>

#include "engine/api/event_rules.h"
#include "server/json/json_writer.h"

namespace strandline::server {
namespace {

unsigned status_of(Code code, Asked asked) {
  switch (code) {
    case Code::invalid:
      return 422;
    case Code::not_found:
      return 404;
    case Code::exists:
      return asked == Asked::appending ? 412 : 409;
    case Code::conflict:
      return asked == Asked::appending ? 412 : 409;
    case Code::too_large:
      return 413;
    case Code::out_of_range:
      return 416;
    case Code::busy:
    case Code::sealed:
    case Code::read_only:
    case Code::closed:
      return 503;
    case Code::fenced:
      return 403;
    case Code::out_of_order:
    case Code::in_flight:
      return 409;
    case Code::reused:
      return 422;
    case Code::limit:
      return 429;
    case Code::disk_full:
      return 507;
    case Code::outcome_unknown:
    case Code::corrupt:
    case Code::locked:
    case Code::unsupported_format:
    case Code::inaccessible:
    case Code::io:
      return 500;
  }
  return 500;
}

void append_member(std::string& out, std::string_view name, uint64_t number) {
  out += ",\"";
  out += name;
  out += "\":";
  append_number(out, number);
}

// The type's short name in words: one title a type (RFC 9457, section 3.1.3).
std::string title_of(std::string_view type) {
  if (type == name_of(Code::io)) return "I/O error";
  if (type == "http-version") return "HTTP version";
  if (type == "bad-flatbuffer") return "Bad FlatBuffer";
  std::string title(type);
  std::ranges::replace(title, '-', ' ');
  if (!title.empty() && title[0] >= 'a') title[0] = static_cast<char>(title[0] - 'a' + 'A');
  return title;
}

// Without the closing brace, so that members can follow.
std::string begin(unsigned status, std::string_view type, std::string_view detail,
                  std::string_view applied) {
  std::string out = "{\"type\":\"urn:strandline:problem:";
  out += type;
  out += "\",\"title\":\"";
  out += title_of(type);
  out += "\",\"status\":";
  append_number(out, uint64_t{status});
  out += ",\"detail\":";
  // A detail may quote what the client sent, which need not be UTF-8.
  std::string readable(detail);
  if (!is_utf8(readable)) {
    std::ranges::replace_if(
        readable, [](char c) { return (c & 0x80) != 0; }, '?');
  }
  render_string(out, readable);
  out += ",\"applied\":\"";
  out += applied;
  out += '"';
  return out;
}

}  // namespace

Response problem(const Error& error, Asked asked) {
  Response response{.status = status_of(error.code, asked), .content_type = kProblem};
  // A retry that is not the same again breaks no condition that a header names.
  if (error.code == Code::conflict && !error.current) response.status = 409;
  // After `io` and `corrupt` in the middle of a change nobody can say what became of it.
  const bool unknown =
      error.code == Code::outcome_unknown || (response.status == 500 && asked != Asked::reading);
  response.body = begin(response.status, name_of(error.code), error.message,
                        unknown ? "outcome-unknown" : "not-applied");
  if (error.current && error.code == Code::out_of_order) {
    append_member(response.body, "expected", *error.current);
  } else if (error.current) {
    const bool offset = asked == Asked::appending && error.code == Code::conflict;
    if (offset) append_member(response.body, "next", *error.current);
    append_member(response.body, "current", *error.current);
  }
  if (error.available) {
    append_member(response.body, "start", error.available->start);
    append_member(response.body, "tail", error.available->tail);
  }
  response.body += "}\n";
  if (error.code == Code::busy || error.code == Code::closed || error.code == Code::in_flight) {
    response.headers = "Retry-After: 1\r\n";
  }
  return response;
}

Response problem(unsigned status, std::string_view type, std::string detail) {
  Response response{.status = status, .content_type = kProblem};
  response.body = begin(status, type, detail, "not-applied") + "}\n";
  return response;
}

}  // namespace strandline::server
