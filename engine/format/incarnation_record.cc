#include "engine/format/incarnation_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <random>

#include "engine/format/access_record.h"
#include "engine/format/keys.h"
#include "engine/format/tagged.h"

namespace strandline {
namespace {

constexpr char kIncarnationVersion = 1;
constexpr size_t kIdBytes = 16;
constexpr uint64_t kId = 1, kFirst = 3, kRestored = 2, kBackup = 4;

std::string bytes_of(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

std::string hex_of(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

template <class T>
std::string le(T number) {
  std::string out;
  put_le<T>(out, number);
  return out;
}

}  // namespace

std::string incarnation_key(uint32_t number) {
  std::string key(1, static_cast<char>(AccessKey::incarnation));
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(number >> shift);
  return key;
}

bool decode_incarnation_key(std::string_view key, uint32_t& number) {
  if (key.size() != 5 || key[0] != static_cast<char>(AccessKey::incarnation)) return false;
  number = 0;
  for (const char c : key.substr(1)) number = number << 8 | static_cast<uint8_t>(c);
  return true;
}

std::string encode(const Incarnation& incarnation) {
  std::string out(1, kIncarnationVersion);
  put_field(out, kId, bytes_of(incarnation.id));
  put_field(out, kFirst, le<uint64_t>(incarnation.first.value));
  put_field(out, kRestored, le<int64_t>(incarnation.begun.us));
  put_field(out, kBackup, le<uint64_t>(incarnation.backup));
  return out;
}

bool decode(std::string_view bytes, Incarnation& incarnation) {
  if (bytes.empty() || bytes[0] != kIncarnationVersion) return false;
  bool whole = true, has_first = false;
  const auto fault = each_field(bytes.substr(1), [&](uint64_t tag, std::string_view field) {
    if (tag == kId) {
      whole &= field.size() == kIdBytes;
      incarnation.id = hex_of(field);
      return true;
    }
    if (tag != kFirst && tag != kRestored && tag != kBackup) return false;
    whole &= field.size() == sizeof(uint64_t);
    if (!whole) return true;
    const auto number = get_le<uint64_t>(field, 0);
    if (tag == kFirst) incarnation.first = Sequence(number);
    if (tag == kRestored) incarnation.begun.us = static_cast<int64_t>(number);
    if (tag == kBackup) incarnation.backup = number;
    has_first |= tag == kFirst;
    return true;
  });
  return !fault && whole && has_first && incarnation.id.size() == 2 * kIdBytes;
}

std::string new_incarnation_id() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) id += fmt::format("{:08x}", static_cast<uint32_t>(random()));
  return id;
}

std::string first_incarnation_id(std::string_view database_identity) {
  std::string id;
  for (const char c : database_identity) {
    if (std::isxdigit(static_cast<unsigned char>(c))) {
      id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  id.resize(2 * kIdBytes, '0');
  return id;
}

}  // namespace strandline
