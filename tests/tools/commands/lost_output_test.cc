// What a command prints and cannot write is an error of the command; and who has nobody left that
// reads ends.
#include <gmock/gmock.h>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

class LostOutput : public ::testing::Test {
 protected:
  LostOutput() {
    EXPECT_EQ(strandline({"append", "s", "--data", data_}, "one\ntwo\n").exit, 0);
    server_ = std::make_unique<ServerProcess>(data_);
    on_server({"consumers", "create", "c", "s"});
    on_server({"consumers", "create", "g", "s", "--mode", "shared"});
    on_server({"consumers", "set", "plain", "s", "1"});
  }
  Outcome on_server(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--server", server_->address().url()});
    return strandline(std::move(arguments));
  }
  // With a standard output that cannot be written.
  static Outcome full(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(),
                     {"bash", "-c", "exec \"$@\" >/dev/full", "-", STRANDLINE_PROGRAM});
    return run(std::move(arguments), input);
  }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(LostOutput, FailsEveryCommand) {
  const std::vector<std::vector<std::string>> on_a_server = {
      {"append", "x"},
      {"append", "x", "--json"},
      {"read", "s"},
      {"read", "s", "--raw"},
      {"tail", "s", "--limit", "1"},
      {"tail", "--consumer", "c", "--limit", "1"},
      {"tail", "--consumer", "g", "--limit", "1"},
      {"import", "-", "--stream", "x"},
      {"import", "-", "--stream", "x", "--json"},
      {"export", "s"},
      {"export", "--all", "--full"},
      {"streams"},
      {"streams", "--json"},
      {"streams", "show", "s"},
      {"streams", "show", "s", "--json"},
      {"streams", "create", "y"},
      {"streams", "truncate", "s", "--before", "0"},
      {"consumers"},
      {"consumers", "ls"},
      {"consumers", "ls", "--json"},
      {"consumers", "show", "c"},
      {"consumers", "show", "c", "--json"},
      {"consumers", "show", "plain"},
      {"consumers", "create", "d", "s"},
      {"consumers", "reset", "c", "earliest"},
      {"consumers", "reset", "plain", "earliest"},
      {"consumers", "set", "plain", "s", "2"},
      {"consumers", "dead-letters", "g"},
      {"consumers", "replay", "g"},
      {"stats"},
      {"stats", "--json"},
  };
  for (auto arguments : on_a_server) {
    arguments.insert(arguments.end(), {"--server", server_->address().url()});
    const Outcome outcome = full(arguments, "a line\n");
    EXPECT_NE(outcome.exit, 0) << testing::PrintToString(arguments);
    EXPECT_THAT(outcome.errors, testing::HasSubstr("standard output: No space left on device"))
        << testing::PrintToString(arguments);
  }
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"verify", "--data", data_},
                                             {"verify", "--json", "--data", data_},
                                             {"stats", "--data", data_},
                                             {"read", "s", "--data", data_},
                                             {"serve", "--print-config"},
                                             {"--help"},
                                             {"--version"},
                                             {"tail", "--help"},
                                             {"consumers", "create", "--help"}}) {
    const Outcome outcome = full(arguments);
    EXPECT_NE(outcome.exit, 0) << testing::PrintToString(arguments);
    EXPECT_THAT(outcome.errors, testing::HasSubstr("standard output: No space left on device"))
        << testing::PrintToString(arguments);
  }
}

TEST_F(LostOutput, IsNoMatterWhereNothingIsPrinted) {
  EXPECT_EQ(full({"streams", "rm", "s", "--server", server_->address().url()}).exit, 0);
}

TEST_F(LostOutput, EndsAFollowerWhoseReaderHasGoneWithoutANewEvent) {
  const std::string url = server_->address().url();
  for (const std::string what : {"s -n 1", "--consumer c", "--consumer g"}) {
    // The tail's end, and how it ended, come by another way than its output.
    const std::string command = "{ " + std::string(STRANDLINE_PROGRAM) + " tail " + what +
                                " --server " + url + "; echo $? >&2; } | head -n 1";
    const Outcome outcome = run({"bash", "-c", command});
    EXPECT_EQ(std::ranges::count(outcome.output, '\n'), 1) << what;
    EXPECT_THAT(outcome.errors, testing::EndsWith("141\n")) << what << ": as of SIGPIPE";
    EXPECT_EQ(std::ranges::count(outcome.errors, '\n'), 1) << outcome.errors;
  }
  for (const char* consumer : {"c", "g"}) {
    const Json info = server_->client().get(std::string("/v1/consumers/") + consumer).json();
    EXPECT_EQ(info["members"].number(), 0u) << "it left";
    EXPECT_EQ(info["in_flight"].number(), 0u);
  }
}

}  // namespace
}  // namespace strandline::tests
