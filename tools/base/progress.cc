#include "tools/base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace strandline::tools {

using std::chrono::steady_clock;

Progress::Progress(std::string what, std::optional<uint64_t> total)
    : what_(std::move(what)),
      total_(total),
      shown_(::isatty(STDERR_FILENO) != 0),
      begun_(steady_clock::now()) {}

Progress::~Progress() {
  if (shown_ && drawn_ != Time()) std::cerr << "\r\033[K" << std::flush;
}

void Progress::update(uint64_t done, uint64_t events) {
  if (!shown_) return;
  const Time now = steady_clock::now();
  if (now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  const double seconds = std::chrono::duration<double>(now - begun_).count();
  std::string bar;
  if (total_ && *total_ > 0) {
    constexpr int kWidth = 30;
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(*total_));
    const int full = static_cast<int>(part * kWidth);
    bar = fmt::format("[{}{}] {:3.0f}% ", std::string(full, '#'), std::string(kWidth - full, '.'),
                      part * 100);
  }
  std::cerr << fmt::format("\r\033[K{} {}{} events, {:.0f}/s", what_, bar, events,
                           seconds > 0 ? static_cast<double>(events) / seconds : 0.0)
            << std::flush;
}

}  // namespace strandline::tools
