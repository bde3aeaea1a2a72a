// The list of settings: for each its table, its name, what its value may be, and its default.
//
// Flags, environment variables, the configuration file and --help all follow from this list.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/quantity.h"

namespace strandline::tools {

struct SettingKey {
  enum class Kind { text, number, size, duration, truth };
  using Check = std::expected<std::string, std::string> (*)(std::string_view);

  const char* table;
  const char* name;
  Kind kind;
  std::string fallback;
  const char* what;
  server::Range range = {};  // of a size in bytes, of a duration in milliseconds
  // Of a text: as it is kept, or what is wrong with it.
  Check check = [](std::string_view text) -> std::expected<std::string, std::string> {
    return std::string(text);
  };
  const char* words = "";  // of a text that is one of a few words: these, with | between
  // Of names with commas between. The flag may come several times, and in the file it may be an
  // array; both mean the same as commas.
  bool list = false;

  // The text as it is kept and printed, which reads the same again; or what is wrong with it.
  std::expected<std::string, std::string> read(std::string_view text) const;
  std::string flag() const;      // "--idempotency-ttl"
  std::string variable() const;  // "STRANDLINE_IDEMPOTENCY_TTL"
};

std::span<const SettingKey> setting_keys();

// "true" or "false", of a text that means one of them.
std::expected<std::string, std::string> read_truth(std::string_view text);

// Of names with commas between: each, without the spaces around it.
std::vector<std::string> split_names(std::string_view text);

}  // namespace strandline::tools
