#include "server/http/quantity.h"

#include <array>
#include <charconv>

#include "engine/api/rfc3339.h"
#include "server/http/query.h"

namespace strandline::server {
namespace {

using std::chrono::milliseconds;

struct QuantityUnit {
  std::string_view name;
  uint64_t worth;
};

// From the smallest up. Those that are rendered stand last among their equals.
constexpr std::array<QuantityUnit, 14> kSizeUnits = {{
    {"B", 1},
    {"KB", 1'000},
    {"K", 1ull << 10},
    {"KiB", 1ull << 10},
    {"MB", 1'000'000},
    {"M", 1ull << 20},
    {"MiB", 1ull << 20},
    {"GB", 1'000'000'000},
    {"G", 1ull << 30},
    {"GiB", 1ull << 30},
    {"TB", 1'000'000'000'000},
    {"T", 1ull << 40},
    {"TiB", 1ull << 40},
    {"", 1},
}};
constexpr std::array<QuantityUnit, 6> kDurationUnits = {{
    {"ms", 1},
    {"s", 1'000},
    {"m", 60'000},
    {"h", 3'600'000},
    {"d", 86'400'000},
    {"w", 604'800'000},
}};
// A thousand years: past every duration that means something, and far from an overflow.
constexpr uint64_t kDurationMsMax = 1'000ull * 366 * 86'400'000;

bool same_letters(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if ((a[i] | 32) != (b[i] | 32)) return false;
  }
  return true;
}

// Takes the digits at the front of `text`; nothing if there are none, or too many.
std::optional<uint64_t> take_digits(std::string_view& text) {
  uint64_t number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || at == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(at - text.data()));
  return number;
}

std::string as_quoted(std::string_view text) {
  return "\"" + std::string(text.substr(0, 64)) + "\"";
}

// " from 1 to 10"; nothing where everything is allowed.
template <class Render>
std::string said_of(Range allowed, Render render) {
  const bool bounded = allowed.most != UINT64_MAX;
  if (!bounded) return allowed.least == 0 ? "" : " of at least " + render(allowed.least);
  return " from " + render(allowed.least) + " to " + render(allowed.most);
}

bool holds(Range allowed, uint64_t value) {
  return value >= allowed.least && value <= allowed.most;
}

std::optional<uint64_t> size_of(std::string_view text) {
  const auto number = take_digits(text);
  if (!number) return std::nullopt;
  if (text.starts_with(' ')) text.remove_prefix(1);
  for (const QuantityUnit& unit : kSizeUnits) {
    if (!same_letters(text, unit.name)) continue;
    if (*number > UINT64_MAX / unit.worth) return std::nullopt;
    return *number * unit.worth;
  }
  return std::nullopt;
}

std::optional<uint64_t> duration_ms_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t sum = 0;
  uint64_t unit_before = UINT64_MAX;
  while (!text.empty()) {
    const auto number = take_digits(text);
    if (!number) return std::nullopt;
    const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
    uint64_t worth = 0;
    for (const QuantityUnit& unit : kDurationUnits) {
      if (name == unit.name) worth = unit.worth;
    }
    // From the largest unit down, each once.
    if (worth == 0 || worth >= unit_before || *number > kDurationMsMax / worth) return std::nullopt;
    sum += *number * worth;
    unit_before = worth;
    text.remove_prefix(name.size());
  }
  return sum <= kDurationMsMax ? std::optional(sum) : std::nullopt;
}

std::string duration_text(uint64_t ms) { return render_duration(milliseconds(ms)); }

}  // namespace

std::optional<uint16_t> parse_port(std::string_view text) {
  const auto number = text.size() <= 5 ? parse_number(text) : std::nullopt;
  if (!number || *number > 65'535) return std::nullopt;
  return static_cast<uint16_t>(*number);
}

std::expected<uint64_t, std::string> read_number(std::string_view text, Range allowed) {
  const auto number = parse_number(text);
  if (number && holds(allowed, *number)) return *number;
  const std::string least = std::to_string(allowed.least);
  return std::unexpected(
      as_quoted(text) + " is not a whole number from " + least +
      (allowed.most == UINT64_MAX ? " on" : " to " + std::to_string(allowed.most)));
}

std::expected<uint64_t, std::string> read_size(std::string_view text, Range allowed) {
  const auto bytes = size_of(text);
  if (bytes && holds(allowed, *bytes)) return *bytes;
  return std::unexpected(as_quoted(text) + " is not a size" + said_of(allowed, render_size) +
                         ", such as 4096 (bytes), 64MiB or 1GB");
}

std::expected<milliseconds, std::string> read_duration(std::string_view text, Range allowed_ms) {
  const auto ms = duration_ms_of(text);
  if (ms && holds(allowed_ms, *ms)) return milliseconds(*ms);
  if (parse_number(text)) {
    return std::unexpected(as_quoted(text) + " has no unit: write " + std::string(text) + "s or " +
                           std::string(text) + "ms (units: ms, s, m, h, d, w)");
  }
  return std::unexpected(as_quoted(text) + " is not a duration" +
                         said_of(allowed_ms, duration_text) +
                         ", such as 250ms, 30s, 5m, 24h or 30d");
}

std::expected<Timestamp, std::string> read_moment(std::string_view text, Timestamp now) {
  if (text.starts_with('-')) {
    if (const auto ago = duration_ms_of(text.substr(1))) {
      return Timestamp{now.us - static_cast<int64_t>(*ago) * 1'000};
    }
  }
  constexpr size_t kDate = 10, kMinute = 16;  // the lengths of 2026-01-02 and 2026-01-02T03:04
  std::string full(text);
  if (full.size() == kDate) full += "T00:00";
  if (full.size() >= kMinute && full[kDate] == ' ') full[kDate] = 'T';
  if (full.size() >= kMinute) {
    if (full.size() == kMinute || full[kMinute] != ':') full.insert(kMinute, ":00");
    if (full.find_first_of("Zz+-", kMinute) == std::string::npos) full += 'Z';
    if (const auto time = parse_time(full)) return *time;
  }
  return std::unexpected(as_quoted(text) +
                         " is not a time, such as 2026-01-02, 2026-01-02T03:04 (both UTC), "
                         "2026-01-02T03:04:05Z or -2h (two hours ago)");
}

std::string render_size(uint64_t bytes) {
  const QuantityUnit* best = &kSizeUnits.back();
  for (const QuantityUnit& unit : kSizeUnits) {
    if (bytes > 0 && unit.worth > 1 && bytes % unit.worth == 0 && unit.worth >= best->worth) {
      best = &unit;
    }
  }
  return std::to_string(bytes / best->worth) + std::string(best->name);
}

std::string render_duration(milliseconds duration) {
  const auto ms = static_cast<uint64_t>(duration.count());
  const QuantityUnit* best = &kDurationUnits.front();
  for (const QuantityUnit& unit : kDurationUnits) {
    if (unit.name == "w") continue;  // people count in days
    if (ms > 0 && ms % unit.worth == 0) best = &unit;
  }
  return std::to_string(ms / best->worth) + std::string(best->name);
}

}  // namespace strandline::server
