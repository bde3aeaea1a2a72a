// Rounds of kill -9 of a group's members, and of the log that they embed, in the middle of
// everything: each event stays acked, waiting or dead-lettered, one of these and one only; what was
// acked is never given again; and of a key nothing is given while an older one is not acked.
//
// STRANDLINE_GROUP_ROUNDS makes it longer; STRANDLINE_SEED replays the moments.
#include <poll.h>

#include <random>

#include "tests/support/log/log_test.h"
#include "tests/support/log/members.h"
#include "tests/support/process/child.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

using Mode = ConsumerSettings::Mode;

class GroupCrash : public LogTest, public testing::WithParamInterface<Mode> {};

TEST_P(GroupCrash, KillsOfMembersAndLogLoseNothingAndGiveNothingTwiceThatWasAcked) {
  const uint64_t chosen = seed("GroupCrash");
  std::mt19937_64 random(chosen);
  const uint64_t rounds = number_from("STRANDLINE_GROUP_ROUNDS", 12);
  const bool keyed = GetParam() == Mode::keyed;
  GroupAccount account(keyed);
  ASSERT_TRUE(log().create_stream(kGroupStream));
  ASSERT_TRUE(log().create_consumer(
      kGroup, {.mode = GetParam(),
               .select = Selection::stream(kGroupStream),
               .ack_deadline_ms = 20'000,  // a member that stalls is not one that died
               .attempts_max = keyed ? 0u : 3u,
               .unacked_max = 5'000}));
  close();
  for (uint64_t round = 0; round < rounds; ++round) {
    Process process(child_command({"group", data().string()}));
    ASSERT_EQ(process.line(), "opened");
    poll(nullptr, 0, static_cast<int>(random() % 250));
    process.kill_and_wait();
    std::istringstream lines(process.rest_of_output());
    for (std::string line; std::getline(lines, line);) {
      ASSERT_EQ(account.take(line), "") << "round " << round;
    }
  }
  EXPECT_GT(account.given(), rounds);
  const auto found = account.violations(log());
  EXPECT_TRUE(found.empty()) << testing::PrintToString(found);
  std::cout << "GroupCrash: " << rounds << " rounds, " << account.given() << " given, "
            << account.acked() << " acked, " << describe(kGroupStream).tail << " events"
            << std::endl;
}

INSTANTIATE_TEST_SUITE_P(Modes, GroupCrash, testing::Values(Mode::shared, Mode::keyed),
                         [](const auto& mode) { return std::string(name_of(mode.param)); });

}  // namespace
}  // namespace strandline::tests
