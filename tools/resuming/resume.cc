#include "tools/resuming/resume.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <iostream>

#include "tools/base/interrupt.h"

namespace strandline::tools {

using std::chrono::milliseconds;

bool is_away(const Error& error) {
  return error.code == Code::io || error.code == Code::busy ||
         (error.code == Code::closed && !Interrupt::raised());
}

bool Backoff::wait() {
  constexpr milliseconds kFirst{50};
  constexpr milliseconds kLongest{1'000};
  const auto now = std::chrono::steady_clock::now();
  if (!since_) since_ = now;
  if (Interrupt::raised() || now - *since_ >= patience_) return false;
  delay_ = std::clamp(delay_ * 2, kFirst, kLongest);
  pollfd interrupt{.fd = Interrupt::descriptor(), .events = POLLIN, .revents = 0};
  ::poll(&interrupt, 1, static_cast<int>(delay_.count()));
  return !Interrupt::raised();
}

void Backoff::worked() {
  since_.reset();
  delay_ = milliseconds(0);
}

std::optional<uint64_t> ResumingReader::position() const {
  if (reader_ && reader_->position()) return reader_->position();
  if (request_.from.kind == From::Kind::position) return request_.from.number;
  return std::nullopt;
}

Status ResumingReader::go_on(const Error& error) {
  if (!log_.is_server() || !is_away(error)) return std::unexpected(error);
  if (!away_) {
    std::cerr << fmt::format("strandline: {}; trying again\n", error.message);
    away_ = true;
  }
  return backoff_.wait() ? Status() : std::unexpected(error);
}

Result<std::optional<Delivery>> ResumingReader::next(milliseconds patience) {
  while (true) {
    if (!reader_) {
      auto opened = log_.read(request_);
      if (!opened) {
        if (auto going = go_on(opened.error()); !going) return std::unexpected(going.error());
        continue;
      }
      reader_ = std::move(*opened);
    }
    auto delivery = reader_->next(patience);
    if (delivery) {
      if (away_ && *delivery) {
        const auto position = reader_->position();
        std::cerr << "strandline: connected again"
                  << (position ? fmt::format(", now at {}", *position) : "") << '\n';
        away_ = false;
      }
      backoff_.worked();
      if (*delivery && std::holds_alternative<Events>(**delivery)) {
        const uint64_t count = std::get<Events>(**delivery).count();
        request_.events_max -= std::min(request_.events_max, count);
      }
      return delivery;
    }
    if (const auto position = reader_->position()) request_.from = From::position(*position);
    reader_.reset();
    if (auto going = go_on(delivery.error()); !going) return std::unexpected(going.error());
  }
}

}  // namespace strandline::tools
