#include "server/live/live_connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <random>

#include "server/connection/worker.h"

namespace strandline::server {
namespace {

// As a follower of HTTP has it (session_follow.cc).
constexpr int kLiveUnsentBytes = 256 << 10;
// Until a closing frame is answered; then the socket is closed.
constexpr auto kCloseWithin = std::chrono::seconds(5);

double random_part() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

std::chrono::milliseconds part_of(uint64_t ms, double part) {
  return std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(ms) * part));
}

}  // namespace

LiveConnection::LiveConnection(Service& service, Live& live, Upgraded upgraded, Request request,
                               Client client, std::unique_ptr<LiveProtocol> protocol)
    : service_(service),
      live_(live),
      worker_(upgraded.worker),
      client_(std::move(client)),
      request_(std::make_unique<Request>(std::move(request))),
      protocol_(std::move(protocol)),
      socket_(std::move(upgraded.transport), std::move(upgraded.input),
              service.options.live_message_bytes_max, [this] { wake_.notify(); }),
      lease_(std::move(upgraded.lease)),
      wake_(socket_.transport().executor()),
      turn_(socket_.transport().executor()),
      begun_(std::chrono::steady_clock::now()),
      // Not all that came together go together.
      until_(begun_ + part_of(service.options.live_life_ms, 0.9 + 0.1 * random_part())),
      certificate_until_(upgraded.certificate_until),
      pinged_(begun_ - std::chrono::hours(1)) {
  service_.metrics.live_connections.fetch_add(1, std::memory_order_relaxed);
}

LiveConnection::~LiveConnection() {
  live_.hub.remove(name_.number);
  service_.metrics.live_subscriptions.fetch_sub(subscriptions_.size(), std::memory_order_relaxed);
  service_.metrics.live_connections.fetch_sub(1, std::memory_order_relaxed);
}

void LiveConnection::start() {
  const auto self = shared_from_this();
  name_ = live_.hub.add({.hearer = weak_from_this(), .mailbox = &worker_.mailbox()});
  socket_.transport().bound_unsent(kLiveUnsentBytes);
  asio::co_spawn(socket_.transport().executor(), read_messages(), [self](std::exception_ptr e) {
    LogFailure{"a live connection's reader"}(e);
    if (e) self->abort();
    self->reading_over_ = true;
    self->wake_.notify();
  });
  asio::co_spawn(socket_.transport().executor(), write_frames(), [self](std::exception_ptr e) {
    LogFailure{"a live connection's writer"}(e);
    self->finish();
  });
}

void LiveConnection::finish() {
  abort();
  service_.metrics.live_subscriptions.fetch_sub(subscriptions_.size(), std::memory_order_relaxed);
  for (const auto& [channel, subscription] : subscriptions_) let_go(*subscription);
  subscriptions_.clear();
  ready_.clear();
  live_.hub.remove(name_.number);
  worker_.remove(*this);
}

// --- Time, and ends.

void LiveConnection::sweep(SteadyTime now) {
  if (broken_) return;
  const auto within = [](uint64_t ms) { return std::chrono::milliseconds(ms); };
  if (now > close_by_) return abort();
  if (!open_) {
    if (now > begun_ + within(service_.options.handshake_timeout_ms)) abort();
    return;
  }
  if (closing_) return;
  if (now > until_) {
    const Farewell farewell = protocol_->farewell(Ending::too_old, {});
    return end(farewell.code, farewell.reason);
  }
  end_if_not_allowed();
  const SteadyTime heard = socket_.heard();
  const auto patience = within(service_.options.live_ping_ms);
  if (pinged_ > heard) {
    if (now < pinged_ + patience) return;
    service_.metrics.timeouts.fetch_add(1, std::memory_order_relaxed);
    const Farewell farewell = protocol_->farewell(Ending::silent, {});
    end(farewell.code, farewell.reason);
    close_by_ = now + kLiveLinger;
  } else if (now > heard + patience) {
    pinged_ = now;
    queue_ += protocol_->ping();
    wake_.notify();
  }
}

void LiveConnection::end_if_not_allowed() {
  std::optional<std::string_view> why;
  if (std::chrono::steady_clock::now() > certificate_until_) {
    why = "certificate-expired";
  } else if (client_.by_app_key) {
    if (service_.is_guarded() != began_guarded_) why = "access-control-on";
  } else {
    why = client_.principal.ended(*service_.log.api_keys(), service_.log.now());
  }
  if (!why) return;
  send(protocol_->error({std::string(*why), "access has ended"}, {}));
  const Farewell farewell = protocol_->farewell(Ending::not_allowed, *why);
  end(farewell.code, farewell.reason);
}

// So that those who come back do not all come at once: over as long as there are milliseconds of
// them, and no longer than most of the time that draining has.
void LiveConnection::drain() {
  const double spread = std::min(static_cast<double>(live_.hub.connection_count()),
                                 0.6 * static_cast<double>(service_.options.drain_timeout_ms));
  asio::co_spawn(
      socket_.transport().executor(),
      [](std::shared_ptr<LiveConnection> self, double ms) -> awaitable<void> {
        asio::steady_timer timer(self->socket_.transport().executor());
        timer.expires_after(part_of(1, ms));
        co_await timer.async_wait(as_values);
        const Farewell farewell = self->protocol_->farewell(Ending::drained, {});
        self->end(farewell.code, farewell.reason);
      }(shared_from_this(), spread * random_part()),
      LogFailure{"a live connection's draining"});
}

void LiveConnection::end(uint16_t code, const std::string& reason) {
  if (!open_ && !broken_) return abort();
  if (closing_ || broken_) return;
  closing_ = true;
  close_by_ = std::chrono::steady_clock::now() + kCloseWithin;
  // What was said before comes before.
  socket_.output() += std::exchange(queue_, {});
  socket_.close(code, reason);
  wake_.notify();
  turn_.notify();
}

void LiveConnection::abort() {
  if (broken_) return;
  broken_ = true;
  socket_.transport().close();
  socket_.output().clear();
  socket_.sent();
  wake_.notify();
  turn_.notify();
}

// --- Reading.

awaitable<void> LiveConnection::read_messages() {
  const bool accepted = co_await socket_.accept(request_->head, protocol_->headers(request_->head));
  request_.reset();
  if (!accepted) co_return;
  open_ = true;
  if (service_.draining) drain();
  protocol_->opened(*this);
  wake_.notify();
  while (!broken_) {
    const WebSocket::Message message = co_await socket_.read();
    if (message.kind == WebSocket::Message::Kind::over) co_return;
    if (closing_) continue;
    if (message.kind == WebSocket::Message::Kind::binary) {
      const Farewell farewell = protocol_->farewell(Ending::binary, {});
      end(farewell.code, farewell.reason);
      continue;
    }
    service_.metrics.live_messages.fetch_add(1, std::memory_order_relaxed);
    co_await keep_rate();
    if (!closing_ && !broken_) protocol_->message(*this, message.text);
  }
}

// One that sends more than it may is not read from for a while, and is told so once.
awaitable<void> LiveConnection::keep_rate() {
  const auto rate = static_cast<double>(service_.options.live_messages_per_s);
  while (!broken_ && !closing_) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (const auto late = frames_.take(1, rate, 2 * rate, true, now)) {
      if (!std::exchange(warned_, true)) {
        send(protocol_->error(
            {"busy", "more than " + std::to_string(service_.options.live_messages_per_s) +
                         " messages a second: the rest waits"},
            {}));
      }
      co_await turn_.wait_until(now + std::chrono::duration_cast<SteadyTime::duration>(*late));
    } else if (queue_.size() > kLiveQueueBytesMax) {
      co_await turn_.wait();  // it does not read what it asked for
    } else {
      co_return;
    }
  }
}

// --- For the protocol.

void LiveConnection::send(std::string_view frame) {
  append_text_frame(queue_, frame);
  wake_.notify();
}

void LiveConnection::hear(const std::string& channel, const AnnouncementPointer& told) {
  if (!open_ || closing_ || broken_) return;
  if (channel != kPersonal) {
    const auto at = subscriptions_.find(channel_text(channel));
    if (at == subscriptions_.end()) return;
    if (told->kind == Announcement::Kind::presence && !at->second->wanted.sees_presence) return;
  }
  const std::string& frame = told->of(protocol_->wording());
  if (queue_.size() + frame.size() > kLiveQueueBytesMax) {
    ++lost_;
    return;
  }
  queue_ += frame;
  wake_.notify();
}

void LiveConnection::be_user(std::string user) {
  user_ = std::move(user);
  live_.hub.set_user(name_.number, user_);
}

std::function<void(LiveConnection::Task)> LiveConnection::poster() {
  return [weak = weak_from_this(), &mailbox = worker_.mailbox()](Task task) {
    mailbox.put([weak, task = std::move(task)]() mutable {
      const auto self = weak.lock();
      if (self && !self->broken_) task(*self);
    });
  };
}

bool LiveConnection::is_subscribed(std::string_view channel) const {
  return subscriptions_.contains(channel);
}

const ChannelMember* LiveConnection::member_of(std::string_view channel) const {
  const auto at = subscriptions_.find(channel);
  if (at == subscriptions_.end() || !at->second->wanted.member) return nullptr;
  return &*at->second->wanted.member;
}

void LiveConnection::subscribe(Subscribing wanted) {
  auto one = std::make_shared<Subscription>(std::move(wanted));
  auto lease = service_.quotas.open(client_.account, QuotaKind::followers);
  if (!lease) {
    return send(protocol_->error({"over-quota", "no more followers of this key may be open"},
                                 one->wanted.channel));
  }
  one->lease = std::move(*lease);
  subscriptions_.emplace(one->wanted.channel, one);
  service_.metrics.live_subscriptions.fetch_add(1, std::memory_order_relaxed);
  if (one->wanted.ephemeral) return attach(one, std::nullopt);
  const From::Kind from = one->wanted.read.from.kind;
  if (from != From::Kind::last && from != From::Kind::time) {
    return begin_follow(one, service_.log.subscribe(one->wanted.read));
  }
  // Where to begin is looked for on the disk.
  asio::post(service_.searching, [weak = weak_from_this(), one, &log = service_.log,
                                  &mailbox = worker_.mailbox()]() mutable {
    auto found = log.subscribe(one->wanted.read);
    mailbox.put([weak = std::move(weak), one = std::move(one), found = std::move(found)]() mutable {
      const auto self = weak.lock();
      if (self && !one->removed) self->begin_follow(one, std::move(found));
    });
  });
}

void LiveConnection::begin_follow(const SubscriptionPointer& one,
                                  Result<strandline::Subscription> found) {
  Subscribing& wanted = one->wanted;
  const Places places =
      wanted.select.kind == Selection::Kind::stream ? Places::offsets : Places::sequences;
  auto form = protocol_->form(*this, wanted.channel, places);
  if (found) {
    const uint64_t position = found->position();
    one->follow = std::make_unique<SubscriptionFollow>(std::move(*found), std::move(form), places,
                                                       client_.principal);
    return attach(one, position);
  }
  if (found.error().code != Code::not_found) return refuse(*one, found.error());
  const From& from = wanted.read.from;
  if (from.kind == From::Kind::position && from.number > 0) {
    // A stream that was deleted knows its next offset; one that never was does not have this one.
    const uint64_t position = from.number;
    auto awaiting = AwaitingFollow::start(service_.log, std::move(wanted.read), std::move(form),
                                          places, client_.principal);
    if (!awaiting) return refuse(*one, awaiting.error());
    one->follow = std::move(*awaiting);
    return attach(one, position);
  }
  attach(one, 0);
  form->caught_up(queue_, 0);
  // All that comes is newer than wherever it was to begin.
  wanted.read.from = From::earliest();
  await_stream(one);
}

void LiveConnection::await_stream(const SubscriptionPointer& one) {
  one->awaited = live_.awaited.wait(
      one->wanted.select.names[0], [home = poster(), waiting = std::weak_ptr(one)] {
        home([waiting](LiveConnection& self) {
          const auto subscription = waiting.lock();
          if (!subscription || subscription->removed) return;
          auto found = self.service_.log.subscribe(subscription->wanted.read);
          if (!found) return self.await_stream(subscription);  // it is gone again
          subscription->follow = std::make_unique<SubscriptionFollow>(
              std::move(*found),
              self.protocol_->form(self, subscription->wanted.channel, Places::offsets),
              Places::offsets, self.client_.principal);
          self.ready_.push_back(subscription);
          self.wake_.notify();
        });
      });
}

// In the hub, and in the order of frames: what is told of the channel comes behind `subscribed`.
void LiveConnection::attach(const SubscriptionPointer& one, std::optional<uint64_t> position) {
  const Subscribing& wanted = one->wanted;
  const bool is_one = wanted.select.kind == Selection::Kind::stream;
  Hub::Entered entered;
  if (is_one) {
    entered = live_.hub.enter(name_.number, wanted.select.names[0],
                              wanted.member ? &*wanted.member : nullptr, wanted.counts);
  }
  const auto available = service_.log.available(is_one ? wanted.select.names[0] : kAllName);
  protocol_->subscribed(*this, wanted, position, available ? *available : Available{0, 0}, entered);
  if (!one->follow) return;
  ready_.push_back(one);
  wake_.notify();
}

void LiveConnection::refuse(const Subscription& one, const Error& error) {
  send(protocol_->error({name_of(error.code), error.message}, one.wanted.channel));
  unsubscribe(std::string(one.wanted.channel));
}

void LiveConnection::let_go(Subscription& one) {
  one.removed = true;
  if (one.awaited != 0) live_.awaited.cancel(one.wanted.select.names[0], one.awaited);
}

bool LiveConnection::unsubscribe(std::string_view channel) {
  const auto at = subscriptions_.find(channel);
  if (at == subscriptions_.end()) return false;
  const SubscriptionPointer one = at->second;
  let_go(*one);
  subscriptions_.erase(at);
  service_.metrics.live_subscriptions.fetch_sub(1, std::memory_order_relaxed);
  if (one->wanted.select.kind == Selection::Kind::stream) {
    live_.hub.leave(name_.number, one->wanted.select.names[0]);
  }
  return true;
}

}  // namespace strandline::server
