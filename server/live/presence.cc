#include "server/live/presence.h"

#include "engine/base/check.h"

namespace strandline::server {

bool Presence::enter(uint64_t connection, ChannelMember member) {
  const bool is_first = connections_.emplace(connection, member.user).second;
  CHECK_TRUE(is_first);
  const auto [at, is_new] = users_.try_emplace(member.user);
  User& user = at->second;
  if (is_new) user.member = std::move(member);
  if (user.until != SteadyTime::max()) {
    leaving_.erase({user.until, at->first});
    user.until = SteadyTime::max();
  }
  user.connections.insert(connection);
  return is_new;
}

std::optional<SteadyTime> Presence::leave(uint64_t connection, SteadyTime until) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return std::nullopt;
  User& user = users_.at(found->second);
  connections_.erase(found);
  user.connections.erase(connection);
  if (!user.connections.empty()) return std::nullopt;
  user.until = until;
  leaving_.insert({until, user.member.user});
  return until;
}

std::vector<ChannelMember> Presence::expire(SteadyTime now) {
  std::vector<ChannelMember> left;
  while (!leaving_.empty() && leaving_.begin()->first <= now) {
    const auto user = users_.find(leaving_.begin()->second);
    left.push_back(std::move(user->second.member));
    users_.erase(user);
    leaving_.erase(leaving_.begin());
  }
  return left;
}

std::vector<ChannelMember> Presence::members() const {
  std::vector<ChannelMember> all;
  all.reserve(users_.size());
  for (const auto& [name, user] : users_) all.push_back(user.member);
  return all;
}

const ChannelMember* Presence::of(uint64_t connection) const {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? nullptr : &users_.at(found->second).member;
}

}  // namespace strandline::server
