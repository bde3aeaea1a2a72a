// The header fields that this server reads: one table of their names, and of what it means when
// one of them comes in several lines.
//
// RFC 9110, section 5.3: only a field whose value is a list may do so, and its lines mean the same
// as one line with commas. Of any other field a proxy may read the first line and this server the
// last, so a request that has it twice is refused. Fields that nobody here reads may occur as often
// as they like. A handler asks for a Header, so that what is not in the table cannot be read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace strandline::server {

enum class Header : uint8_t {
  accept,
  access_control_request_headers,
  access_control_request_method,
  authorization,
  connection,
  content_encoding,
  content_length,
  content_type,
  date,
  expect,
  forwarded,
  host,
  idempotency_key,
  if_match,
  if_none_match,
  last_event_id,
  origin,
  producer_epoch,
  producer_id,
  producer_seq,
  sec_fetch_site,
  transfer_encoding,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
  x_request_id,
};

struct KnownHeader {
  std::string_view name;
  bool is_list = false;
};

// In the order of Header.
inline constexpr std::array kKnownHeaders = std::to_array<KnownHeader>({
    {"Accept", true},
    {"Access-Control-Request-Headers", true},
    {"Access-Control-Request-Method"},
    {"Authorization"},
    {"Connection", true},
    {"Content-Encoding"},
    {"Content-Length"},
    {"Content-Type"},
    {"Date"},
    {"Expect"},
    {"Forwarded", true},
    {"Host"},
    {"Idempotency-Key"},
    {"If-Match", true},
    {"If-None-Match", true},
    {"Last-Event-ID"},
    {"Origin"},
    {"Producer-Epoch"},
    {"Producer-Id"},
    {"Producer-Seq"},
    {"Sec-Fetch-Site"},
    {"Transfer-Encoding"},
    {"X-Forwarded-For", true},
    {"X-Forwarded-Host", true},
    {"X-Forwarded-Proto", true},
    {"X-Request-Id", true},
});
inline constexpr size_t kHeaders = kKnownHeaders.size();
static_assert(kHeaders == static_cast<size_t>(Header::x_request_id) + 1);

constexpr const KnownHeader& known(Header header) {
  return kKnownHeaders[static_cast<size_t>(header)];
}

// Nothing, of a field that this server does not read.
std::optional<Header> find_header(std::string_view name);
// "ce-" and a name: in CloudEvents' binary mode such fields are the event's attributes.
bool is_event_attribute(std::string_view name);

}  // namespace strandline::server
