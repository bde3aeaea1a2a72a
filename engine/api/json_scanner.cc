#include "engine/api/json_scanner.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/api/event_rules.h"

namespace strandline {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether 8 bytes are inside of a string, ASCII and without meaning. (It may say no where they are:
// a borrow out of the byte below. Then they are looked at one by one.)
bool eight_are_plain(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  constexpr uint64_t kHigh = 0x8080808080808080, kOnes = 0x0101010101010101;
  const auto zero_byte = [](uint64_t w) { return (w - kOnes) & ~w; };
  const uint64_t below_space = word - kOnes * 0x20;
  return ((word | below_space | zero_byte(word ^ kOnes * '"') | zero_byte(word ^ kOnes * '\\')) &
          kHigh) == 0;
}

void append_utf8(std::string& out, uint32_t point) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xE0 | point >> 12);
    } else {
      put(0xF0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3F));
    }
    put(0x80 | (point >> 6 & 0x3F));
  }
  put(0x80 | (point & 0x3F));
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

JsonToken JsonScanner::fail(std::string why) {
  if (problem_.empty()) problem_ = std::move(why);
  return JsonToken::error;
}

void JsonScanner::skip_space() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
    ++at_;
  }
}

JsonToken JsonScanner::next() {
  if (!problem_.empty()) return JsonToken::error;
  while (true) {
    skip_space();
    begin_ = at_;
    if (at_ == text_.size()) {
      if (wanted_ == Wanted::end) return JsonToken::end;
      return fail(at_ == 0 || text_.find_first_not_of(" \t\r\n") == text_.npos
                      ? "there is nothing"
                      : "it ends too early");
    }
    const char c = text_[at_];
    switch (wanted_) {
      case Wanted::end:
        return fail("there is more after the value");
      case Wanted::colon:
        if (c != ':') return fail("a colon is missing after a name");
        ++at_;
        wanted_ = Wanted::value;
        continue;
      case Wanted::comma_or_end:
        if (c == (open_.back() ? '}' : ']')) {
          return closed(open_.back() ? JsonToken::object_end : JsonToken::array_end);
        }
        if (c != ',') {
          return fail(open_.back() ? "neither a comma nor } after a member"
                                   : "neither a comma nor ] after an element");
        }
        ++at_;
        wanted_ = open_.back() ? Wanted::name : Wanted::value;
        continue;
      case Wanted::name_or_end:
        if (c == '}') return closed(JsonToken::object_end);
        [[fallthrough]];
      case Wanted::name:
        if (c != '"') return fail("no name of a member");
        return string(JsonToken::name);
      case Wanted::value_or_end:
        if (c == ']') return closed(JsonToken::array_end);
        [[fallthrough]];
      case Wanted::value:
        return value(c);
    }
  }
}

JsonToken JsonScanner::value(char c) {
  switch (c) {
    case '{':
    case '[':
      ++at_;
      open_.push_back(c == '{');
      level_max_ = std::max(level_max_, open_.size());
      wanted_ = c == '{' ? Wanted::name_or_end : Wanted::value_or_end;
      return c == '{' ? JsonToken::object_begin : JsonToken::array_begin;
    case '"':
      return string(JsonToken::string);
    case 'n':
      return word("null", JsonToken::null);
    case 't':
      return word("true", JsonToken::boolean);
    case 'f':
      return word("false", JsonToken::boolean);
    default:
      return number();
  }
}

JsonToken JsonScanner::closed(JsonToken token) {
  ++at_;
  open_.pop_back();
  return done(token);
}

JsonToken JsonScanner::word(std::string_view word, JsonToken token) {
  if (!text_.substr(at_).starts_with(word)) return fail("no value");
  at_ += word.size();
  return done(token);
}

size_t JsonScanner::digits() {
  const size_t begin = at_;
  while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  return at_ - begin;
}

JsonToken JsonScanner::number() {
  const auto take = [this](char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  };
  const bool minus = take('-');
  if (!take('0') && digits() == 0) return fail(minus ? "no digit after a minus" : "no value");
  if (take('.') && digits() == 0) return fail("no digit after a decimal point");
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (digits() == 0) return fail("no digit in an exponent");
  }
  return done(JsonToken::number);
}

bool JsonScanner::hex(uint32_t& unit) {
  unit = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const int digit = at_ < text_.size() ? hex_digit(text_[at_]) : -1;
    if (digit < 0) return false;
    unit = unit << 4 | static_cast<uint32_t>(digit);
  }
  return true;
}

// After a backslash.
bool JsonScanner::escape() {
  const char c = at_ < text_.size() ? text_[at_++] : '\0';
  if (c != 'u') {
    return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos && c != '\0';
  }
  uint32_t unit = 0;
  if (!hex(unit)) return false;
  if (unit < 0xD800 || unit > 0xDFFF) return true;
  const bool pair = unit < 0xDC00 && text_.substr(at_).starts_with("\\u");
  if (pair) at_ += 2;
  if (pair && hex(unit) && unit >= 0xDC00 && unit <= 0xDFFF) return true;
  fail("half a surrogate pair");
  return false;
}

JsonToken JsonScanner::string(JsonToken token) {
  escaped_ = false;
  bool ascii = true;
  ++at_;
  while (true) {
    while (at_ + 8 <= text_.size() && eight_are_plain(text_.data() + at_)) at_ += 8;
    if (at_ == text_.size()) return fail("a string without its end");
    const char c = text_[at_];
    if (c == '"') break;
    if (static_cast<unsigned char>(c) < 0x20) return fail("a control character in a string");
    if (static_cast<unsigned char>(c) >= 0x80) ascii = false;
    ++at_;
    if (c != '\\') continue;
    escaped_ = true;
    if (!escape()) return fail("an escape that JSON does not have");
  }
  ++at_;
  if (!ascii && !is_utf8(text())) return fail("a string that is not UTF-8");
  if (token == JsonToken::name) {
    wanted_ = Wanted::colon;
    return token;
  }
  return done(token);
}

std::string unescape_json(std::string_view inside) {
  std::string out;
  out.reserve(inside.size());
  const auto unit_at = [&](size_t at) {
    uint32_t unit = 0;
    for (size_t i = at; i < at + 4 && i < inside.size(); ++i) {
      unit = unit << 4 | static_cast<uint32_t>(hex_digit(inside[i]));
    }
    return unit;
  };
  for (size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != '\\' || i + 1 == inside.size()) {
      out += inside[i];
      continue;
    }
    const char c = inside[++i];
    if (c == 'u') {
      uint32_t point = unit_at(i + 1);
      i += 4;
      if (point >= 0xD800 && point < 0xDC00) {
        point = 0x10000 + ((point - 0xD800) << 10) + (unit_at(i + 3) - 0xDC00);
        i += 6;
      }
      append_utf8(out, point);
    } else {
      constexpr std::string_view kLetters = "bfnrt", kMeant = "\b\f\n\r\t";
      const size_t letter = kLetters.find(c);
      out += letter == std::string_view::npos ? c : kMeant[letter];
    }
  }
  return out;
}

}  // namespace strandline
