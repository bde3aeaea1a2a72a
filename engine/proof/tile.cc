#include "engine/proof/tile.h"

#include <fmt/format.h>

#include <algorithm>

namespace strandline {
namespace {

constexpr unsigned kLevelsMax = 64;
constexpr uint64_t kThousand = 1'000;

std::unexpected<Error> no_tile() {
  return fail(Code::invalid,
              "a tile is named LEVEL/INDEX, with .p/WIDTH behind a partial one: 0/x001/234.p/5");
}

// Decimal, without needless zeroes in front.
std::optional<uint64_t> number(std::string_view text, uint64_t most) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint64_t n = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    n = n * 10 + static_cast<uint64_t>(c - '0');
  }
  return n <= most ? std::optional(n) : std::nullopt;
}

std::optional<uint64_t> three_digits(std::string_view text) {
  const bool digits =
      text.size() == 3 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return std::nullopt;
  return static_cast<uint64_t>((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
}

}  // namespace

std::string render_tile_name(const TileName& name) {
  std::string out = name.level ? std::to_string(*name.level) : "entries";
  std::string index = fmt::format("/{:03}", name.index % kThousand);
  for (uint64_t rest = name.index / kThousand; rest > 0; rest /= kThousand) {
    index = fmt::format("/x{:03}", rest % kThousand) + index;
  }
  out += index;
  if (name.width < kTileWidth) out += fmt::format(".p/{}", name.width);
  return out;
}

Result<TileName> parse_tile_name(std::span<const std::string> parts) {
  if (parts.size() < 2) return no_tile();
  TileName name;
  if (parts[0] != "entries") {
    const auto level = number(parts[0], kLevelsMax - 1);
    if (!level) return no_tile();
    name.level = static_cast<unsigned>(*level);
  }
  parts = parts.subspan(1);
  std::string_view last = parts.back();
  if (parts.size() >= 2 && parts[parts.size() - 2].ends_with(".p")) {
    const auto width = number(last, kTileWidth - 1);
    if (!width || *width == 0) return no_tile();
    name.width = static_cast<uint32_t>(*width);
    parts = parts.first(parts.size() - 1);
    last = parts.back();
    last.remove_suffix(2);
  }
  constexpr size_t kPartsMax = 6;
  if (parts.size() > kPartsMax) return no_tile();
  for (size_t i = 0; i < parts.size(); ++i) {
    std::string_view part = i + 1 == parts.size() ? last : std::string_view(parts[i]);
    if (i + 1 < parts.size()) {
      if (!part.starts_with('x')) return no_tile();
      part.remove_prefix(1);
    }
    const auto digits = three_digits(part);
    if (!digits || (i == 0 && parts.size() > 1 && *digits == 0)) return no_tile();
    name.index = name.index * kThousand + *digits;
  }
  return name;
}

std::string render_bundle(const std::vector<std::string>& entries) {
  std::string out;
  for (const std::string& entry : entries) {
    out += static_cast<char>(entry.size() >> 8);
    out += static_cast<char>(entry.size() & 0xFF);
    out += entry;
  }
  return out;
}

Result<std::vector<std::string>> parse_bundle(std::string_view bytes) {
  std::vector<std::string> entries;
  while (!bytes.empty()) {
    if (bytes.size() < 2) return fail(Code::invalid, "a bundle of entries is cut off");
    const size_t size = static_cast<size_t>(uint8_t(bytes[0])) << 8 | uint8_t(bytes[1]);
    if (bytes.size() < 2 + size) return fail(Code::invalid, "a bundle of entries is cut off");
    entries.emplace_back(bytes.substr(2, size));
    bytes.remove_prefix(2 + size);
  }
  return entries;
}

}  // namespace strandline
