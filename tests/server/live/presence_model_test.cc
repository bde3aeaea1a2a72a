// Presence against a plain map: random joins, leaves, and time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "server/live/presence.h"

namespace strandline::tests {
namespace {

using server::ChannelMember;
using server::Presence;
using server::SteadyTime;

// Each user's connections, and until when one without any is there still.
struct PlainUser {
  std::set<uint64_t> connections;
  std::optional<SteadyTime> until;
};

TEST(PresenceModel, AUserIsThereAsAPlainMapHasIt) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t n) { return random() % n; };
  for (int round = 0; round < 200; ++round) {
    Presence presence;
    std::map<std::string, PlainUser> plain;
    std::map<uint64_t, std::string> connections;
    SteadyTime now{};
    uint64_t last = 0;
    for (int step = 0; step < 200; ++step) {
      now += std::chrono::milliseconds(below(300));
      // Whose time is over has left: each once, and nobody else.
      std::set<std::string> left, expected;
      for (const ChannelMember& member : presence.expire(now)) {
        EXPECT_TRUE(left.insert(member.user).second);
      }
      for (const auto& [name, user] : plain) {
        if (user.until && *user.until <= now) expected.insert(name);
      }
      ASSERT_EQ(left, expected);
      for (const std::string& name : expected) plain.erase(name);

      if (connections.empty() || below(2) == 0) {
        const std::string name = "u" + std::to_string(below(5));
        const uint64_t connection = ++last;
        const bool is_new = presence.enter(connection, {.user = name});
        ASSERT_EQ(is_new, !plain.contains(name));
        plain[name].connections.insert(connection);
        plain[name].until = std::nullopt;
        connections.emplace(connection, name);
      } else {
        auto at = connections.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(below(connections.size())));
        const SteadyTime until = now + std::chrono::milliseconds(500);
        PlainUser& user = plain.at(at->second);
        user.connections.erase(at->first);
        if (user.connections.empty()) user.until = until;
        ASSERT_EQ(presence.leave(at->first, until), user.until);
        ASSERT_EQ(presence.leave(at->first, until), std::nullopt);  // it has left already
        connections.erase(at);
      }
      std::vector<std::string> there, wanted;
      for (const ChannelMember& member : presence.members()) there.push_back(member.user);
      for (const auto& [name, user] : plain) wanted.push_back(name);
      ASSERT_EQ(there, wanted);
    }
  }
}

}  // namespace
}  // namespace strandline::tests
