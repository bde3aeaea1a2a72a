// Durable channels are kept for seven days, unless somebody says otherwise; and what was there
// before does not begin to go.
#include "server/live/channel_retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/api/policy.h"
#include "tests/support/log/directory.h"

namespace strandline::tests {
namespace {

using server::ChannelRules;
using server::LiveApp;

// Of the prefixes whose policy says an age.
std::map<std::string, uint64_t> ages(const Log& log) {
  std::map<std::string, uint64_t> found;
  for (const ScopedPolicy& one : log.policies()) {
    const auto age = one.policy.find(PolicyField::age_max_s);
    if (one.scope.prefix && age != one.policy.end()) {
      found[one.scope.name] = std::get<uint64_t>(age->second);
    }
  }
  return found;
}

TEST(ChannelRetention, IsSevenDaysWhereNobodySaysOtherwise) {
  const TemporaryDirectory directory;
  auto log = Log::open(directory / "log").value();
  const auto rules =
      ChannelRules::parse("news-*=open,cursors-*=ephemeral,*=open,old-*=counts,one=open").value();
  // There before: it stays for ever, if nobody says otherwise.
  ASSERT_TRUE(log->create_stream("old-1"));
  ASSERT_TRUE(log->change_policy("presence-", {{PolicyField::age_max_s, kNoLimit}}));
  const LiveApp none, app{.id = "a", .key = "k", .secret = "s"};
  server::keep_channels_for_a_week(*log, {}, none);
  EXPECT_THAT(ages(*log), testing::ElementsAre(testing::Pair("presence-", kNoLimit)));
  for (int again = 0; again < 2; ++again) {
    server::keep_channels_for_a_week(*log, rules, app);
    EXPECT_THAT(ages(*log), testing::ElementsAre(testing::Pair("news-", 7u * 24 * 3600),
                                                 testing::Pair("presence-", kNoLimit),
                                                 testing::Pair("private-", 7u * 24 * 3600)));
  }
}

}  // namespace
}  // namespace strandline::tests
