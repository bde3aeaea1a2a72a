#include "server/follow.h"

namespace strandline::server {

Follow::Filled Follow::fill(std::string& out, size_t bytes_max) {
  while (out.size() < bytes_max) {
    if (!delivery_) {
      auto next = subscription_.try_next();
      if (!next) return Filled::closed;
      if (!*next) return Filled::nothing_left;
      delivery_.emplace(std::move(**next));
      printed_ = 0;
    }
    if (print(out, bytes_max)) delivery_.reset();
  }
  return Filled::more;
}

// Whether the delivery has been printed to its end.
bool Follow::print(std::string& out, size_t bytes_max) {
  if (const auto* events = std::get_if<Events>(&*delivery_)) {
    printed_ = form_->events(out, *events, printed_, bytes_max);
    return printed_ == events->count();
  }
  if (const auto* gap = std::get_if<Gap>(&*delivery_)) {
    form_->gap(out, *gap);
  } else if (std::holds_alternative<Moved>(*delivery_)) {
    form_->moved(out, subscription_.position());
  } else if (std::holds_alternative<CaughtUp>(*delivery_)) {
    form_->caught_up(out, subscription_.position());
  }
  // FellBehind needs no words: a reader that is slow is told nothing it could act on.
  return true;
}

}  // namespace strandline::server
