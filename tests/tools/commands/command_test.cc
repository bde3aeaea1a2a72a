// The command line: every subcommand, against a server and against a directory alike.
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

TEST_F(CommandLine, FailuresAreOneLineOnStandardError) {
  const Outcome missing = strandline({"read", "s", "--server", "http://127.0.0.1:1"});
  EXPECT_EQ(missing.exit, 6);
  EXPECT_EQ(missing.output, "");
  EXPECT_THAT(missing.errors, testing::StartsWith("strandline: "));
}

}  // namespace
}  // namespace strandline::tests
