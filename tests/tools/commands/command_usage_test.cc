// What is wrong with a command line, a setting or an address is said before anything is made; what
// hands type by habit works or is answered with the right command; and a command's end tells a
// script why, by its exit code.
#include <sys/socket.h>

#include <filesystem>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

using Arguments = std::vector<std::string>;

std::string words_of(const Arguments& arguments) {
  std::string text;
  for (const std::string& argument : arguments) text += argument.substr(0, 40) + " ";
  return text;
}

class ServeUsage : public ::testing::Test {
 protected:
  Outcome serve(Arguments flags, Arguments environment = {}) {
    Arguments all = {"env"};
    all.insert(all.end(), environment.begin(), environment.end());
    all.insert(all.end(), {STRANDLINE_PROGRAM, "serve", "--data", data_});
    all.insert(all.end(), flags.begin(), flags.end());
    return run(all);
  }
  void expect_refused(const Outcome& outcome, const std::string& what, int exit = 2) {
    EXPECT_EQ(outcome.exit, exit) << what << ": " << outcome.errors;
    EXPECT_EQ(outcome.output, "") << what;
    EXPECT_FALSE(std::filesystem::exists(data_)) << what << " made the log";
  }
  std::string config(const std::string& line) {
    const auto file = directory_ / "strandline.toml";
    write_file(file, "[serve]\n" + line + "\n");
    return file.string();
  }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
};

TEST_F(ServeUsage, AWrongSettingIsRefusedByFlagVariableAndFileBeforeALogIsMade) {
  const std::tuple<const char*, const char*, const char*> wrong[] = {
      {"listen", "STRANDLINE_LISTEN", "127.0.0.1:87526"},
      {"listen", "STRANDLINE_LISTEN", "127.0.0.1"},
      {"listen", "STRANDLINE_LISTEN", "::1:7070"},
      {"authorities", "STRANDLINE_AUTHORITIES", "a,b:65536"},
      {"threads", "STRANDLINE_THREADS", "-1"},
      {"threads", "STRANDLINE_THREADS", "18446744073709551616"},
      {"connections_max", "STRANDLINE_CONNECTIONS_MAX", "10k"},
      {"segment_size", "STRANDLINE_SEGMENT_SIZE", "-64MiB"},
      {"segment_size", "STRANDLINE_SEGMENT_SIZE", "1"},
      {"disk_reserve", "STRANDLINE_DISK_RESERVE", "1.5 potatoes"},
      {"idempotency_ttl", "STRANDLINE_IDEMPOTENCY_TTL", "3600"},
      {"segment_age", "STRANDLINE_SEGMENT_AGE", "-5m"},
      {"log_level", "STRANDLINE_LOG_LEVEL", "loud"},
      {"log_json", "STRANDLINE_LOG_JSON", "perhaps"},
      {"log_json", "STRANDLINE_LOG_JSON", "0x10"},
      {"log_json", "STRANDLINE_LOG_JSON", "-1"},
      {"create_streams_on_append", "STRANDLINE_CREATE_STREAMS_ON_APPEND", "+1"},
      {"create_streams_on_append", "STRANDLINE_CREATE_STREAMS_ON_APPEND", "1_000"},
      {"create_streams_on_append", "STRANDLINE_CREATE_STREAMS_ON_APPEND", "1e3"},
      {"create_streams_on_append", "STRANDLINE_CREATE_STREAMS_ON_APPEND", "1.0"},
      {"create_streams_on_append", "STRANDLINE_CREATE_STREAMS_ON_APPEND", "2"}};
  for (const auto& [name, variable, value] : wrong) {
    const std::string what = std::string(name) + " = " + value;
    std::string flag = "--" + std::string(name);
    std::ranges::replace(flag, '_', '-');
    expect_refused(serve({flag + "=" + value}), what);
    const Outcome by_variable = serve({}, {std::string(variable) + "=" + value});
    expect_refused(by_variable, what);
    EXPECT_THAT(by_variable.errors, testing::HasSubstr(variable));
    const Outcome by_file = serve({"--config", config(std::string(name) + " = \"" + value + "\"")});
    expect_refused(by_file, what);
    EXPECT_THAT(by_file.errors, testing::HasSubstr("strandline.toml:2"));
  }
  expect_refused(serve({"--config", config("threads = -1")}), "an integer below 0");
  expect_refused(serve({"--config", config("idempotency_ttl = 60")}), "a duration without a unit");
}

TEST_F(ServeUsage, SizesAndDurationsAreReadByFlagVariableAndFile) {
  const Outcome config_print =
      serve({"--segment-size", "64M", "--config",
             config("disk_reserve = 1048576\nsegment_age = \"90m\""), "--print-config"},
            {"STRANDLINE_IDEMPOTENCY_TTL=30d"});
  ASSERT_EQ(config_print.exit, 0) << config_print.errors;
  for (const char* line : {"segment_size = \"64MiB\" .*--segment-size",
                           "disk_reserve = \"1MiB\" .*toml:2", "segment_age = \"90m\" .*toml:3",
                           "idempotency_ttl = \"30d\" .*STRANDLINE_IDEMPOTENCY_TTL"}) {
    EXPECT_THAT(config_print.output, testing::ContainsRegex(line));
  }
  // What is printed is read again.
  write_file(directory_ / "again.toml", config_print.output);
  const Outcome again = serve({"--config", (directory_ / "again.toml").string(), "--print-config"});
  EXPECT_EQ(again.exit, 0) << again.errors;
}

TEST_F(ServeUsage, ATruthIsReadTheSameByFlagAndVariable) {
  for (const auto& [word, truth] : {std::pair{"", "true"},
                                    {"=true", "true"},
                                    {"=yes", "true"},
                                    {"=1", "true"},
                                    {"=false", "false"},
                                    {"=off", "false"},
                                    {"=0", "false"}}) {
    const Outcome by_flag =
        serve({std::string("--create-streams-on-append") + word, "--print-config"});
    EXPECT_EQ(by_flag.exit, 0) << word << by_flag.errors;
    EXPECT_THAT(by_flag.output,
                testing::HasSubstr(std::string("create_streams_on_append = ") + truth + " "));
    if (!*word) continue;
    const Outcome by_variable =
        serve({"--print-config"}, {std::string("STRANDLINE_CREATE_STREAMS_ON_APPEND") + word});
    EXPECT_THAT(by_variable.output,
                testing::HasSubstr(std::string("create_streams_on_append = ") + truth + " "));
  }
  EXPECT_EQ(serve({"--log-json", "--log-json", "--print-config"}).exit, 0);
}

TEST_F(ServeUsage, AnAddressThatCannotBeHadIsToldBeforeALogIsMade) {
  TemporaryDirectory elsewhere;
  ServerProcess other(elsewhere / "data");
  const Outcome in_use = serve({"--listen", "127.0.0.1:" + other.address().port});
  expect_refused(in_use, "a port in use", 1);
  EXPECT_THAT(in_use.errors, testing::HasSubstr("choose another port"));
  // TEST-NET-1 (RFC 5737): nobody's.
  expect_refused(serve({"--listen", "192.0.2.1:7070"}), "another machine's address", 1);
  expect_refused(serve({"--listen", "no-such-host.invalid:7070"}), "no host", 1);
}

TEST_F(ServeUsage, OneLineSaysWhereItListensAndAHangUpDoesNotEndIt) {
  ServerProcess server(data_);
  server.process().signal(SIGHUP);
  EXPECT_EQ(server.client().get("/healthz").status, 200u);
  server.process().signal(SIGTERM);
  const std::string rest = server.process().rest_of_output();
  EXPECT_EQ(server.process().wait(), 0);
  // The fixture has read the one that there is.
  EXPECT_THAT(rest + server.process().errors(), testing::Not(testing::HasSubstr("listening")));
}

TEST_F(ServeUsage, Ipv6IsServedAndReachedByEveryCommand) {
  const int probe = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) GTEST_SKIP() << "this machine does not let IPv6 be used";
  ::close(probe);
  Process server({STRANDLINE_PROGRAM, "serve", "--data", data_, "--listen", "[::1]:0"});
  std::string line = server.line().value();
  ASSERT_THAT(line, testing::StartsWith("listening on http://[::1]:"));
  const std::string url = line.substr(line.find("http://"));
  const auto on_server = [&](Arguments arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), {"--server", url});
    return strandline(std::move(arguments), input);
  };
  for (const Arguments& arguments : {Arguments{"append", "s"},
                                     {"read", "s"},
                                     {"export", "s"},
                                     {"tail", "s", "--limit", "1"},
                                     {"streams"},
                                     {"streams", "show", "s"},
                                     {"consumers", "create", "c", "s"},
                                     {"consumers", "ls"},
                                     {"stats"}}) {
    const Outcome outcome = on_server(arguments, "one\n");
    EXPECT_EQ(outcome.exit, 0) << arguments[0] << ": " << outcome.errors;
  }
  const auto file = directory_ / "lines";
  write_file(file, "a\nb\n");
  EXPECT_EQ(on_server({"import", file.string(), "--stream", "t", "--text"}).exit, 0);
  EXPECT_EQ(strandline({"streams", "--server", url.substr(7)}).exit, 0);  // without its http://
}

TEST_F(ServeUsage, EveryDoorOfTheServerChecksPortsAndTakesDatesAndSpans) {
  ServerProcess server(data_);
  for (const char* host : {"127.0.0.1:87526", "127.0.0.1:65536", "localhost:-1", "[::1]:99999"}) {
    HttpClient client = server.client();
    client.write("GET /healthz HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    EXPECT_EQ(client.read_response().status, 400u) << host;
    HttpClient absolute = server.client();
    absolute.write("GET http://" + std::string(host) + "/healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(absolute.read_response().status, 400u) << host;
  }
  HttpClient client = server.client();
  ASSERT_EQ(client.post("/v1/streams/s/events", json_events("s", 0, 3)).status, 201u);
  const auto events = [&](const std::string& from) {
    const Response page = client.get("/v1/streams/s/events?from=" + from);
    EXPECT_EQ(page.status, 200u) << from << page.body;
    return page.json()["next"].number() -
           (page.body.find("\"offset\":0,") != page.body.npos ? 0 : 3);
  };
  for (const char* past : {"-1h", "2026-01-01", "2026-01-01T10:00", "2026-01-01T10:00%2B01:00"}) {
    EXPECT_EQ(events(past), 3u) << past;
  }
  EXPECT_EQ(client.get("/v1/streams/s/events?from=5m").status, 400u);
  EXPECT_EQ(client
                .send("PUT", "/v1/consumers/c", R"({"stream":"s","from":"-1h"})",
                      {{"Content-Type", "application/json"}})
                .status,
            201u);
  for (const char* from : {"-1d", "2026-01-01", "2026-01-01T10:00"}) {
    const Response reset =
        client.post("/v1/consumers/c/reset", "{\"from\":\"" + std::string(from) + "\"}");
    EXPECT_EQ(reset.status, 200u) << reset.body;
    EXPECT_EQ(reset.json()["position"].number(), 0u);
  }
}

class Usage : public ::testing::Test {
 protected:
  Outcome on_data(Arguments arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), {"--data", data_});
    return strandline(std::move(arguments), input);
  }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
};

TEST_F(Usage, NumbersOfEveryCommandRefuseSignsOverflowAndTrailingText) {
  ASSERT_EQ(on_data({"append", "s"}, "a\nb\n").exit, 0);
  const Arguments commands[] = {
      {"read", "s", "--limit"},
      {"read", "s", "--last"},
      {"tail", "s", "--limit", "1", "-n"},
      {"tail", "s", "--limit"},
      {"tail", "--consumer", "c", "--exec", "true", "--jobs"},
      {"append", "s", "--producer", "p", "--seq", "0", "--epoch"},
      {"append", "s", "--producer", "p", "--epoch", "0", "--seq"},
      {"append", "s", "--expected"},
      {"streams", "--limit"},
      {"streams", "truncate", "s", "--before"},
      {"consumers", "--limit"},
      {"consumers", "dead-letters", "c", "--limit"},
      {"consumers", "replay", "c", "--limit"},
      {"consumers", "set", "c", "s"},
      {"consumers", "set", "c", "s", "0", "--expected"},
      {"consumers", "create", "c", "s", "--mode", "shared", "--max-attempts"},
      {"consumers", "create", "c", "s", "--mode", "shared", "--unacked-max"},
      {"import", "-", "--stream", "s", "--text", "--rate"}};
  for (const Arguments& command : commands) {
    for (const char* bad : {"-1", "-2", "+1", "1x", "1.5", "18446744073709551616", "", "x"}) {
      Arguments arguments = command;
      arguments.push_back(bad);
      const Outcome outcome = on_data(arguments, "z\n");
      EXPECT_EQ(outcome.exit, 2) << words_of(arguments) << ": " << outcome.errors;
      EXPECT_THAT(outcome.errors, testing::StartsWith("strandline: ")) << words_of(arguments);
    }
  }
  const Arguments durations[] = {
      {"consumers", "create", "c", "s", "--mode", "shared", "--ack-deadline"},
      {"tail", "--consumer", "c", "--exec", "true", "--retry-delay"},
      {"import", "-", "--stream", "s", "--text", "--retry-for"}};
  for (const Arguments& command : durations) {
    for (const char* bad : {"-1s", "5", "5 minutes", "1.5h", "", "s"}) {
      Arguments arguments = command;
      arguments.push_back(bad);
      EXPECT_EQ(on_data(arguments, "z\n").exit, 2) << words_of(arguments);
    }
  }
  const Outcome read = on_data({"read", "s"});
  EXPECT_EQ(std::ranges::count(read.output, '\n'), 2) << "something was appended";
}

TEST_F(Usage, AFlagWithoutAValueTakesOnlyATruth) {
  ASSERT_EQ(on_data({"append", "s"}, "a\n").exit, 0);
  for (const Arguments& command : {Arguments{"streams"}, {"read", "s"}, {"stats"}, {"consumers"}}) {
    for (const char* wrong : {"0x10", "-1", "+1", "1e3", "1.0", "1K", "2", "perhaps"}) {
      Arguments arguments = command;
      arguments.push_back(std::string("--json=") + wrong);
      const Outcome outcome = on_data(arguments);
      EXPECT_EQ(outcome.exit, 2) << words_of(arguments);
      EXPECT_EQ(outcome.output, "") << words_of(arguments);
    }
    Arguments arguments = command;
    arguments.push_back("--json=true");
    EXPECT_EQ(on_data(arguments).exit, 0) << words_of(arguments);
  }
}

TEST_F(Usage, WhatHandsTypeByHabitWorks) {
  ASSERT_EQ(on_data({"append", "s"}, "a\nb\nc\n").exit, 0);
  for (const Arguments& arguments : {Arguments{"streams", "ls"},
                                     {"streams", "list", "--json"},
                                     {"streams", "add", "t"},
                                     {"streams", "remove", "t", "--json"},
                                     {"consumers", "add", "c", "s", "--json"},
                                     {"consumers", "list"},
                                     {"consumers", "reset", "c", "-2"},
                                     {"consumers", "reset", "c", "-2h"},
                                     {"consumers", "reset", "c", "2026-11-30"},
                                     {"consumers", "remove", "c", "--json"},
                                     {"tail", "s", "-f", "--limit", "1"},
                                     {"tail", "s", "--follow", "--json", "--limit", "1"},
                                     {"read", "s", "--from", "-2h", "--json"}}) {
    const Outcome outcome = on_data(arguments);
    EXPECT_EQ(outcome.exit, 0) << words_of(arguments) << ": " << outcome.errors;
  }
  const Outcome last = on_data({"read", "s", "-n", "2"});
  EXPECT_EQ(std::ranges::count(last.output, '\n'), 2);
  const Outcome recent = on_data({"read", "s", "--from", "-5m"});
  EXPECT_EQ(std::ranges::count(recent.output, '\n'), 3);
  EXPECT_EQ(strandline({"version"}).output, strandline({"--version"}).output);
  EXPECT_THAT(strandline({"version", "--json"}).output, testing::HasSubstr("\"version\":"));
  for (const Arguments& names : {Arguments{}, {"read"}, {"consumers", "create"}}) {
    Arguments help = {"help"};
    help.insert(help.end(), names.begin(), names.end());
    Arguments flag = names;
    flag.push_back("--help");
    const Outcome by_command = strandline(help);
    EXPECT_EQ(by_command.exit, 0);
    EXPECT_THAT(by_command.output, testing::HasSubstr("Exit codes"));
    EXPECT_EQ(by_command.output, strandline(flag).output);
  }
}

TEST_F(Usage, WhatIsNotThereIsAnsweredWithWhatIs) {
  const std::pair<Arguments, const char*> mistakes[] = {
      {{"strems"}, "did you mean strandline streams?"},
      {{"apend", "orders"}, "did you mean strandline append?"},
      {{"ls"}, "write strandline streams ls"},
      {{"publish", "orders"}, "write strandline append STREAM"},
      {{"streams", "shwo", "s"}, "did you mean strandline streams show?"},
      {{"consumers", "crate", "c"}, "did you mean strandline consumers create?"},
      {{"read", "s", "--form", "3"}, "did you mean --from?"},
      {{"read", "--lmit=3", "s"}, "did you mean --limit?"},
      {{"read", "s", "--follow"}, "strandline tail STREAM"},
      {{"read", "s", "-f"}, "strandline tail STREAM"},
      {{"serve", "--port", "80"}, "--listen HOST:PORT"},
      {{"append", "s", "--tpye", "x"}, "did you mean --type?"},
      {{"append", "s", "--lines"}, "--text"},
      {{"import", "f", "--lines"}, "--text"},
      {{"import", "f", "--ndjson"}, "--events"},
      {{"export", "s", "--out", "f"}, "write --output"},
      {{"read", "s", "--offset", "1"}, "write --from"},
      {{"read", "--stream", "s"}, "write strandline read STREAM"},
      {{"append", "--stream", "s"}, "write strandline append STREAM"},
      {{"import", "f", "--retry-seconds", "5"}, "write --retry-for"},
      {{"tail", "s", "--retry-ms", "5"}, "write --retry-delay"},
      {{"tail", "s", "--tail", "5"}, "write --last N"},
      {{"serve", "--segment-bytes-max", "1"}, "write --segment-size"},
      {{"consumers", "set", "c", "--ack-deadline-ms", "5"}, "write --ack-deadline"},
      {{"streams", "orders"}, "strandline streams show orders"},
      {{"consumers", "billing"}, "strandline consumers show billing"},
      {{"-v"}, "strandline --version"},
      {{"help", "strems"}, "did you mean strandline streams?"},
      {{"streams", "xyzzy"}, "strandline streams --help"},
      {{"append"}, "strandline append --help"}};
  for (const auto& [arguments, said] : mistakes) {
    const Outcome outcome = strandline(arguments);
    EXPECT_EQ(outcome.exit, 2) << words_of(arguments);
    EXPECT_THAT(outcome.errors, testing::HasSubstr(said)) << words_of(arguments);
    EXPECT_EQ(std::ranges::count(outcome.errors, '\n'), 1) << outcome.errors;
  }
}

TEST_F(Usage, HelpNamesTheEnvironmentVariableBesideEachSetting) {
  const std::string help = strandline({"serve", "--help"}).output;
  for (const char* variable : {"STRANDLINE_DATA", "STRANDLINE_LISTEN", "STRANDLINE_SEGMENT_SIZE",
                               "STRANDLINE_IDEMPOTENCY_TTL", "STRANDLINE_CONFIG"}) {
    EXPECT_THAT(help, testing::HasSubstr(variable));
  }
  EXPECT_THAT(strandline({"read", "--help"}).output, testing::HasSubstr("STRANDLINE_SERVER"));
}

TEST_F(Usage, JsonLinesAreDataEventsOrTextAsTheirWholeSays) {
  const std::string input =
      "{\"total\":12}\n"
      "[1,2]\n"
      "{\"type\":\"paid\",\"data\":{\"total\":13}}\n"
      "plain\n"
      "[12:00:00] started\n"
      "{name} is gone\n";
  ASSERT_EQ(on_data({"append", "s", "--type", "t"}, input).exit, 0);
  std::istringstream in(on_data({"read", "s"}).output);
  std::vector<Json> events;
  for (std::string line; std::getline(in, line);) events.push_back(Json::parse(line));
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events[0]["data"]["total"].number(), 12u);
  EXPECT_EQ(events[0]["type"].str(), "t");
  EXPECT_EQ(events[2]["type"].str(), "paid");
  EXPECT_EQ(events[2]["data"]["total"].number(), 13u);
  EXPECT_EQ(events[3]["data"].str(), "plain");
  EXPECT_EQ(events[4]["data"].str(), "[12:00:00] started");
  EXPECT_EQ(events[5]["data"].str(), "{name} is gone");
  const std::string raw = on_data({"read", "s", "--raw", "--limit", "2"}).output;
  EXPECT_EQ(raw, "{\"total\":12}\n[1,2]\n");

  for (const char* broken : {"{\"total\":12\n", "{\n", "{\"a\":1}}\n", "[{\"a\":1}\n"}) {
    const Outcome outcome = on_data({"append", "s"}, broken);
    EXPECT_EQ(outcome.exit, 1) << broken;
    EXPECT_THAT(outcome.errors, testing::HasSubstr("--text")) << broken;
    EXPECT_EQ(on_data({"append", "forced", "--text"}, broken).exit, 0) << broken;
  }
  // Data may repeat a member at every door; an event may not.
  for (const Arguments& flags : {Arguments{}, {"--json-data"}}) {
    Arguments arguments = {"append", "repeats"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome outcome = on_data(arguments, "{\"a\":1,\"a\":2}\n");
    EXPECT_EQ(outcome.exit, 0) << outcome.errors;
  }
  EXPECT_EQ(on_data({"read", "repeats", "--raw"}).output, "{\"a\":1,\"a\":2}\n{\"a\":1,\"a\":2}\n");
  EXPECT_EQ(on_data({"append", "s"}, "{\"type\":\"t\",\"id\":\"1\",\"id\":\"2\"}\n").exit, 1);
  EXPECT_EQ(on_data({"append", "s"}, "{\"id\":\"1\",\"id\":\"2\",\"type\":\"t\"}\n").exit, 1);
  EXPECT_EQ(on_data({"append", "s", "--json-data"}, "12\n\"x\"\n").exit, 0);
  EXPECT_EQ(on_data({"append", "s", "--json-data"}, "x\n").exit, 1);
  EXPECT_EQ(on_data({"append", "s", "--json-data"}, "{\"type\":\"only data\"}\n").exit, 0);
  EXPECT_EQ(on_data({"append", "s", "--events"}, "{\"total\":1}\n").exit, 1);
  EXPECT_EQ(on_data({"append", "s", "--events", "--text"}, "x\n").exit, 2);
}

TEST_F(Usage, TheExitCodeSaysWhyOnAServerAndOnADirectoryAlike) {
  ASSERT_EQ(on_data({"append", "s"}, "a\nb\n").exit, 0);
  const std::tuple<Arguments, std::string, int> ends[] = {
      {{"streams", "show", "none"}, "", 3},
      {{"read", "none"}, "", 3},
      {{"export", "none"}, "", 3},
      {{"streams", "rm", "none"}, "", 3},
      {{"consumers", "show", "none"}, "", 3},
      {{"consumers", "reset", "none", "earliest"}, "", 3},
      {{"consumers", "rm", "none"}, "", 3},
      {{"append", "s", "--expected", "9"}, "x\n", 4},
      {{"append", "s", "--expected", "absent"}, "x\n", 4},
      {{"append", "s", "--producer", "p", "--epoch", "0", "--seq", "5"}, "x\n", 4},
      {{"streams", "create", "s", "--description", "another"}, "", 4},
      {{"append", "bad name\n"}, "x\n", 2},
      {{"read", "s", "--from", "yesterday"}, "", 2}};
  const auto expect_all = [&](const Arguments& target) {
    for (const auto& [command, input, exit] : ends) {
      Arguments arguments = command;
      arguments.insert(arguments.end(), target.begin(), target.end());
      const Outcome outcome = strandline(arguments, input);
      EXPECT_EQ(outcome.exit, exit) << words_of(arguments) << ": " << outcome.errors;
      EXPECT_EQ(outcome.output, "") << words_of(arguments);
    }
  };
  expect_all({"--data", data_});
  ServerProcess server(data_);
  expect_all({"--server", server.address().url()});
  EXPECT_EQ(on_data({"append", "s"}, "x\n").exit, 5);  // the directory is the server's
  const std::string event(1'100'000, 'x');
  EXPECT_EQ(strandline({"append", "s", "--server", server.address().url()}, event).exit, 1);
  server.kill();
  for (const Arguments& command :
       {Arguments{"append", "s"}, {"read", "s"}, {"streams"}, {"stats"}, {"consumers", "ls"}}) {
    Arguments arguments = command;
    arguments.insert(arguments.end(), {"--server", server.address().url()});
    const Outcome outcome = strandline(arguments, "x\n");
    EXPECT_EQ(outcome.exit, 6) << words_of(arguments) << ": " << outcome.errors;
  }
  const Outcome refused = strandline({"append", "s", "--server", server.address().url()}, "x\n");
  EXPECT_THAT(refused.errors, testing::HasSubstr("nothing"));
  EXPECT_THAT(refused.errors, testing::Not(testing::HasSubstr("unknown")));
}

TEST_F(Usage, BashCompletesCommandsAndFlags) {
  const std::string script = strandline({"completion", "bash"}).output;
  const auto completed = [&](const std::string& words) {
    // As bash calls it: the words so far, the last of them under the cursor.
    const Outcome outcome = run({"bash", "-c",
                                 script + "\nCOMP_WORDS=(strandline " + words +
                                     ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_strandline\n"
                                     "printf '%s\\n' \"${COMPREPLY[@]}\""});
    EXPECT_EQ(outcome.exit, 0) << outcome.errors;
    EXPECT_EQ(outcome.errors, "");
    return outcome.output;
  };
  EXPECT_EQ(completed("str"), "streams\n");
  EXPECT_EQ(completed("streams sh"), "show\n");
  EXPECT_EQ(completed("read --lim"), "--limit\n");
  EXPECT_EQ(completed("consumers create --ack-d"), "--ack-deadline\n");
  EXPECT_EQ(completed("serve --segment-si"), "--segment-size\n");
  EXPECT_EQ(completed("consumers create c s --mode ''"), "exclusive\nshared\nkeyed\n");
  EXPECT_EQ(completed("consumers create c s --mode sh"), "shared\n");
  EXPECT_EQ(completed("append s --durability a"), "accepted\n");
  EXPECT_EQ(completed("serve --log-level d"), "debug\n");
  EXPECT_EQ(completed("consumers set c --retain t"), "true\n");
  EXPECT_THAT(completed("''"), testing::HasSubstr("append\n"));
  // The script as a whole, by the shells' own checks.
  EXPECT_EQ(run({"bash", "-n"}, script).exit, 0);
  const std::string zsh = strandline({"completion", "zsh"}).output;
  EXPECT_THAT(zsh, testing::StartsWith("#compdef strandline\n"));
  if (run({"sh", "-c", "command -v zsh"}).exit == 0) {
    EXPECT_EQ(run({"zsh", "-n"}, zsh).exit, 0);
  }
}

}  // namespace
}  // namespace strandline::tests
