// Numbers, sizes, durations and moments as people write them: one grammar each, for flags,
// settings, the environment and HTTP alike.
//
// *Number*: decimal digits and nothing else: no sign, no space, no fraction. *Size*: a number of
// bytes, or of a unit: 4096, 64MiB, 1GB (KB, MB, GB, TB are powers of 1000; K, M, G, T and KiB,
// MiB, GiB, TiB are powers of 1024; in either case). *Duration*: numbers of ms, s, m, h, d or w:
// 250ms, 5m, 1h30m; a number without a unit is refused, for nothing tells seconds from
// milliseconds. *Moment*: an RFC 3339 time; a date, or a date and a time without a zone, which are
// UTC; or -DURATION, so long ago. *Errors*: a sentence that quotes the text and says what is
// allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "engine/api/types.h"

namespace strandline::server {

// What a value may be; both ends are allowed.
struct Range {
  uint64_t least = 0;
  uint64_t most = std::numeric_limits<uint64_t>::max();
};

// Digits that are a number up to 65535; nothing if they are not.
std::optional<uint16_t> parse_port(std::string_view text);

std::expected<uint64_t, std::string> read_number(std::string_view text, Range allowed = {});
// In bytes, as its range.
std::expected<uint64_t, std::string> read_size(std::string_view text, Range allowed = {});
// In milliseconds, as its range.
std::expected<std::chrono::milliseconds, std::string> read_duration(std::string_view text,
                                                                    Range allowed_ms = {});
std::expected<Timestamp, std::string> read_moment(std::string_view text, Timestamp now);

// As the functions above read it, in the largest unit in which it is a whole number.
std::string render_size(uint64_t bytes);
std::string render_duration(std::chrono::milliseconds duration);

}  // namespace strandline::server
