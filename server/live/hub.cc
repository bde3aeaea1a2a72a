#include "server/live/hub.h"

#include <algorithm>

#include "server/base/secret.h"
#include "server/json/json_writer.h"

namespace strandline::server {
namespace {

// A number that nobody guesses, from random bytes.
uint64_t random_number() {
  const std::string secret = new_secret();
  return std::stoull(secret.substr(secret.size() - 15), nullptr, 16);
}

std::string about(const ChannelMember& member) {
  std::string details = ",\"user\":";
  render_string(details, member.user);
  if (!member.info.empty()) details += ",\"info\":" + member.info;
  return details;
}

}  // namespace

Hub::Hub(Log& log, Timing timing) : log_(log), timing_(timing) {}
Hub::~Hub() { stop(); }

// --- Connections.

Hub::Named Hub::add(Seat seat) {
  std::string name = std::to_string(random_number()) + "." + std::to_string(random_number());
  const std::lock_guard lock(mutex_);
  const uint64_t number = ++last_number_;
  connections_.emplace(
      number, Connection{.seat = std::move(seat), .info = {.name = name, .since = log_.now()}});
  by_name_.emplace(name, number);
  return {number, std::move(name)};
}

void Hub::remove(uint64_t connection) {
  const std::lock_guard lock(mutex_);
  const auto at = connections_.find(connection);
  if (at == connections_.end()) return;
  const std::set<std::string> channels = std::move(at->second.channels);
  for (const std::string& channel : channels) leave_locked(connection, channel);
  const std::string& user = at->second.info.user;
  if (!user.empty()) {
    const auto those = by_user_.find(user);
    those->second.erase(connection);
    if (those->second.empty()) by_user_.erase(those);
  }
  by_name_.erase(at->second.info.name);
  connections_.erase(at);
}

void Hub::set_user(uint64_t connection, const std::string& user) {
  const std::lock_guard lock(mutex_);
  const auto at = connections_.find(connection);
  if (at == connections_.end() || at->second.info.user == user) return;
  if (!at->second.info.user.empty()) {
    const auto before = by_user_.find(at->second.info.user);
    before->second.erase(connection);
    if (before->second.empty()) by_user_.erase(before);
  }
  at->second.info.user = user;
  if (!user.empty()) by_user_[user].insert(connection);
}

// --- Subscriptions.

Hub::Channel* Hub::find(std::string_view channel) {
  const auto at = channels_.find(channel);
  return at == channels_.end() ? nullptr : &at->second;
}
const Hub::Channel* Hub::find(std::string_view channel) const {
  const auto at = channels_.find(channel);
  return at == channels_.end() ? nullptr : &at->second;
}

Hub::Entered Hub::enter(uint64_t connection, const std::string& channel,
                        const ChannelMember* member, bool is_counted) {
  const std::lock_guard lock(mutex_);
  const auto who = connections_.find(connection);
  if (who == connections_.end()) return {};
  const auto [at, is_new] = channels_.try_emplace(channel);
  Channel& there = at->second;
  there.is_counted = is_counted;
  if (there.seats.empty()) note(kChannelOccupied, channel, "");
  if (!there.seats.emplace(connection, who->second.seat).second) return {};
  who->second.channels.insert(channel);
  ++subscriptions_;
  if (member) {
    ChannelMember coming = *member;
    coming.joined_at = log_.now();
    if (there.presence.enter(connection, coming)) {
      note(kMemberJoined, channel, about(coming));
      tell_locked(channel, there.seats, joined(channel, coming), connection);
    }
  }
  if (is_counted && recount_.insert(channel).second) wake_.notify_one();
  return {there.presence.members(), there.seats.size()};
}

void Hub::leave(uint64_t connection, const std::string& channel) {
  const std::lock_guard lock(mutex_);
  const auto who = connections_.find(connection);
  if (who == connections_.end() || who->second.channels.erase(channel) == 0) return;
  leave_locked(connection, channel);
}

void Hub::leave_locked(uint64_t connection, const std::string& channel) {
  const auto at = channels_.find(channel);
  if (at == channels_.end() || at->second.seats.erase(connection) == 0) return;
  --subscriptions_;
  const SteadyTime until = std::chrono::steady_clock::now() + timing_.grace;
  if (const auto when = at->second.presence.leave(connection, until)) {
    leaving_.insert({*when, channel});
    wake_.notify_one();
  }
  if (at->second.is_counted && recount_.insert(channel).second) wake_.notify_one();
  if (at->second.seats.empty()) note(kChannelVacated, channel, "");
  forget_if_empty(at);
}

void Hub::forget_if_empty(Channels::iterator at) {
  if (at->second.seats.empty() && at->second.presence.empty()) channels_.erase(at);
}

// --- Telling.

template <class Task>
void Hub::give(const std::vector<Seat>& seats, Task task) {
  std::map<Mailbox*, std::vector<HearerPointer>> workers;
  for (const Seat& seat : seats) workers[seat.mailbox].push_back(seat.hearer);
  for (auto& [mailbox, hearers] : workers) {
    mailbox->put([hearers = std::move(hearers), task] {
      for (const HearerPointer& hearer : hearers) {
        if (const auto there = hearer.lock()) task(*there);
      }
    });
  }
}

size_t Hub::tell_locked(const std::string& channel, const std::map<uint64_t, Seat>& seats,
                        const AnnouncementPointer& announcement, uint64_t except) {
  std::vector<Seat> to;
  to.reserve(seats.size());
  for (const auto& [number, seat] : seats) {
    if (number != except) to.push_back(seat);
  }
  give(to, [channel, announcement](Hearer& hearer) { hearer.hear(channel, announcement); });
  return to.size();
}

size_t Hub::tell(const std::string& channel, AnnouncementPointer announcement, uint64_t except) {
  const std::lock_guard lock(mutex_);
  const Channel* there = find(channel);
  return there ? tell_locked(channel, there->seats, announcement, except) : 0;
}

size_t Hub::tell_user(const std::string& user, AnnouncementPointer announcement) {
  const std::lock_guard lock(mutex_);
  const auto those = by_user_.find(user);
  if (those == by_user_.end()) return 0;
  std::vector<Seat> to;
  for (const uint64_t number : those->second) to.push_back(connections_.at(number).seat);
  give(to, [announcement](Hearer& hearer) { hearer.hear(kPersonal, announcement); });
  return to.size();
}

size_t Hub::tell_connection(std::string_view name, AnnouncementPointer announcement) {
  const std::lock_guard lock(mutex_);
  const auto at = by_name_.find(std::string(name));
  if (at == by_name_.end()) return 0;
  give({connections_.at(at->second).seat},
       [announcement](Hearer& hearer) { hearer.hear(kPersonal, announcement); });
  return 1;
}

size_t Hub::end_user(const std::string& user, uint16_t code, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  const auto those = by_user_.find(user);
  if (those == by_user_.end()) return 0;
  std::vector<Seat> to;
  for (const uint64_t number : those->second) to.push_back(connections_.at(number).seat);
  give(to, [code, reason](Hearer& hearer) { hearer.end(code, reason); });
  return to.size();
}

size_t Hub::end_connection(std::string_view name, uint16_t code, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  const auto at = by_name_.find(std::string(name));
  if (at == by_name_.end()) return 0;
  give({connections_.at(at->second).seat},
       [code, reason](Hearer& hearer) { hearer.end(code, reason); });
  return 1;
}

// --- Looking.

std::vector<Hub::ChannelInfo> Hub::channels(
    std::string_view prefix, std::string_view after, size_t limit,
    const std::function<bool(std::string_view)>& visible) const {
  const std::lock_guard lock(mutex_);
  std::vector<ChannelInfo> found;
  for (auto at = channels_.lower_bound(prefix); at != channels_.end(); ++at) {
    const auto& [name, channel] = *at;
    if (!name.starts_with(prefix) || found.size() == limit) break;
    if (channel.seats.empty() || (!after.empty() && name <= after) || !visible(name)) continue;
    found.push_back({name, channel.seats.size(), channel.presence.count()});
  }
  return found;
}

Hub::ChannelInfo Hub::channel(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const Channel* there = find(name);
  if (!there) return {.name = name};
  return {name, there->seats.size(), there->presence.count()};
}

std::vector<ChannelMember> Hub::members(const std::string& channel) const {
  const std::lock_guard lock(mutex_);
  const Channel* there = find(channel);
  return there ? there->presence.members() : std::vector<ChannelMember>();
}

std::vector<Hub::ConnectionInfo> Hub::connections(const std::string* channel, uint64_t after,
                                                  size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<ConnectionInfo> found;
  const auto show = [&](const Connection& connection) {
    found.push_back(connection.info);
    found.back().channels.assign(connection.channels.begin(), connection.channels.end());
  };
  if (channel) {
    const Channel* there = find(*channel);
    if (!there) return found;
    for (auto at = there->seats.upper_bound(after); at != there->seats.end(); ++at) {
      if (found.size() == limit) break;
      show(connections_.at(at->first));
    }
    return found;
  }
  for (auto at = connections_.upper_bound(after); at != connections_.end(); ++at) {
    if (found.size() == limit) break;
    show(at->second);
  }
  return found;
}

std::optional<Hub::ConnectionInfo> Hub::connection(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto at = by_name_.find(std::string(name));
  if (at == by_name_.end()) return std::nullopt;
  const Connection& connection = connections_.at(at->second);
  ConnectionInfo info = connection.info;
  info.channels.assign(connection.channels.begin(), connection.channels.end());
  return info;
}

uint64_t Hub::number_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? kNobody : at->second;
}

size_t Hub::connection_count() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

size_t Hub::subscription_count() const {
  const std::lock_guard lock(mutex_);
  return subscriptions_;
}

// --- The hub's own thread.

void Hub::note(std::string type, std::string channel, std::string details) {
  notes_.push_back({std::move(type), std::move(channel), std::move(details)});
  if (notes_.size() == 1) wake_.notify_one();
}

void Hub::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "hub");
    run();
  });
}

void Hub::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Hub::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    // In order, the users that are still waited for have left once the server ends.
    const SteadyTime now = stopping_ ? SteadyTime::max() : std::chrono::steady_clock::now();
    expire(now);
    count(now);
    if (!notes_.empty()) {
      std::vector<Note> notes = std::exchange(notes_, {});
      lock.unlock();
      write(std::move(notes));
      lock.lock();
      continue;
    }
    if (stopping_) return;
    SteadyTime next = SteadyTime::max();
    if (!leaving_.empty()) next = leaving_.begin()->first;
    if (!recount_.empty()) next = std::min(next, counted_ + timing_.counting);
    if (next == SteadyTime::max()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, next);
    }
  }
}

void Hub::expire(SteadyTime now) {
  while (!leaving_.empty() && leaving_.begin()->first <= now) {
    const std::string channel = leaving_.begin()->second;
    leaving_.erase(leaving_.begin());
    const auto at = channels_.find(channel);
    if (at == channels_.end()) continue;
    for (const ChannelMember& member : at->second.presence.expire(now)) {
      note(kMemberLeft, channel, about(member) + ",\"reason\":\"left\"");
      tell_locked(channel, at->second.seats, left(channel, member), kNobody);
    }
    forget_if_empty(at);
  }
}

// Not with each that comes or goes: where all are told of all, that is the square of how many.
void Hub::count(SteadyTime now) {
  if (recount_.empty() || now < counted_ + timing_.counting) return;
  counted_ = now == SteadyTime::max() ? counted_ : now;
  for (const std::string& channel : std::exchange(recount_, {})) {
    const Channel* there = find(channel);
    if (there) tell_locked(channel, there->seats, subscribers(channel, there->seats.size()), 0);
  }
}

}  // namespace strandline::server
