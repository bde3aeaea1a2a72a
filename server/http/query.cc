#include "server/http/query.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "engine/api/rfc3339.h"
#include "server/http/quantity.h"

namespace strandline::server {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// Cuts off and returns what stands before `separator`.
std::string_view cut_front(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

}  // namespace

Parsed<Query> Query::parse(std::string_view text) {
  Query query;
  query.text_ = text;
  while (!text.empty()) {
    const std::string_view part = cut_front(text, '&');
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    auto name = percent_decode(part.substr(0, equals), true);
    if (!name) return std::unexpected(name.error());
    auto value = equals == std::string_view::npos ? Parsed<std::string>()
                                                  : percent_decode(part.substr(equals + 1), true);
    if (!value) return std::unexpected(value.error());
    query.parameters_.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

Parsed<> Query::allow(std::initializer_list<std::string_view> names) const {
  for (const auto& [name, value] : parameters_) {
    if (std::ranges::find(names, name) != names.end()) continue;
    std::string message = "no query parameter \"" + name.substr(0, 64) + "\" is known here; ";
    if (names.size() == 0) return std::unexpected(message + "there are none");
    message += "there are:";
    for (const std::string_view known : names) message += " " + std::string(known);
    return std::unexpected(message);
  }
  return {};
}

Parsed<std::optional<std::string>> Query::one(std::string_view name) const {
  std::optional<std::string> found;
  for (const auto& [known, value] : parameters_) {
    if (known != name) continue;
    if (found) {
      return std::unexpected("the query parameter \"" + std::string(name) + "\" occurs twice");
    }
    found = value;
  }
  return found;
}

Parsed<std::optional<std::string>> Query::take(std::string_view name) {
  auto value = one(name);
  std::erase_if(parameters_, [&](const auto& parameter) { return parameter.first == name; });
  return value;
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [known, value] : parameters_) {
    if (known == name) values.push_back(value);
  }
  return values;
}

std::vector<std::string> Query::list(std::string_view name) const {
  std::vector<std::string> values;
  for (std::string_view rest = text_; !rest.empty();) {
    std::string_view value = cut_front(rest, '&');
    if (percent_decode(cut_front(value, '='), true) != name) continue;
    while (!value.empty()) {
      // Whatever stands in the query could be decoded when it was parsed.
      std::string item = percent_decode(cut_front(value, ','), true).value_or("");
      if (!item.empty()) values.push_back(std::move(item));
    }
  }
  return values;
}

Parsed<std::optional<uint64_t>> Query::number(std::string_view name) const {
  auto text = one(name);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  const auto number = parse_number(**text);
  if (!number) {
    return std::unexpected(std::string(name) + " is a whole number in decimal, not \"" +
                           (*text)->substr(0, 64) + "\"");
  }
  return number;
}

Parsed<bool> Query::flag(std::string_view name) const {
  auto text = one(name);
  if (!text) return std::unexpected(text.error());
  if (!*text || **text == "false") return false;
  if (**text == "true") return true;
  return std::unexpected(std::string(name) + " is true or false, not \"" + (*text)->substr(0, 64) +
                         "\"");
}

Parsed<Durability> Query::durability() const {
  auto text = one("durability");
  if (!text) return std::unexpected(text.error());
  return *text ? parse_durability(**text) : Durability::fsync;
}

Parsed<Durability> parse_durability(std::string_view text) {
  if (text == "fsync") return Durability::fsync;
  if (text == "accepted") return Durability::accepted;
  return std::unexpected("durability is fsync or accepted, not \"" +
                         std::string(text.substr(0, 64)) + "\"");
}

Parsed<From> parse_from(std::string text) {
  if (text == "earliest") return From::earliest();
  if (text == "latest") return From::latest();
  if (const auto position = parse_number(text)) return From::position(*position);
  if (text.starts_with('-')) {
    if (const auto events = parse_number(std::string_view(text).substr(1))) {
      return From::last(*events);
    }
  }
  // The + of a zone, which a form's encoding makes a space of.
  if (const size_t space = text.rfind(' '); space != std::string::npos && space > 15) {
    text[space] = '+';
  }
  using namespace std::chrono;
  const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch());
  if (const auto time = read_moment(text, Timestamp{now.count()})) return From::time(*time);
  return std::unexpected(
      "from is an offset, earliest, latest, -N (the last N), a time such as 2026-01-02, "
      "2026-01-02T03:04 (both UTC) or 2026-01-02T03:04:05Z, or -2h (two hours ago), not \"" +
      text.substr(0, 64) + "\"");
}

std::string render_from(const From& from) {
  switch (from.kind) {
    case From::Kind::position:
      return std::to_string(from.number);
    case From::Kind::earliest:
      return "earliest";
    case From::Kind::latest:
      return "latest";
    case From::Kind::last:
      return "-" + std::to_string(from.number);
    case From::Kind::time:
      return render_time(from.moment);
  }
  return "earliest";
}

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || at != text.data() + text.size()) return std::nullopt;
  return number;
}

Parsed<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return std::unexpected("a % that two hex digits do not follow, in \"" +
                               std::string(text.substr(0, 64)) + "\"; a percent sign is %25");
      }
      out += static_cast<char>(high << 4 | low);
      i += 2;
    }
  }
  return out;
}

void append_percent_encoded(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
}

}  // namespace strandline::server
