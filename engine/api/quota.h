// How much of a server a key may take: the log keeps it with the key, and the server holds to it.
// *Memory*: values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace strandline {

enum class QuotaKind : uint8_t {
  requests,     // a second
  bytes,        // appended, a second
  connections,  // at a time
  followers,    // at a time
  streams,      // created, an hour
};
inline constexpr size_t kQuotaKinds = static_cast<size_t>(QuotaKind::streams) + 1;

// What is not said is not limited, or as the server's own quota says.
struct Quota {
  std::array<std::optional<uint64_t>, kQuotaKinds> limits = {};

  const std::optional<uint64_t>& of(QuotaKind kind) const {
    return limits[static_cast<size_t>(kind)];
  }
  bool any() const {
    for (const auto& limit : limits) {
      if (limit) return true;
    }
    return false;
  }
  // What it says, and else what another does.
  Quota over(const Quota& other) const {
    Quota both = other;
    for (size_t i = 0; i < kQuotaKinds; ++i) {
      if (limits[i]) both.limits[i] = limits[i];
    }
    return both;
  }
  bool operator==(const Quota&) const = default;
};

}  // namespace strandline
