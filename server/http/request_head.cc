#include "server/http/request_head.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "server/http/authority.h"

namespace strandline::server {
namespace {

enum Kind : uint8_t { token = 1, value = 2, target = 4 };

// What each byte may be part of.
constexpr std::array<uint8_t, 256> kKinds = [] {
  std::array<uint8_t, 256> kinds = {};
  for (size_t c = 0x21; c < 0x7f; ++c) kinds[c] = value | target;
  for (size_t c = 0x80; c < 0x100; ++c) kinds[c] = value;  // RFC 9110, section 5.5: obs-text
  kinds[' '] = kinds['\t'] = value;
  kinds['#'] = value;  // a fragment is never sent
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
    kinds[static_cast<uint8_t>(c)] |= token;
  }
  return kinds;
}();

bool is(Kind kind, char c) { return (kKinds[static_cast<uint8_t>(c)] & kind) != 0; }
bool all(Kind kind, std::string_view text) {
  return std::ranges::all_of(text, [kind](char c) { return is(kind, c); });
}
bool is_space(char c) { return c == ' ' || c == '\t'; }

std::unexpected<Refusal> refuse(std::string detail) {
  return std::unexpected(Refusal{400, "malformed", std::move(detail)});
}

std::string_view without_space(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Up to the CRLF, which is taken off as well. An LF without its CR stays in the line, which no line
// may have.
std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size() - 1);
  const std::string_view line = text.substr(0, end + 1);
  text.remove_prefix(end + 1);
  return line.ends_with("\r\n") ? line.substr(0, line.size() - 2) : line;
}

// Calls with each element of a comma-separated list, empty ones too; stops where it says false.
template <class Each>
bool each_element(std::string_view list, Each each) {
  for (;;) {
    const size_t comma = list.find(',');
    if (!each(without_space(list.substr(0, comma)))) return false;
    if (comma == std::string_view::npos) return true;
    list.remove_prefix(comma + 1);
  }
}

std::expected<Field, Refusal> parse_field(std::string_view line) {
  if (is_space(line.front())) {
    return refuse("a field's line is folded, or begins with white space");
  }
  size_t colon = 0;
  while (colon < line.size() && is(token, line[colon])) ++colon;
  if (colon == line.size()) return refuse("a line of the head has no colon");
  if (is_space(line[colon])) return refuse("there is white space between a field's name and colon");
  if (colon == 0 || line[colon] != ':') return refuse("a field's name is no token");
  const std::string_view value = without_space(line.substr(colon + 1));
  if (!all(Kind::value, value)) {
    return refuse("the field " + std::string(line.substr(0, colon)) +
                  " has a control character in its value");
  }
  return Field{line.substr(0, colon), value};
}

// The version, and the parts of the line; one space between each.
std::expected<void, Refusal> parse_request_line(std::string_view line, RequestHead& head) {
  const size_t first = line.find(' ');
  const size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) {
    return refuse("the first line is not METHOD TARGET HTTP/1.1, one space between each");
  }
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (!is_token(head.method)) return refuse("the method is no token");
  if (head.target.empty() || !all(Kind::target, head.target)) {
    return refuse("the target is empty, or has characters that no URI has");
  }
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) ||
      version[6] != '.' || !digit(version[7])) {
    return refuse("the first line does not end in HTTP/1.1 behind one space");
  }
  // RFC 9110, section 2.5: a later minor version is answered as the latest that is known here.
  if (version[5] != '1') {
    return std::unexpected(Refusal{505, "http-version", "this server speaks HTTP/1.1 and 1.0"});
  }
  head.http_1_0 = version[7] == '0';
  return {};
}

// RFC 9112, section 7: what an intermediary might understand and this server does not is told apart
// from what is there to be misread.
std::expected<void, Refusal> check_transfer_coding(std::string_view list) {
  constexpr std::array<std::string_view, 5> kRegistered = {"gzip", "x-gzip", "deflate", "compress",
                                                           "x-compress"};
  bool chunked = false, other = false;
  const bool known = each_element(list, [&](std::string_view coding) {
    if (chunked) return false;  // it comes once, and last
    if (same_ignoring_case(coding, "chunked")) return chunked = true;
    other = true;
    return std::ranges::any_of(kRegistered, [coding](std::string_view registered) {
      return same_ignoring_case(coding, registered);
    });
  });
  if (!known) return refuse("the Transfer-Encoding is not chunked and nothing else");
  if (other) {
    return std::unexpected(
        Refusal{501, "transfer-coding", "the only transfer coding taken here is chunked"});
  }
  return {};
}

std::expected<uint64_t, Refusal> parse_length(std::string_view text) {
  uint64_t length = 0;
  bool good = !text.empty();
  for (const char c : text) {
    good = good && c >= '0' && c <= '9' && length <= (UINT64_MAX - 9) / 10;
    if (!good) break;
    length = length * 10 + static_cast<uint64_t>(c - '0');
  }
  if (!good) return refuse("the Content-Length is not a number of bytes in decimal digits");
  return length;
}

// What the fields say that this server acts on before it looks at the request itself.
struct Sayings {
  std::string_view host, coding, length;
  size_t hosts = 0, codings = 0, lengths = 0;
  bool close = false, keep_alive = false;

  void hear(Header header, std::string_view value, RequestHead& head) {
    switch (header) {
      case Header::host:
        ++hosts, host = value;
        break;
      case Header::expect:
        head.expects_continue |= same_ignoring_case(value, "100-continue");
        break;
      case Header::connection:
        each_element(value, [this](std::string_view option) {
          close |= same_ignoring_case(option, "close");
          keep_alive |= same_ignoring_case(option, "keep-alive");
          return true;
        });
        break;
      case Header::content_length:
        ++lengths, length = value;
        break;
      case Header::transfer_encoding:
        ++codings, coding = value;
        break;
      default:
        break;
    }
  }
};

// Keeps the value; joins those of a list.
void keep_value(Header header, const Field& field, RequestHead& head) {
  std::string_view& value = head.values[static_cast<size_t>(header)];
  if (value.data() == nullptr) {
    value = field.value;
  } else if (known(header).is_list) {
    head.joined.push_back(
        std::make_shared<const std::string>(std::string(value).append(", ").append(field.value)));
    value = *head.joined.back();
  } else if (head.repeated.empty()) {
    head.repeated = known(header).name;
  }
}

std::string_view repeated_attribute_of(std::span<const Field> fields) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!is_event_attribute(fields[i].name)) continue;
    for (size_t j = 0; j < i; ++j) {
      if (same_ignoring_case(fields[j].name, fields[i].name)) return fields[i].name;
    }
  }
  return {};
}

std::expected<void, Refusal> settle_framing(const Sayings& said, RequestHead& head) {
  if (said.codings > 0 && said.lengths > 0) {
    return refuse("Transfer-Encoding and Content-Length do not go together");
  }
  if (said.codings > 1) return refuse("there is more than one Transfer-Encoding");
  if (said.lengths > 1) return refuse("there is more than one Content-Length");
  if (said.codings == 1) {
    if (head.http_1_0) return refuse("HTTP/1.0 has no Transfer-Encoding");
    head.framing = Framing::chunked;
    return check_transfer_coding(said.coding);
  }
  if (said.lengths == 1) {
    const auto length = parse_length(said.length);
    if (!length) return std::unexpected(length.error());
    head.framing = Framing::sized;
    head.content_length = *length;
  }
  return {};
}

// Takes http://AUTHORITY off an absolute target (RFC 9112, section 3.2.2), which a proxy may send.
std::expected<void, Refusal> settle_authority(const Sayings& said, RequestHead& head) {
  if (said.hosts > 1) return refuse("there is more than one Host");
  if (said.hosts == 0 && !head.http_1_0) return refuse("there is no Host");
  std::optional<Authority> host;
  if (said.hosts == 1) {
    host = parse_authority(said.host);
    if (!host) return refuse("the Host is not a name or an address, perhaps with a port");
    head.authority = said.host;
  }
  if (head.target.starts_with('/') || (head.target == "*" && head.method == "OPTIONS")) return {};

  constexpr std::string_view kScheme = "http://";
  if (!same_ignoring_case(head.target.substr(0, kScheme.size()), kScheme)) {
    return refuse("the target is not a path, nor an http:// URI");
  }
  const std::string_view rest = head.target.substr(kScheme.size());
  const size_t slash = rest.find('/');
  const auto named = parse_authority(rest.substr(0, slash));
  if (!named || slash == std::string_view::npos) {
    return refuse("the target is not an http:// URI of a name or an address, and a path");
  }
  if (host && !same_authority(*host, *named)) return refuse("the target and the Host differ");
  head.authority = rest.substr(0, slash);
  head.target = rest.substr(slash);
  return {};
}

// RFC 9110, section 9.3, without CONNECT, which only proxies take, and PATCH. Which of them a path
// takes is for its route to say.
bool is_known_method(std::string_view method) {
  constexpr std::array<std::string_view, 8> kMethods = {"GET",    "POST",    "PUT",   "HEAD",
                                                        "DELETE", "OPTIONS", "PATCH", "TRACE"};
  return std::ranges::find(kMethods, method) != kMethods.end();
}

}  // namespace

bool is_token(std::string_view text) { return !text.empty() && all(token, text); }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::expected<std::optional<size_t>, Refusal> find_head(std::string_view bytes, HeadScan& scan,
                                                        const HeadLimits& limits) {
  const auto too_large = [&] {
    return std::unexpected(Refusal{
        431, "head-too-large",
        "the request's head is larger than " + std::to_string(limits.head_bytes_max) + " bytes"});
  };
  const auto too_long = [&](size_t line_end) {
    return scan.line == scan.begin && line_end - scan.begin > limits.request_line_bytes_max;
  };
  const auto target_too_long = [&] {
    return std::unexpected(Refusal{414, "target-too-long",
                                   "the request's first line is longer than " +
                                       std::to_string(limits.request_line_bytes_max) + " bytes"});
  };
  // RFC 8446, section 5.1: a record that shakes hands begins so.
  if (bytes.starts_with('\x16')) {
    return refuse(
        "these bytes begin TLS, and this address speaks HTTP in clear: its URL begins with "
        "http://");
  }
  while (scan.scanned < bytes.size()) {
    const size_t end = bytes.find('\n', scan.scanned);
    if (end == std::string_view::npos) break;
    if (end == scan.line || bytes[end - 1] != '\r') {
      return refuse("a line of the head ends in LF without CR");
    }
    const bool empty = end == scan.line + 1;
    if (empty && scan.line == scan.begin) {
      // RFC 9112, section 2.2: an old client may have sent one behind its last request's body.
      if (scan.begin > 0) return refuse("there is more than one empty line before the request");
      scan.begin = 2;
    } else if (empty) {
      if (end + 1 - scan.begin > limits.head_bytes_max) return too_large();
      return end + 1;
    } else if (too_long(end)) {
      return target_too_long();
    }
    scan.line = scan.scanned = end + 1;
  }
  scan.scanned = bytes.size();
  // What begins so is no request, and may never send a line end.
  if (bytes.size() > scan.begin && bytes[scan.begin] != '\r' && !is(token, bytes[scan.begin])) {
    return refuse("this is not HTTP");
  }
  if (too_long(bytes.size())) return target_too_long();
  if (bytes.size() - scan.begin >= limits.head_bytes_max) return too_large();
  return std::nullopt;
}

std::expected<std::vector<Field>, Refusal> parse_fields(std::string_view lines, size_t fields_max) {
  std::vector<Field> fields;
  fields.reserve(8);
  while (!lines.empty()) {
    const std::string_view line = take_line(lines);
    if (line.empty()) return refuse("there is an empty line among the fields");
    if (fields.size() == fields_max) {
      return std::unexpected(
          Refusal{431, "head-too-large",
                  "the request has more than " + std::to_string(fields_max) + " lines of fields"});
    }
    auto field = parse_field(line);
    if (!field) return std::unexpected(std::move(field.error()));
    fields.push_back(*field);
  }
  return fields;
}

std::expected<RequestHead, Refusal> parse_head(std::string_view bytes, const HeadLimits& limits) {
  if (!bytes.ends_with("\r\n\r\n")) return refuse("the head does not end in an empty line");
  bytes.remove_suffix(2);
  RequestHead head;
  if (auto ok = parse_request_line(take_line(bytes), head); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  auto fields = parse_fields(bytes, limits.fields_max);
  if (!fields) return std::unexpected(std::move(fields.error()));
  head.fields = std::move(*fields);
  Sayings said;
  for (const Field& field : head.fields) {
    const auto header = find_header(field.name);
    if (!header) continue;
    said.hear(*header, field.value, head);
    keep_value(*header, field, head);
  }
  head.repeated_attribute = repeated_attribute_of(head.fields);
  head.keep_alive = !said.close && (!head.http_1_0 || said.keep_alive);
  if (auto ok = settle_framing(said, head); !ok) return std::unexpected(std::move(ok.error()));
  if (!is_known_method(head.method)) {
    return std::unexpected(
        Refusal{501, "no-such-method",
                "the method is none of GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH and TRACE"});
  }
  if (auto ok = settle_authority(said, head); !ok) return std::unexpected(std::move(ok.error()));
  return head;
}

}  // namespace strandline::server
