// A bar on stderr, where that is a terminal; nothing anywhere else.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace strandline::tools {

class Progress {
 public:
  // `total` is what `done` will come to, if that is known; `events` are counted beside it.
  Progress(std::string what, std::optional<uint64_t> total);
  ~Progress();  // wipes the bar

  void update(uint64_t done, uint64_t events);

 private:
  using Time = std::chrono::steady_clock::time_point;

  const std::string what_;
  const std::optional<uint64_t> total_;
  const bool shown_;
  const Time begun_;
  Time drawn_ = {};
};

}  // namespace strandline::tools
