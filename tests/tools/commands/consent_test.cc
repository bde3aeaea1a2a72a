// What takes something away says what it will do, and is done only with consent.
#include <gmock/gmock.h>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using Arguments = std::vector<std::string>;

struct Destructive {
  Arguments command;
  std::string says;  // of what it will do
  std::string act;   // of it in $admin
};

const std::vector<Destructive>& destructive() {
  static const std::vector<Destructive> all = {
      {{"streams", "truncate", "s", "--before", "1"},
       "forgets the events of \"s\" below offset 1 (1 of 3)",
       "strandline.stream.truncated"},
      {{"consumers", "reset", "c", "latest"},
       "moves the consumer \"c\"",
       "strandline.consumer.reset"},
      {{"consumers", "rm", "c"}, "deletes the consumer \"c\"", "strandline.consumer.deleted"},
      {{"consumers", "reset", "plain", "earliest"},
       "moves 1 committed positions of the reader \"plain\"",
       "strandline.consumer.reset"},
      {{"consumers", "rm", "plain"},
       "deletes 1 committed positions of the reader \"plain\"",
       "strandline.consumer.deleted"},
      {{"keys", "revoke", "k"}, "ends the key \"k\" (read:s)", "strandline.key.revoked"},
      {{"streams", "rm", "s"},
       "removes the stream \"s\" and all its events (2,",
       "strandline.stream.deleted"}};
  return all;
}

class Consents : public ::testing::Test {
 protected:
  Consents() {
    on_data({"append", "s"}, "one\ntwo\nthree\n");
    on_data({"consumers", "create", "c", "s"});
    on_data({"consumers", "set", "plain", "s", "1"});
    on_data({"keys", "create", "k", "--grant", "read:s"});
  }
  Outcome on_data(Arguments arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), {"--data", data_});
    return strandline(std::move(arguments), input);
  }
  // All that any of them could change.
  std::string state() {
    std::string all;
    for (const Arguments& command :
         {Arguments{"streams", "--json"}, {"consumers", "--json"}, {"keys", "--json"}}) {
      all += on_data(command).output;
    }
    return all;
  }
  // (The tests' own environment has it off.)
  Outcome written_down(Arguments arguments) {
    arguments.insert(arguments.begin(),
                     {"env", "STRANDLINE_RECORD_ADMINISTRATION=true", STRANDLINE_PROGRAM});
    arguments.insert(arguments.end(), {"--data", data_});
    return run(std::move(arguments));
  }
  std::string acts() { return on_data({"read", "$admin"}).output; }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
};

TEST_F(Consents, ADryRunSaysWhatWouldBeDoneAndDoesNothing) {
  const std::string before = state(), acts_before = acts();
  for (const Destructive& one : destructive()) {
    Arguments command = one.command;
    command.push_back("--dry-run");
    const Outcome outcome = on_data(command);
    EXPECT_EQ(outcome.exit, 0) << outcome.errors;
    // (The last finds what the first would have taken.)
    EXPECT_THAT(outcome.output, HasSubstr(one.says.substr(0, one.says.find(" (2,"))));
    EXPECT_THAT(outcome.output, HasSubstr("Nothing was done"));
    command.push_back("--json");
    EXPECT_EQ(Json::parse(on_data(command).output)["dry_run"].text(), "true");
  }
  EXPECT_EQ(state(), before);
  EXPECT_EQ(acts(), acts_before);
}

TEST_F(Consents, AScriptThatDoesNotSayYesChangesNothing) {
  const std::string before = state();
  for (const Destructive& one : destructive()) {
    const Outcome outcome = on_data(one.command, "y\n");  // no terminal: it is not asked
    EXPECT_EQ(outcome.exit, 2) << one.says;
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors, HasSubstr("nothing was done"));
    EXPECT_THAT(outcome.errors, HasSubstr("--yes"));
  }
  EXPECT_EQ(state(), before);
}

TEST_F(Consents, WithYesItSaysWhatItDoesAndIsWrittenDown) {
  for (const Destructive& one : destructive()) {
    SCOPED_TRACE(one.says);
    const std::string acts_before = acts();
    Arguments command = one.command;
    command.push_back("--yes");
    const Outcome outcome = written_down(command);
    EXPECT_EQ(outcome.exit, 0) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr(one.says));
    const std::string acts_since = acts().substr(acts_before.size());
    EXPECT_EQ(std::ranges::count(acts_since, '\n'), 1) << acts_since;
    EXPECT_THAT(acts_since, HasSubstr('"' + one.act + '"'));
  }
}

TEST_F(Consents, OnATerminalItAsks) {
  const auto on_terminal = [&](const std::string& answer) {
    const std::string command = std::string(STRANDLINE_PROGRAM) + " streams rm s --data " + data_;
    return run({"script", "-qec", command, "/dev/null"}, answer);
  };
  const std::string before = state();
  const Outcome refused = on_terminal("n\n");
  EXPECT_EQ(refused.exit, 5) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("Go on? [y/N]"));
  EXPECT_EQ(state(), before);
  EXPECT_EQ(on_terminal("yes\n").exit, 0);
  EXPECT_NE(state(), before);
}

TEST_F(Consents, ADryRunOnlyReadsADirectoryThatAServerOwns) {
  const ServerProcess server(data_);
  const Outcome outcome = on_data({"streams", "rm", "s", "--dry-run"});
  EXPECT_EQ(outcome.exit, 0) << outcome.errors;
  EXPECT_EQ(on_data({"streams", "rm", "s", "--yes"}).exit, 5);
}

}  // namespace
}  // namespace strandline::tests
