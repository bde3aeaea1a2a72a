// The command line: every subcommand, against a server and against a directory alike.
#include <filesystem>
#include <fstream>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

class CommandLine : public ::testing::Test {
 protected:
  // The subcommand on the directory.
  Outcome on_data(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), {"--data", data_});
    return strandline(std::move(arguments), input);
  }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
};

TEST_F(CommandLine, EverySubcommandHasHelpWithAnExample) {
  for (const char* command : {"serve", "append", "read", "tail", "streams", "consumers", "import",
                              "export", "verify", "stats"}) {
    const Outcome help = strandline({command, "--help"});
    EXPECT_EQ(help.exit, 0) << command;
    EXPECT_THAT(help.output, testing::HasSubstr(std::string("strandline ") + command));
    EXPECT_EQ(strandline({command, "--no-such-flag"}).exit, 2) << command;
  }
  EXPECT_EQ(strandline({"--help"}).exit, 0);
  EXPECT_EQ(strandline({"nonsense"}).exit, 2);
}

TEST_F(CommandLine, AppendAndReadGoRound) {
  ASSERT_EQ(on_data({"append", "s"}, "first\nsecond\n").exit, 0);
  ASSERT_EQ(on_data({"append", "s"}, "{\"type\":\"third\",\"id\":\"3\"}\n").exit, 0);
  const Outcome read = on_data({"read", "s"});
  ASSERT_EQ(read.exit, 0) << read.errors;
  std::istringstream in(read.output);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 3u) << read.output;
  EXPECT_EQ(Json::parse(lines[0])["data"].str(), "first");
  EXPECT_EQ(Json::parse(lines[2])["type"].str(), "third");
  EXPECT_EQ(Json::parse(lines[2])["id"].str(), "3");
  EXPECT_EQ(Json::parse(lines[2])["offset"].number(), 2u);
}

TEST_F(CommandLine, ReadsTheDirectoryOfARunningServer) {
  ServerProcess server(data_);
  server.client().post("/v1/streams/s/events", json_events("s", 0, 20));
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"read", "s"}, {"export", "s"}, {"export", "--all"}}) {
    const Outcome outcome = on_data(arguments);
    EXPECT_EQ(outcome.exit, 0) << outcome.errors;
    EXPECT_EQ(std::ranges::count(outcome.output, '\n'), 20) << arguments[0];
  }
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"streams", "--json"}, {"stats", "--json"}, {"verify", "--json"}}) {
    const Outcome outcome = on_data(arguments);
    EXPECT_EQ(outcome.exit, 0) << arguments[0] << ": " << outcome.errors;
    EXPECT_NO_THROW(Json::parse(outcome.output.substr(0, outcome.output.find('\n'))))
        << arguments[0];
  }
  EXPECT_EQ(server.client().post("/v1/streams/s/events", json_events("s", 20, 1)).status, 201u);
  EXPECT_EQ(on_data({"append", "s"}, "x\n").exit, 5);  // but nobody else writes
}

TEST_F(CommandLine, TailWaitsForAStreamWhereItIsAskedTo) {
  ServerProcess server(data_);
  const std::string url = server.address().url();
  const Outcome missing = strandline({"tail", "s", "--server", url});
  EXPECT_NE(missing.exit, 0);
  EXPECT_THAT(missing.errors, testing::HasSubstr("--wait"));
  EXPECT_EQ(strandline({"tail", "--all", "--wait", "--server", url}).exit, 2);
  EXPECT_EQ(strandline({"tail", "s", "--wait", "--data", (directory_ / "own").string()}).exit, 2);
  Process tail({STRANDLINE_PROGRAM, "tail", "s", "--wait", "--limit", "2", "--server", url});
  // Only once it is there is it waited for.
  HttpClient client = server.client();
  ASSERT_TRUE(eventually([&] {
    return client.get("/metrics").body.find("\nstrandline_http_followers 1\n") != std::string::npos;
  }));
  client.post("/v1/streams/s/events", json_events("s", 0, 3));
  for (uint64_t i = 0; i < 2; ++i) {
    EXPECT_EQ(Json::parse(tail.line().value())["offset"].number(), i);
  }
  EXPECT_EQ(tail.wait(), 0);
}

TEST_F(CommandLine, TailFollowsAndResumesOverARestart) {
  auto server = std::make_unique<ServerProcess>(data_);
  const std::string port = server->address().port;
  server->client().post("/v1/streams/s/events", json_events("s", 0, 3));
  Process tail(
      {STRANDLINE_PROGRAM, "tail", "s", "--from", "earliest", "--server", server->address().url()});
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(Json::parse(tail.line().value())["offset"].number(), i);
  }
  server->kill();
  server = std::make_unique<ServerProcess>(data_, std::vector<std::string>{}, port);
  server->client().post("/v1/streams/s/events", json_events("s", 3, 3));
  for (uint64_t i = 3; i < 6; ++i) {
    EXPECT_EQ(Json::parse(tail.line().value())["offset"].number(), i);
  }
}

TEST_F(CommandLine, VerifyFindsDamageAndSaysSo) {
  ASSERT_EQ(on_data({"append", "s"}, "first line\n").exit, 0);
  // Opening it again flushes the first line to a table file.
  ASSERT_EQ(on_data({"append", "s"}, "second line\n").exit, 0);
  const Outcome sound = on_data({"verify"});
  EXPECT_EQ(sound.exit, 0);
  EXPECT_EQ(sound.errors, "");
  EXPECT_EQ(strandline({"verify", "--data", (directory_ / "none").string()}).exit, 3);
  int spoilt = 0;
  for (const auto& file : files_below(data_, ".sst")) {
    std::string bytes = read_file(file);
    const size_t at = bytes.find("first line");
    if (at == std::string::npos) continue;
    bytes[at] ^= 1;
    write_file(file, bytes);
    ++spoilt;
  }
  ASSERT_EQ(spoilt, 1);
  const Outcome damaged = on_data({"verify"});
  EXPECT_EQ(damaged.exit, 1);
  EXPECT_THAT(damaged.output + damaged.errors, testing::HasSubstr("stream \"s\", offset 0"));
}

TEST_F(CommandLine, PrintConfigSaysWhereEachValueCameFrom) {
  const auto file = directory_ / "strandline.toml";
  write_file(file, "[serve]\nlisten = \"127.0.0.1:1234\"\nthreads = 3\n");
  const Outcome config = strandline(
      {"serve", "--config", file.string(), "--threads", "2", "--data", data_, "--print-config"});
  ASSERT_EQ(config.exit, 0) << config.errors;
  EXPECT_THAT(config.output, testing::HasSubstr("127.0.0.1:1234"));     // the file's
  EXPECT_THAT(config.output, testing::ContainsRegex("threads *= *2"));  // the flag's
  write_file(file, "[serve]\nlitsen = \"x\"\n");
  EXPECT_EQ(strandline({"serve", "--config", file.string(), "--print-config"}).exit, 2);
}

TEST_F(CommandLine, ATailWhoseServerWasNeverReachedEnds) {
  for (const std::vector<std::string>& what :
       std::vector<std::vector<std::string>>{{"s"},
                                             {"s", "--wait"},
                                             {"s", "t"},
                                             {"--all"},
                                             {"--prefix", "s"},
                                             {"--consumer", "c"},
                                             {"--consumer", "c", "--exec", "true"}}) {
    std::vector<std::string> arguments = {"timeout", "60", STRANDLINE_PROGRAM, "tail"};
    arguments.insert(arguments.end(), what.begin(), what.end());
    arguments.insert(arguments.end(), {"--server", "127.0.0.1:1"});
    const Outcome outcome = run(std::move(arguments));
    EXPECT_EQ(outcome.exit, 6) << testing::PrintToString(what);
    EXPECT_EQ(std::ranges::count(outcome.errors, '\n'), 1) << outcome.errors;
    EXPECT_THAT(outcome.errors, testing::HasSubstr("127.0.0.1:1"));
  }
}

// Only what brings the first events or the first stream makes a log, and only if it may be so
// named.
TEST_F(CommandLine, WhatHasNoLogToWorkOnMakesNone) {
  const auto file = directory_ / "lines";
  write_file(file, "one\n");
  const std::pair<std::vector<std::string>, int> commands[] = {
      {{"read", "s"}, 3},
      {{"export", "s"}, 3},
      {{"streams"}, 3},
      {{"streams", "show", "s"}, 3},
      {{"streams", "rm", "s"}, 3},
      {{"streams", "truncate", "s", "--before", "1"}, 3},
      {{"tail", "s", "--limit", "1"}, 3},
      {{"tail", "--all", "--limit", "1"}, 3},
      {{"tail", "--consumer", "c"}, 3},
      {{"consumers"}, 3},
      {{"consumers", "show", "c"}, 3},
      {{"consumers", "create", "c", "s"}, 3},
      {{"consumers", "rm", "c"}, 3},
      {{"consumers", "reset", "c", "earliest"}, 3},
      {{"consumers", "skip", "c"}, 3},
      {{"consumers", "replay", "c"}, 3},
      {{"consumers", "dead-letters", "c"}, 3},
      {{"consumers", "set", "c", "--max-attempts", "2"}, 3},
      {{"consumers", "set", "c", "s", "5"}, 3},
      {{"stats"}, 3},
      {{"verify"}, 3},
      {{"append", ".."}, 2},
      {{"streams", "create", ".."}, 2},
      {{"consumers", "create", "..", "s"}, 2},
      {{"import", file.string()}, 2},
      {{"import", file.string(), "--stream", ".."}, 2}};
  for (const auto& [command, exit] : commands) {
    const Outcome outcome = on_data(command, "x\n");
    EXPECT_EQ(outcome.exit, exit) << testing::PrintToString(command) << outcome.errors;
    EXPECT_EQ(outcome.errors.find("no such directory") != std::string::npos, exit == 3);
    EXPECT_EQ(outcome.output, "");
    ASSERT_FALSE(std::filesystem::exists(data_)) << testing::PrintToString(command);
  }
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"append", "s"},
                                             {"streams", "create", "s"},
                                             {"import", file.string(), "--stream", "s"}}) {
    EXPECT_EQ(on_data(command, "x\n").exit, 0) << testing::PrintToString(command);
    EXPECT_TRUE(std::filesystem::exists(data_));
    std::filesystem::remove_all(data_);
  }
}

TEST_F(CommandLine, ANameThatIsNoneIsAMistakeHereAndOnAServer) {
  ASSERT_EQ(on_data({"append", "s"}, "x\n").exit, 0);
  TemporaryDirectory elsewhere;
  ServerProcess server(elsewhere / "data");
  for (const std::string name : {".", "..", "$x", "a\nb", ""}) {
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"read", name},
             {"read", "s", name},
             {"tail", name, "--limit", "1"},
             {"export", name},
             {"append", name},
             {"streams", "show", name},
             {"streams", "create", name},
             {"streams", "rm", name},
             {"streams", "truncate", name, "--before", "1"},
             {"tail", "--consumer=" + (name.empty() ? ".." : name)},
             {"consumers", "show", name},
             {"consumers", "create", name, "s"},
             {"consumers", "create", "c", name},
             {"consumers", "reset", name, "earliest"},
             {"consumers", "rm", name},
             {"consumers", "skip", name},
             {"consumers", "dead-letters", name}}) {
      const Outcome here = on_data(command, "x\n");
      EXPECT_EQ(here.exit, 2) << testing::PrintToString(command) << here.errors;
      if (command[0] == "tail") {
        EXPECT_THAT(here.errors, testing::Not(testing::HasSubstr("consumers create")));
      }
      std::vector<std::string> there = command;
      there.insert(there.end(), {"--server", server.address().url()});
      EXPECT_EQ(strandline(there, "x\n").exit, 2) << testing::PrintToString(command);
    }
  }
}

TEST_F(CommandLine, AConfigurationThatCannotBeReadIsSaid) {
  const Outcome directory =
      strandline({"serve", "--print-config", "--config", directory_.path().string()});
  EXPECT_EQ(directory.exit, 2);
  EXPECT_THAT(directory.errors, testing::HasSubstr("is a directory"));
  const Outcome missing =
      strandline({"serve", "--print-config", "--config", (directory_ / "none.toml").string()});
  EXPECT_EQ(missing.exit, 2);
  EXPECT_THAT(missing.errors, testing::HasSubstr("No such file"));
  const auto file = directory_ / "withheld.toml";
  write_file(file, "[serve]\nthreads = 3\n");
  std::filesystem::permissions(file, std::filesystem::perms::none);
  if (std::ifstream(file)) return;  // this user may read everything
  const Outcome withheld = strandline({"serve", "--print-config", "--config", file.string()});
  EXPECT_EQ(withheld.exit, 2);
  EXPECT_THAT(withheld.errors, testing::HasSubstr("Permission denied"));
}

TEST_F(CommandLine, FailuresAreOneLineOnStandardError) {
  const Outcome missing = strandline({"read", "s", "--server", "http://127.0.0.1:1"});
  EXPECT_EQ(missing.exit, 6);
  EXPECT_EQ(missing.output, "");
  EXPECT_THAT(missing.errors, testing::StartsWith("strandline: "));
}

}  // namespace
}  // namespace strandline::tests
