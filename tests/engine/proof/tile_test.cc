// The names of tiles are those of C2SP tlog-tiles.
#include "engine/proof/tile.h"

#include <gtest/gtest.h>

namespace strandline {
namespace {

Result<TileName> parse(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parse_tile_name(parts);
}

TEST(ProofTile, NamesAreThoseOfTheSpecification) {
  const std::vector<std::pair<std::string, TileName>> names = {
      {"0/000", {.level = 0, .index = 0}},
      {"0/x001/x234/067", {.level = 0, .index = 1'234'067}},
      {"63/999", {.level = 63, .index = 999}},
      {"1/x001/000", {.level = 1, .index = 1'000}},
      {"2/017.p/255", {.level = 2, .index = 17, .width = 255}},
      {"0/x001/000.p/1", {.level = 0, .index = 1'000, .width = 1}},
      {"entries/000", {.level = {}, .index = 0}},
      {"entries/x001/x234/067.p/8", {.level = {}, .index = 1'234'067, .width = 8}}};
  for (const auto& [text, name] : names) {
    EXPECT_EQ(render_tile_name(name), text);
    const auto parsed = parse(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(*parsed, name) << text;
  }
}

TEST(ProofTile, WhatNamesNoTileIsRefused) {
  for (const char* bad : {"",
                          "0",
                          "0/",
                          "0/0",
                          "0/0000",
                          "64/000",
                          "00/000",
                          "-1/000",
                          "0/x000/001",
                          "0/001/002",
                          "0/x001/x002",
                          "0/000.p/0",
                          "0/000.p/256",
                          "0/000.p/01",
                          "0/000.p",
                          "0/.p/1",
                          "0/abc",
                          "entry/000",
                          "0/000/.p/1",
                          "0/x001/x001/x001/x001/x001/x001/001"}) {
    EXPECT_FALSE(parse(bad)) << bad;
  }
}

TEST(ProofTile, BundlesAreEntriesBehindTheirLengths) {
  const std::vector<std::string> entries = {"a", "", std::string(300, 'x')};
  const std::string bundle = render_bundle(entries);
  EXPECT_EQ(bundle.size(), 301u + 6);
  EXPECT_EQ(bundle.substr(0, 5), std::string("\0\x01"
                                             "a\0\0",
                                             5));
  EXPECT_EQ(parse_bundle(bundle).value(), entries);
  EXPECT_FALSE(parse_bundle(bundle.substr(0, 20)));
}

}  // namespace
}  // namespace strandline
