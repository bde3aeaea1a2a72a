#include "tools/base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace strandline::tools {

using std::chrono::steady_clock;

namespace {

std::string bar_of(uint64_t done, uint64_t all) {
  if (all == 0) return {};
  constexpr int kWidth = 30;
  const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(all));
  const int full = static_cast<int>(part * kWidth);
  return fmt::format("[{}{}] {:3.0f}% ", std::string(full, '#'), std::string(kWidth - full, '.'),
                     part * 100);
}

}  // namespace

Progress::Progress(std::string what, std::optional<uint64_t> total)
    : what_(std::move(what)),
      total_(total),
      shown_(::isatty(STDERR_FILENO) != 0),
      begun_(steady_clock::now()) {}

Progress::~Progress() {
  if (shown_ && drawn_ != Time()) std::cerr << "\r\033[K" << std::flush;
}

void Progress::update(uint64_t done, uint64_t events) {
  if (!is_due()) return;
  const double seconds = std::chrono::duration<double>(drawn_ - begun_).count();
  const std::string bar = total_ ? bar_of(done, *total_) : std::string();
  std::cerr << fmt::format("\r\033[K{} {}{} events, {:.0f}/s", what_, bar, events,
                           seconds > 0 ? static_cast<double>(events) / seconds : 0.0)
            << std::flush;
}

bool Progress::is_due() {
  const Time now = steady_clock::now();
  if (!shown_ || now - drawn_ < std::chrono::milliseconds(100)) return false;
  drawn_ = now;
  return true;
}

void Progress::bytes(uint64_t done, uint64_t all) {
  if (!is_due()) return;
  const double seconds = std::chrono::duration<double>(drawn_ - begun_).count();
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string left;
  if (rate > 0 && all > done) {
    left = fmt::format(", {:.0f} s left", static_cast<double>(all - done) / rate);
  }
  std::cerr << fmt::format("\r\033[K{} {}{:.1f} MB, {:.1f} MB/s{}", what_, bar_of(done, all),
                           static_cast<double>(done) / 1e6, rate / 1e6, left)
            << std::flush;
}

}  // namespace strandline::tools
