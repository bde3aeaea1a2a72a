#include "server/http/response.h"

#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>

#include "server/http/query.h"

namespace strandline::server {
namespace {

void append_status_line(std::string& out, unsigned status) {
  const auto reason =
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
  out += "HTTP/1.1 ";
  append_number(out, uint64_t{status});
  out += ' ';
  out.append(reason.data(), reason.size());
  out += "\r\n";
}

void append_date(std::string& out, std::string_view date) {
  out += "Date: ";
  out += date;
  out += "\r\n";
}

template <class T>
void append_digits(std::string& out, T number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

}  // namespace

void append_number(std::string& out, uint64_t number) { append_digits(out, number); }
void append_number(std::string& out, int64_t number) { append_digits(out, number); }

void append_head(std::string& out, const Response& response, const HeadContext& context) {
  append_status_line(out, response.status);
  append_date(out, context.date);
  if (!response.content_type.empty()) {
    out += "Content-Type: ";
    out += response.content_type;
    out += "\r\n";
  }
  // RFC 9110, section 8.6: a 204 has no Content-Length.
  if (response.status != 204) {
    out += "Content-Length: ";
    append_number(out, uint64_t{response.body.size()});
    out += "\r\n";
  }
  out += "Cache-Control: no-store\r\n";
  if (!context.keep_alive || response.close) {
    out += "Connection: close\r\n";
  } else if (context.http_1_0) {
    out += "Connection: keep-alive\r\n";
  }
  out += response.headers;
  out += "\r\n";
}

void append_streamed_head(std::string& out, const StreamedHead& head, const HeadContext& context) {
  append_status_line(out, 200);
  append_date(out, context.date);
  out += "Content-Type: ";
  out += head.content_type;
  out += "\r\n";
  if (head.chunked) out += "Transfer-Encoding: chunked\r\n";
  // A proxy that stored or collected a live stream would defeat it.
  out += "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n";
  if (head.head_only) out += "Connection: close\r\n";
  out += head.headers;
  out += "\r\n";
}

std::string location(std::initializer_list<std::string_view> parts) {
  std::string line = "Location: ";
  bool is_name = false;
  for (const std::string_view part : parts) {
    is_name ? append_percent_encoded(line, part) : void(line += part);
    is_name = !is_name;
  }
  return line += "\r\n";
}

std::string http_date(int64_t seconds_since_epoch) {
  const std::time_t seconds = seconds_since_epoch;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  const size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return std::string(text, size);
}

}  // namespace strandline::server
