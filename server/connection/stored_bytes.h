// What is stored in the streams whose names begin with one prefix or another, for quotas of it.
//
// It is measured by asking each such stream, when somebody asks, at most once a second, and so
// seldom that it takes at most a twentieth of one thread's time. What was added since counts
// besides: so it is too low by what others added meanwhile, and by what was not yet durable when it
// was measured.
// *Memory*: a prefix that nobody asks for is forgotten where there are more than kPrefixesKept.
// *Threads*: any. Whoever measures holds up nobody else: they get what was measured before.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace strandline::server {

inline constexpr size_t kPrefixesKept = 1'024;

class StoredBytes {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // The bytes that are stored under a prefix.
  using Measure = std::function<uint64_t(std::string_view prefix)>;

  explicit StoredBytes(Measure measure) : measure_(std::move(measure)) {}

  // Adds so many where they fit below `most`. Else: what is stored. Of none, whether any may come.
  std::optional<uint64_t> add(std::string_view prefix, uint64_t bytes, uint64_t most, Time now);
  size_t prefixes() const;

 private:
  struct Place {
    uint64_t measured = 0;
    uint64_t added = 0;  // since
    Time due = {};       // when it is measured next
    bool measuring = false;
  };
  void forget_unasked(Time now);

  const Measure measure_;
  mutable std::mutex mutex_;  // guards all below
  std::map<std::string, Place, std::less<>> places_;
  Time swept_ = {};
};

}  // namespace strandline::server
