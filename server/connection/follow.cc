#include "server/connection/follow.h"

namespace strandline::server {

Follow::Filled SubscriptionFollow::fill(std::string& out, size_t bytes_max) {
  return fill(out, bytes_max, &Subscription::next_from_memory);
}

Follow::Filled SubscriptionFollow::fill_from_disk(std::string& out, size_t bytes_max) {
  return fill(out, bytes_max, &Subscription::try_next);
}

Follow::Filled SubscriptionFollow::fill(std::string& out, size_t bytes_max, Read read) {
  while (out.size() < bytes_max) {
    if (!delivery_) {
      auto next = (subscription_.*read)();
      if (!next) return Filled::closed;
      if (!*next && subscription_.needs_disk()) return Filled::needs_disk;
      if (!*next) {
        tell_position(out);
        return Filled::nothing_left;
      }
      delivery_.emplace(std::move(**next));
      printed_ = 0;
    }
    // Where a filter leaves nearly everything out, others have their turn before `out` is full.
    const bool hidden = is_hidden();
    const bool moved = hidden || std::holds_alternative<Moved>(*delivery_);
    if (hidden || print(out, bytes_max)) delivery_.reset();
    if (moved) break;
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

// Of a stream that is not for who asks.
bool SubscriptionFollow::is_hidden() const {
  if (places_ == Places::offsets || !principal_.key()) return false;
  if (const auto* events = std::get_if<Events>(&*delivery_)) {
    return !principal_.may(Action::read, events->stream());
  }
  const auto* gap = std::get_if<Gap>(&*delivery_);
  return gap && !gap->stream.empty() && !principal_.may(Action::read, gap->stream);
}

// What a filter left out since, which resuming need not read again.
void SubscriptionFollow::tell_position(std::string& out) {
  if (subscription_.position() == told_) return;
  told_ = subscription_.position();
  form_->moved(out, told_);
}

// --- A stream that does not exist yet.

AwaitingFollow::AwaitingFollow(const Log& log, ReadOptions read, Subscription watch,
                               std::unique_ptr<Form> form, Places places, Principal principal)
    : log_(log),
      read_(std::move(read)),
      watch_(std::move(watch)),
      form_(std::move(form)),
      media_type_(form_->media_type()),
      places_(places),
      principal_(std::move(principal)) {}

Result<std::unique_ptr<Follow>> AwaitingFollow::start(const Log& log, ReadOptions read,
                                                      std::unique_ptr<Form> form, Places places,
                                                      Principal principal) {
  // Of a stream that was deleted its next offset is known; one that never was begins at 0.
  if (read.from.kind == From::Kind::position && read.from.number > 0) {
    ReadOptions gone = read;
    gone.deleted_too = true;
    auto there = log.subscribe(std::move(gone));
    if (!there && there.error().code != Code::not_found) {
      return std::unexpected(std::move(there.error()));
    }
    if (!there) {
      return std::unexpected(Error{.code = Code::out_of_range,
                                   .message = "there is no stream \"" + read.select.names.at(0) +
                                              "\" yet, and its first offset will be 0, not " +
                                              std::to_string(read.from.number),
                                   .available = Available{0, 0}});
    }
  }
  auto watch =
      log.subscribe({.select = Selection::prefix(read.select.names.at(0)), .from = From::latest()});
  if (!watch) return std::unexpected(std::move(watch.error()));
  if (read.from.kind == From::Kind::latest || read.from.kind == From::Kind::last) {
    read.from = From::earliest();
  }
  return std::unique_ptr<Follow>(new AwaitingFollow(log, std::move(read), std::move(*watch),
                                                    std::move(form), places, std::move(principal)));
}

void AwaitingFollow::open(std::string& out) {
  form_->open_stream(out, position());
  form_->moved(out, position());
}

Follow::Filled AwaitingFollow::fill(std::string& out, size_t bytes_max) {
  if (follow_) return follow_->fill(out, bytes_max);
  // To the log's tail first, so that what is appended after this wakes it again.
  while (true) {
    const auto next = watch_.next_from_memory();
    if (!next) return Filled::closed;
    if (!*next) break;
  }
  // Where a reader is to begin may take the disk to find.
  const bool there = log_.available(read_.select.names.at(0)).has_value();
  return there || watch_.needs_disk() ? Filled::needs_disk : Filled::nothing_left;
}

Follow::Filled AwaitingFollow::fill_from_disk(std::string& out, size_t bytes_max) {
  if (follow_) return follow_->fill_from_disk(out, bytes_max);
  while (true) {
    const auto next = watch_.try_next();
    if (!next) return Filled::closed;
    if (!*next) break;
  }
  auto subscription = log_.subscribe(read_);
  if (!subscription) {
    return subscription.error().code == Code::not_found ? Filled::nothing_left : Filled::closed;
  }
  follow_ = std::make_unique<SubscriptionFollow>(std::move(*subscription), std::move(form_),
                                                 places_, principal_);
  return follow_->fill_from_disk(out, bytes_max);
}

void AwaitingFollow::keepalive(std::string& out) {
  follow_ ? follow_->keepalive(out) : form_->keepalive(out, position());
}

void AwaitingFollow::say_ended(std::string& out, std::string_view reason) {
  follow_ ? follow_->say_ended(out, reason) : form_->ended(out, reason);
}

void AwaitingFollow::rest() { follow_ ? follow_->rest() : watch_.rest(); }

void AwaitingFollow::on_ready(std::function<void()> callback) {
  follow_ ? follow_->on_ready(std::move(callback)) : watch_.on_ready(std::move(callback));
}

}  // namespace strandline::server
