// `strandline policies`, `holds`, `retention`, and `streams set`: on a directory and on a server.
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

class PolicyCommands : public ::testing::TestWithParam<bool> {
 protected:
  PolicyCommands() {
    if (GetParam()) server_.emplace(directory_ / "data");
  }
  Outcome run(std::vector<std::string> arguments) {
    if (server_) {
      arguments.insert(arguments.end(), {"--server", server_->address().url()});
    } else {
      arguments.insert(arguments.end(), {"--data", (directory_ / "data").string()});
    }
    return strandline(std::move(arguments));
  }

  TemporaryDirectory directory_;
  std::optional<ServerProcess> server_;
};

INSTANTIATE_TEST_SUITE_P(HereAndThere, PolicyCommands, testing::Bool());

TEST_P(PolicyCommands, SayWhatHoldsAndByWhoseWord) {
  ASSERT_EQ(run({"streams", "create", "git.a", "--events-max", "1000"}).exit, 0);
  const Outcome set = run({"policies", "set", "--prefix", "git.", "--age-max", "30d", "--bytes-max",
                           "10GB", "--audit", "on"});
  ASSERT_EQ(set.exit, 0) << set.errors;
  ASSERT_EQ(run({"policies", "set", "--default", "--age-max", "1w"}).exit, 0);
  const Outcome listed = run({"policies"});
  EXPECT_THAT(listed.output, HasSubstr("git.*"));
  EXPECT_THAT(listed.output, HasSubstr("age_max_s 30d"));
  EXPECT_THAT(listed.output, HasSubstr("(every stream)"));
  const Outcome shown = run({"streams", "show", "git.a"});
  EXPECT_THAT(shown.output, HasSubstr("by prefix git."));
  EXPECT_THAT(shown.output, HasSubstr("by its own policy"));
  ASSERT_EQ(run({"streams", "set", "git.a", "--unset", "events-max", "--age-max", "none",
                 "--description", "d"})
                .exit,
            0);
  const Outcome again = run({"streams", "show", "git.a", "--json"});
  EXPECT_THAT(again.output, HasSubstr(R"("policy":{"age_max_s":"none"})"));
  EXPECT_THAT(again.output, HasSubstr(R"("description":"d")"));
  ASSERT_EQ(run({"policies", "rm", "--prefix", "git."}).exit, 0);
  EXPECT_THAT(run({"policies", "--json"}).output, Not(HasSubstr("git.")));
}

TEST_P(PolicyCommands, RefuseWhatIsNoPolicy) {
  ASSERT_EQ(run({"streams", "create", "s"}).exit, 0);
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"streams", "set", "s"},
           {"streams", "set", "s", "--age-max", "soon"},
           {"streams", "set", "s", "--bytes-max", "0"},
           {"streams", "set", "s", "--audit", "perhaps"},
           {"streams", "set", "s", "--unset", "nothing"},
           {"policies", "set", "--age-max", "1d"},
           {"policies", "set", "--prefix", "a", "--default", "--age-max", "1d"},
           {"policies", "set", "--prefix", "a"},
           {"holds", "create", "h", "--reason", "r"},
           {"streams", "truncate", "s", "--yes"}}) {
    const Outcome outcome = run(wrong);
    EXPECT_EQ(outcome.exit, 2) << outcome.output << outcome.errors;
    EXPECT_FALSE(outcome.errors.empty());
  }
  EXPECT_NE(run({"streams", "set", "other", "--age-max", "1d"}).exit, 0);
}

TEST_P(PolicyCommands, HoldAndRelease) {
  ASSERT_EQ(run({"streams", "create", "s"}).exit, 0);
  const Outcome laid = run({"holds", "create", "case-12", "--prefix", "s", "--reason", "litigation",
                            "--until", "2999-01-01"});
  ASSERT_EQ(laid.exit, 0) << laid.errors;
  EXPECT_THAT(run({"holds"}).output, HasSubstr("litigation"));
  EXPECT_THAT(run({"streams", "show", "s"}).output, HasSubstr("case-12"));
  const Outcome refused = run({"streams", "rm", "s", "--yes"});
  EXPECT_NE(refused.exit, 0);
  EXPECT_THAT(refused.errors, HasSubstr("case-12"));
  ASSERT_EQ(run({"holds", "release", "case-12"}).exit, 0);
  EXPECT_EQ(run({"streams", "rm", "s", "--yes"}).exit, 0);
}

TEST_P(PolicyCommands, TruncateBeforeATime) {
  ASSERT_EQ(run({"streams", "create", "s"}).exit, 0);
  const Outcome would =
      run({"streams", "truncate", "s", "--before-time", "2999-01-01", "--dry-run"});
  EXPECT_EQ(would.exit, 0) << would.errors;
  EXPECT_THAT(would.output, HasSubstr("stored before 2999-01-01T00:00:00"));
  const Outcome done = run({"streams", "truncate", "s", "--before-time", "2999-01-01", "--yes"});
  EXPECT_EQ(done.exit, 0) << done.errors;
  EXPECT_EQ(done.output, "start 0\n");
}

TEST_P(PolicyCommands, SayWhatRetentionHasDone) {
  ASSERT_EQ(run({"streams", "create", "s"}).exit, 0);
  const Outcome told = run({"retention"});
  EXPECT_EQ(told.exit, 0) << told.errors;
  EXPECT_THAT(told.output, HasSubstr("paused               no"));
  EXPECT_THAT(run({"retention", "--json"}).output, HasSubstr("\"reclaimed_bytes\":"));
  const Outcome confirmed = run({"retention", "confirm"});
  EXPECT_NE(confirmed.exit, 0);
  EXPECT_THAT(confirmed.errors, HasSubstr("not paused"));
}

}  // namespace
}  // namespace strandline::tests
