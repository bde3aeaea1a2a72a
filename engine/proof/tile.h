// The tiles of a tree (C2SP tlog-tiles): their names, and what a bundle of entries looks like.
//
// A tile of level l and index n has up to 256 nodes of height 8l: those from n * 256 on. One of 256
// is full, and is named by level and index alone; a partial one has its width in its name.
// *Threads*: pure functions. *Errors*: `invalid`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"

namespace strandline {

inline constexpr unsigned kTileHeight = 8;
inline constexpr uint32_t kTileWidth = 1u << kTileHeight;

struct TileName {
  std::optional<unsigned> level;  // none: a bundle of entries
  uint64_t index = 0;
  uint32_t width = kTileWidth;  // 1 to 256
  bool operator==(const TileName&) const = default;
};
// What follows "tile/": "0/x001/234.p/5", "entries/000".
std::string render_tile_name(const TileName& name);
Result<TileName> parse_tile_name(std::span<const std::string> parts);

// Each entry behind its length, u16 big-endian.
std::string render_bundle(const std::vector<std::string>& entries);
Result<std::vector<std::string>> parse_bundle(std::string_view bytes);

}  // namespace strandline
