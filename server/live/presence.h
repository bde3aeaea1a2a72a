// Who is in one presence channel: users, each with all of its connections.
//
// A user is there once, from its first connection until a while after its last: whoever comes back
// in time was never away. Time is the caller's to say, so that this can be tested against a plain
// map. *Threads*: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/api/types.h"
#include "server/base/coroutine.h"

namespace strandline::server {

inline constexpr size_t kUserBytesMax = 128;
inline constexpr size_t kUserInfoBytesMax = 2'048;

struct ChannelMember {
  std::string user;
  std::string info = {};  // JSON; empty: none
  Timestamp joined_at = {};
};

class Presence {
 public:
  // True: the user was not there. A connection is one user's, and enters once.
  bool enter(uint64_t connection, ChannelMember member);
  // When the user's time is over, if this was its last connection.
  std::optional<SteadyTime> leave(uint64_t connection, SteadyTime until);
  // Those whose time is over: they have left.
  std::vector<ChannelMember> expire(SteadyTime now);

  std::vector<ChannelMember> members() const;  // in order of their names
  const ChannelMember* of(uint64_t connection) const;
  size_t count() const { return users_.size(); }
  bool empty() const { return users_.empty(); }

 private:
  struct User {
    ChannelMember member;
    std::set<uint64_t> connections = {};
    SteadyTime until = SteadyTime::max();  // without a connection
  };
  std::map<std::string, User, std::less<>> users_;
  std::map<uint64_t, std::string> connections_;
  std::set<std::pair<SteadyTime, std::string>> leaving_;
};

}  // namespace strandline::server
