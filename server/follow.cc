#include "server/follow.h"

namespace strandline::server {

Follow::Filled SubscriptionFollow::fill(std::string& out, size_t bytes_max) {
  while (out.size() < bytes_max) {
    if (!delivery_) {
      auto next = subscription_.try_next();
      if (!next) return Filled::closed;
      if (!*next) {
        tell_position(out);
        return Filled::nothing_left;
      }
      delivery_.emplace(std::move(**next));
      printed_ = 0;
    }
    if (print(out, bytes_max)) delivery_.reset();
  }
  return Filled::more;
}

// Whether the delivery has been printed to its end.
bool SubscriptionFollow::print(std::string& out, size_t bytes_max) {
  if (const auto* events = std::get_if<Events>(&*delivery_)) {
    printed_ = form_->events(out, *events, printed_, bytes_max);
    if (printed_ < events->count()) return false;
    told_ = places_ == Places::offsets ? events->next().value
                                       : events->sequence().value + events->count();
    return true;
  }
  if (const auto* gap = std::get_if<Gap>(&*delivery_)) {
    form_->gap(out, *gap);
    told_ = gap->to;
  } else if (std::holds_alternative<Moved>(*delivery_)) {
    tell_position(out);
  } else if (std::holds_alternative<CaughtUp>(*delivery_)) {
    form_->caught_up(out, subscription_.position());
  }
  // FellBehind needs no words: a reader that is slow is told nothing it could act on.
  return true;
}

// What a filter left out since, which resuming need not read again.
void SubscriptionFollow::tell_position(std::string& out) {
  if (subscription_.position() == told_) return;
  told_ = subscription_.position();
  form_->moved(out, told_);
}

}  // namespace strandline::server
