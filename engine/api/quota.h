// How much of a server a key may take: the log keeps it with the key, and the server holds to it.
// *Memory*: values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace strandline {

enum class QuotaKind : uint8_t {
  requests,     // a second
  bytes,        // appended, a second
  connections,  // at a time
  followers,    // at a time
  streams,      // created, an hour
};
inline constexpr size_t kQuotaKinds = static_cast<size_t>(QuotaKind::streams) + 1;

// Of what is stored in the streams whose names begin so: whoever appended it.
struct StoredQuota {
  std::string prefix;  // empty: of every stream
  uint64_t bytes;      // of the batches that are there (StreamInfo::bytes)
  bool operator==(const StoredQuota&) const = default;
};
// Of one key: each append under one of them is held against it.
inline constexpr size_t kStoredQuotasMax = 16;

// What is not said is not limited, or as the server's own quota says.
struct Quota {
  std::array<std::optional<uint64_t>, kQuotaKinds> limits = {};
  std::vector<StoredQuota> stored = {};  // each prefix once

  const std::optional<uint64_t>& of(QuotaKind kind) const {
    return limits[static_cast<size_t>(kind)];
  }
  bool any() const {
    for (const auto& limit : limits) {
      if (limit) return true;
    }
    return !stored.empty();
  }
  // What it says, and else what another does. Where it says anything of what is stored, that is all
  // there is of it.
  Quota over(const Quota& other) const {
    Quota both = other;
    for (size_t i = 0; i < kQuotaKinds; ++i) {
      if (limits[i]) both.limits[i] = limits[i];
    }
    if (!stored.empty()) both.stored = stored;
    return both;
  }
  bool operator==(const Quota&) const = default;
};

}  // namespace strandline
