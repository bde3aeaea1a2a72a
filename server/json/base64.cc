#include "server/json/base64.h"

#include <array>

namespace strandline::server {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> kValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 64; ++i) values[static_cast<unsigned char>(kAlphabet[i])] = int8_t(i);
  return values;
}();

}  // namespace

void render_base64(std::string& out, std::string_view bytes) {
  const size_t begin = out.size();
  out.resize(begin + (bytes.size() + 2) / 3 * 4);
  char* at = out.data() + begin;
  const auto byte = [&](size_t i) { return uint32_t(uint8_t(bytes[i])); };
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const uint32_t word = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    *at++ = kAlphabet[word >> 18];
    *at++ = kAlphabet[word >> 12 & 63];
    *at++ = kAlphabet[word >> 6 & 63];
    *at++ = kAlphabet[word & 63];
  }
  if (i == bytes.size()) return;
  const bool two = i + 2 == bytes.size();
  const uint32_t word = byte(i) << 16 | (two ? byte(i + 1) << 8 : 0);
  *at++ = kAlphabet[word >> 18];
  *at++ = kAlphabet[word >> 12 & 63];
  *at++ = two ? kAlphabet[word >> 6 & 63] : '=';
  *at++ = '=';
}

Result<std::string> parse_base64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return fail(Code::invalid, "base64 comes in groups of four characters, padded with =");
  }
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const size_t letters = text.size() - padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  uint32_t word = 0;
  int bits = 0;
  for (size_t i = 0; i < letters; ++i) {
    const int8_t value = kValues[static_cast<unsigned char>(text[i])];
    if (value < 0) {
      return fail(Code::invalid, "base64 has no such character as the one at " + std::to_string(i) +
                                     " (RFC 4648, section 4: A-Z a-z 0-9 + / and = at the end)");
    }
    word = word << 6 | uint32_t(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(word >> bits & 0xFF);
    }
  }
  if (word & ((1u << bits) - 1)) {
    return fail(Code::invalid, "base64's last character has bits that belong to no byte");
  }
  return out;
}

Result<std::string> parse_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos || text.size() % 4 == 1) {
    return fail(Code::invalid, "it is not base64 for URLs (RFC 4648, section 5)");
  }
  std::string padded(text);
  for (char& c : padded) {
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  padded.append((4 - padded.size() % 4) % 4, '=');
  return parse_base64(padded);
}

}  // namespace strandline::server
