// Named consumers on the command line: their life, and `tail --consumer` in every mode, over a
// server and over a directory, killed on either side.
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class ConsumerCommands : public ::testing::Test {
 protected:
  Outcome on_data(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), {"--data", data_});
    return strandline(std::move(arguments), input);
  }
  void serve() {
    server_ = std::make_unique<ServerProcess>(data_, std::vector<std::string>{}, port_);
    port_ = server_->address().port;
  }
  Outcome on_server(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), {"--server", server_->address().url()});
    return strandline(std::move(arguments), input);
  }
  std::unique_ptr<Process> tail(std::vector<std::string> flags) {
    std::vector<std::string> arguments = {STRANDLINE_PROGRAM, "tail", "--server",
                                          server_->address().url()};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return std::make_unique<Process>(std::move(arguments));
  }
  void append(uint64_t first, uint64_t count) {
    ASSERT_EQ(server_->client().post("/v1/streams/s/events", json_events("s", first, count)).status,
              201u);
  }
  Json describe(const std::string& name) {
    return server_->client().get("/v1/consumers/" + name).json();
  }
  static uint64_t offset(const std::string& line) { return Json::parse(line)["offset"].number(); }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
  std::string port_ = "0";
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(ConsumerCommands, LifeOnAServerAndOnADirectory) {
  ASSERT_EQ(on_data({"append", "s"}, "a\nb\nc\n").exit, 0);
  for (const bool by_server : {false, true}) {
    if (by_server) serve();
    const auto command = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), "consumers");
      return by_server ? on_server(std::move(arguments)) : on_data(std::move(arguments));
    };
    SCOPED_TRACE(by_server);
    const std::vector<std::string> create = {
        "create", "c",      "s",  "--mode",         "keyed", "--key",
        "id",     "--from", "-2", "--max-attempts", "1",     "--json"};
    const Outcome created = command(create);
    ASSERT_EQ(created.exit, 0) << created.errors;
    const Json info = Json::parse(lines_of(created.output).at(0));
    EXPECT_EQ(info["mode"].str(), "keyed");
    EXPECT_EQ(info["key"].str(), "id");
    EXPECT_EQ(info["position"].number(), 1u);
    EXPECT_EQ(info["max_attempts"].number(), 1u);
    EXPECT_EQ(command(create).exit, 0);  // the same again
    EXPECT_EQ(command({"create", "c", "s"}).exit, 4);
    EXPECT_EQ(command({"create", "d"}).exit, 2);  // of what?
    EXPECT_EQ(command({"create", "d", "s", "--mode", "odd"}).exit, 2);
    ASSERT_EQ(command({"create", "x", "--all", "--type", "a*", "--retain"}).exit, 0);

    const Outcome listed = command({"ls", "--json"});
    ASSERT_EQ(listed.exit, 0) << listed.errors;
    // And, the second time, the position that is set below.
    ASSERT_EQ(lines_of(listed.output).size(), by_server ? 3u : 2u) << listed.output;
    EXPECT_EQ(Json::parse(lines_of(listed.output)[1])["retain"].text(), "true");
    EXPECT_THAT(command({"ls"}).output, testing::HasSubstr("keyed"));
    EXPECT_EQ(Json::parse(command({"show", "c", "--json"}).output)["lag"].number(), 2u);
    EXPECT_THAT(command({"show", "c"}).output, testing::HasSubstr("dead-letters/c"));
    EXPECT_EQ(command({"show", "none"}).exit, 3);

    EXPECT_EQ(command({"reset", "c", "earliest"}).exit, 0);
    EXPECT_EQ(Json::parse(command({"show", "c", "--json"}).output)["position"].number(), 0u);
    EXPECT_EQ(command({"reset", "c", "99"}).exit, 3);
    EXPECT_EQ(command({"reset", "c", "whenever"}).exit, 2);
    EXPECT_EQ(command({"set", "c", "--max-attempts", "9", "--retain", "true"}).exit, 0);
    const Json set = Json::parse(command({"show", "c", "--json"}).output);
    EXPECT_EQ(set["max_attempts"].number(), 9u);
    EXPECT_EQ(set["retain"].text(), "true");
    const Outcome no_change = command({"set", "c"});
    EXPECT_EQ(no_change.exit, 2);
    EXPECT_THAT(no_change.errors, testing::HasSubstr("(--ack-deadline, --max-attempts, "));
    EXPECT_EQ(command({"set", "c", "s", "1", "--max-attempts", "9"}).exit, 2);
    EXPECT_EQ(command({"set", "x", "--unacked-max", "9"}).exit, 2);
    EXPECT_EQ(command({"skip", "c"}).exit, 4) << "nothing was given out";
    EXPECT_EQ(command({"skip", "x", "--count", "2000"}).exit, 2);
    ASSERT_EQ(command({"create", "y", "s"}).exit, 0);
    EXPECT_EQ(command({"skip", "y", "--reason", "poison"}).output, "skipped 1, at 1\n");
    EXPECT_THAT(command({"dead-letters", "y"}).output, testing::HasSubstr("skipped: poison"));
    EXPECT_EQ(command({"rm", "y"}).exit, 0);
    EXPECT_EQ(command({"dead-letters", "c"}).exit, 0);
    EXPECT_EQ(command({"replay", "c"}).output, "replayed 0\n");
    EXPECT_EQ(command({"rm", "c"}).exit, 0);
    EXPECT_EQ(command({"rm", "x"}).exit, 0);
    EXPECT_EQ(command({"rm", "c"}).exit, 3);
    // A position that its reader looks after by itself is listed, shown and set as ever.
    EXPECT_EQ(command({"set", "own", "s", by_server ? "2" : "1"}).exit, 0);
    EXPECT_EQ(Json::parse(command({"ls", "--json"}).output)["next"].number(), by_server ? 2u : 1u);
    EXPECT_EQ(command({"show", "own"}).exit, 0);
  }
}

// A setting that its mode does not have is refused, and not dropped.
TEST_F(ConsumerCommands, ASettingOfAnotherModeIsRefusedOnAServerAndOnADirectory) {
  ASSERT_EQ(on_data({"append", "s"}, "a\n").exit, 0);
  for (const bool by_server : {false, true}) {
    if (by_server) serve();
    const auto create = [&](std::vector<std::string> flags) {
      flags.insert(flags.begin(), {"consumers", "create", "e", "s"});
      return by_server ? on_server(std::move(flags)) : on_data(std::move(flags));
    };
    // Also one that is the default of another mode.
    for (const std::vector<std::string>& flag : {std::vector<std::string>{"--ack-deadline", "5s"},
                                                 {"--ack-deadline", "30s"},
                                                 {"--unacked-max", "5"},
                                                 {"--unacked-max", "10000"},
                                                 {"--key", "foo"}}) {
      SCOPED_TRACE(flag[0] + " " + flag[1]);
      const Outcome refused = create(flag);
      EXPECT_EQ(refused.exit, 2);
      EXPECT_THAT(refused.errors, testing::HasSubstr(flag[0]));
    }
    EXPECT_EQ(create({"--mode", "shared", "--key", "foo"}).exit, 2);
    EXPECT_EQ(create({"--dead-letters", ".."}).exit, 2);
    for (const std::vector<std::string>& dots : {std::vector<std::string>{"create", "c", ".."},
                                                 {"create", "..", "s"},
                                                 {"show", "."},
                                                 {"show", "c", ".."},
                                                 {"set", "c", "..", "1"},
                                                 {"reset", "..", "earliest"}}) {
      std::vector<std::string> arguments = {"consumers"};
      arguments.insert(arguments.end(), dots.begin(), dots.end());
      const Outcome refused = by_server ? on_server(arguments) : on_data(arguments);
      EXPECT_EQ(refused.exit, 2) << dots[0] << refused.errors;
    }
    EXPECT_EQ(create({"--max-attempts", "3"}).exit, 0);
  }
}

TEST_F(ConsumerCommands, TailReadsADirectoryInEveryMode) {
  ASSERT_EQ(on_data({"append", "s"}, "a\nb\nc\n").exit, 0);
  for (const char* mode : {"exclusive", "shared", "keyed"}) {
    ASSERT_EQ(on_data({"consumers", "create", mode, "s", "--mode", mode}).exit, 0);
    const Outcome first = on_data({"tail", "--consumer", mode, "--limit", "2", "--raw"});
    EXPECT_EQ(first.output, "a\nb\n") << mode << first.errors;
    const Outcome second = on_data({"tail", "--consumer", mode, "--limit", "1", "--raw"});
    EXPECT_EQ(second.output, "c\n") << mode << second.errors;
  }
  EXPECT_EQ(on_data({"tail", "other", "--consumer", "shared"}).exit, 2);
  EXPECT_EQ(on_data({"tail", "--consumer", "shared", "--from", "0"}).exit, 2);
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{}, {"--exec", "true"}, {"s", "--type", "t"}}) {
    std::vector<std::string> arguments = {"tail", "--consumer", "none"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome outcome = on_data(arguments);
    EXPECT_EQ(outcome.exit, 3);
    EXPECT_THAT(outcome.errors, testing::HasSubstr("strandline consumers create none "));
  }
  EXPECT_EQ(on_data({"consumers", "show", "none"}).output, "") << "it made nothing";
}

TEST_F(ConsumerCommands, AnExclusiveTailGoesOnAfterItOrItsServerWasKilled) {
  serve();
  append(0, 3);
  ASSERT_EQ(on_server({"consumers", "create", "c", "s"}).exit, 0);
  auto first = tail({"--consumer", "c"});
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(offset(first->line().value()), i);
  // What it printed is committed within a second or so, though nothing new comes.
  ASSERT_TRUE(eventually([&] { return describe("c")["position"].number() == 3; }));
  server_->kill();
  serve();
  append(3, 3);
  for (uint64_t i = 3; i < 6; ++i) EXPECT_EQ(offset(first->line().value()), i) << "once each";
  ASSERT_TRUE(eventually([&] { return describe("c")["position"].number() == 6; }));
  first->kill_and_wait();
  append(6, 1);
  auto second = tail({"--consumer", "c"});
  EXPECT_EQ(offset(second->line().value()), 6u);
  // Another one takes over, and the first says so.
  auto third = tail({"--consumer", "c"});
  EXPECT_EQ(second->wait(), 4);
  EXPECT_THAT(second->errors(), testing::HasSubstr("taken over"));
  // Interrupted, it commits what it printed and leaves.
  append(7, 1);
  while (offset(third->line().value()) != 7) {
  }
  third->signal(SIGTERM);
  EXPECT_EQ(third->wait(), 0) << third->errors();
  EXPECT_EQ(describe("c")["position"].number(), 8u);
  EXPECT_EQ(describe("c")["members"].number(), 0u);
}

TEST_F(ConsumerCommands, AnExclusiveTailFollowsAReset) {
  serve();
  append(0, 3);
  ASSERT_EQ(on_server({"consumers", "create", "c", "s"}).exit, 0);
  auto reader = tail({"--consumer", "c"});
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(offset(reader->line().value()), i);
  ASSERT_EQ(on_server({"consumers", "reset", "c", "1"}).exit, 0);
  EXPECT_EQ(offset(reader->line().value()), 1u);
  EXPECT_EQ(offset(reader->line().value()), 2u);
}

TEST_F(ConsumerCommands, AGroupsTailsShareTheWorkAndSurviveEachOtherAndTheServer) {
  serve();
  append(0, 50);
  // A deadline that a slow machine keeps: who is always late is given the same again and again, and
  // what it prints is not read here before the end.
  ASSERT_EQ(
      on_server({"consumers", "create", "c", "s", "--mode", "shared", "--ack-deadline", "3s"}).exit,
      0);
  auto first = tail({"--consumer", "c"});
  EXPECT_EQ(offset(first->line().value()), 0u);
  first->kill_and_wait();  // whatever it had and did not ack comes back
  auto second = tail({"--consumer", "c"});
  append(50, 1);  // nobody else is there who could ack it
  ASSERT_TRUE(eventually([&] { return describe("c")["position"].number() == 51; }));
  server_->kill();
  serve();
  append(51, 49);
  ASSERT_TRUE(eventually([&] { return describe("c")["position"].number() == 100; }));
  ASSERT_EQ(on_server({"consumers", "reset", "c", "99"}).exit, 0);  // it joins again
  ASSERT_TRUE(eventually([&] { return describe("c")["position"].number() == 100; }));
  second->signal(SIGINT);
  EXPECT_EQ(second->wait(), 0) << second->errors();
  std::set<uint64_t> printed;
  while (const auto line = second->line()) printed.insert(offset(*line));
  EXPECT_GE(printed.size(), 50u);
  EXPECT_TRUE(printed.contains(99));
  EXPECT_EQ(describe("c")["members"].number(), 0u);
}

TEST_F(ConsumerCommands, ExecAcksOnSuccessAndBuriesWhatNeverSucceeds) {
  serve();
  append(0, 6);
  ASSERT_EQ(
      on_server({"consumers", "create", "c", "s", "--mode", "shared", "--max-attempts", "2"}).exit,
      0);
  const std::string done = (directory_ / "done").string();
  // Every third fails; what the others were is kept.
  const std::string command =
      "text=$(cat); echo \"$STRANDLINE_POSITION $STRANDLINE_ATTEMPT $STRANDLINE_STREAM $text\" "
      ">>'" +
      done + "'; test $((STRANDLINE_POSITION % 3)) != 2";
  auto runner = tail({"--consumer", "c", "--exec", command, "--jobs", "3", "--retry-delay", "1ms"});
  ASSERT_TRUE(eventually([&] { return describe("c")["dead_lettered"].number() == 2; }))
      << runner->errors();
  ASSERT_TRUE(eventually([&] { return describe("c")["position"].number() == 6; }));
  runner->signal(SIGTERM);
  EXPECT_EQ(runner->wait(), 0);
  std::multiset<std::string> runs;
  for (const std::string& line : lines_of(read_file(done))) {
    std::istringstream in(line);
    std::string position, attempt, stream, text;
    in >> position >> attempt >> stream;
    std::getline(in, text);
    EXPECT_EQ(stream, "s");
    EXPECT_EQ(difference("s", Json::parse(text)), "");
    runs.insert(position + "#" + attempt);
  }
  EXPECT_EQ(runs,
            (std::multiset<std::string>{"0#1", "1#1", "2#1", "2#2", "3#1", "4#1", "5#1", "5#2"}));
  const Outcome dead = on_server({"consumers", "dead-letters", "c", "--json"});
  ASSERT_EQ(lines_of(dead.output).size(), 2u) << dead.output;
  const Json letter = Json::parse(lines_of(dead.output)[0]);
  EXPECT_THAT(letter["event"]["deadlettercause"].str(), testing::HasSubstr("exit 1"));
  EXPECT_THAT(on_server({"consumers", "dead-letters", "c"}).output, testing::HasSubstr("exit 1"));
  EXPECT_EQ(on_server({"consumers", "replay", "c", "--limit", "1"}).output, "replayed 1\n");
  const Outcome again = on_server({"tail", "--consumer", "c", "--exec", "true", "--limit", "1"});
  EXPECT_EQ(again.exit, 0) << again.errors;
  EXPECT_EQ(describe("c")["dead_lettered"].number(), 1u);
  EXPECT_EQ(describe("c")["unacked"].number(), 0u);
}

TEST_F(ConsumerCommands, ExecOfAnExclusiveConsumerTriesAgainUntilItSucceeds) {
  serve();
  append(0, 3);
  ASSERT_EQ(on_server({"consumers", "create", "c", "s"}).exit, 0);
  const std::string done = (directory_ / "done").string();
  const std::string command = "echo \"$STRANDLINE_POSITION#$STRANDLINE_ATTEMPT\" >>'" + done +
                              "'; test $STRANDLINE_POSITION != 1 -o $STRANDLINE_ATTEMPT = 3";
  const Outcome outcome = on_server(
      {"tail", "--consumer", "c", "--exec", command, "--retry-delay", "1ms", "--limit", "3"});
  EXPECT_EQ(outcome.exit, 0) << outcome.errors;
  EXPECT_EQ(read_file(done), "0#1\n1#1\n1#2\n1#3\n2#1\n");
  EXPECT_EQ(describe("c")["position"].number(), 3u);
}

TEST_F(ConsumerCommands, ExecOfAnExclusiveConsumerGivesUpAfterMaxAttemptsRunsAndGoesOn) {
  ASSERT_EQ(on_data({"append", "s"}, "a\nb\nc\nd\n").exit, 0);
  for (const bool by_server : {false, true}) {
    SCOPED_TRACE(by_server);
    if (by_server) serve();
    const auto command = [&](const std::vector<std::string>& arguments) {
      return by_server ? on_server(arguments) : on_data(arguments);
    };
    const std::string name = by_server ? "there" : "here";
    const std::string done = (directory_ / name).string();
    ASSERT_EQ(command({"consumers", "create", name, "s", "--max-attempts", "2"}).exit, 0);
    // The second fails always, the third once.
    const std::string exec = "echo \"$STRANDLINE_POSITION#$STRANDLINE_ATTEMPT\" >>'" + done +
                             "'; test $STRANDLINE_POSITION != 1 && test $STRANDLINE_POSITION != 2 "
                             "-o $STRANDLINE_ATTEMPT = 2";
    const Outcome outcome = command(
        {"tail", "--consumer", name, "--exec", exec, "--retry-delay", "1ms", "--limit", "4"});
    EXPECT_EQ(outcome.exit, 0) << outcome.errors;
    EXPECT_EQ(read_file(done), "0#1\n1#1\n1#2\n2#1\n2#2\n3#1\n");
    EXPECT_THAT(outcome.errors, testing::HasSubstr("exit 1; it was its last attempt"));
    const Json info = Json::parse(command({"consumers", "show", name, "--json"}).output);
    EXPECT_EQ(info["position"].number(), 4u);
    EXPECT_EQ(info["dead_lettered"].number(), 1u);
    const Outcome dead = command({"consumers", "dead-letters", name, "--json"});
    ASSERT_EQ(lines_of(dead.output).size(), 1u) << dead.output;
    EXPECT_EQ(Json::parse(dead.output)["event"]["deadletterattempts"].text(), "2");
  }
}

TEST_F(ConsumerCommands, ExecOfAnExclusiveConsumerLearnsMaxAttemptsThatAreSetMeanwhile) {
  serve();
  append(0, 2);
  ASSERT_EQ(on_server({"consumers", "create", "c", "s"}).exit, 0);
  const std::string done = (directory_ / "done").string();
  auto runner = tail({"--consumer", "c", "--retry-delay", "1ms", "--exec",
                      "echo $STRANDLINE_POSITION >>'" + done + "'; exit 3"});
  ASSERT_TRUE(eventually([&] {
    return std::filesystem::exists(done) && read_file(done).starts_with("0\n0\n0\n");
  })) << runner->errors();
  ASSERT_EQ(on_server({"consumers", "set", "c", "--max-attempts", "2"}).exit, 0);
  EXPECT_TRUE(eventually([&] { return describe("c")["dead_lettered"].number() == 2; }));
  EXPECT_EQ(describe("c")["position"].number(), 2u);
  EXPECT_TRUE(read_file(done).ends_with("0\n1\n1\n"));
  runner->signal(SIGTERM);
  EXPECT_EQ(runner->wait(), 0) << runner->errors();
}

TEST_F(ConsumerCommands, ExecOfAnExclusiveConsumerThatSucceedsWhileInterruptedIsCommitted) {
  serve();
  append(0, 2);
  ASSERT_EQ(on_server({"consumers", "create", "c", "s", "--max-attempts", "1"}).exit, 0);
  const std::string gate = (directory_ / "gate").string();
  const std::string done = (directory_ / "done").string();
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  // Under way until something is written to the gate.
  const std::string command = "echo $STRANDLINE_POSITION >>'" + done + "'; cat '" + gate + "'";
  auto runner = tail({"--consumer", "c", "--exec", command});
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(done); })) << runner->errors();
  runner->signal(SIGTERM);
  write_file(gate, "go on");
  EXPECT_EQ(runner->wait(), 0) << runner->errors();
  EXPECT_EQ(read_file(done), "0\n");
  EXPECT_EQ(describe("c")["position"].number(), 1u);
  EXPECT_EQ(describe("c")["dead_lettered"].number(), 0u);
}

TEST_F(ConsumerCommands, ExecOfAnExclusiveConsumerThatIsInterruptedSkipsNothing) {
  serve();
  append(0, 3);
  ASSERT_EQ(on_server({"consumers", "create", "c", "s"}).exit, 0);
  const std::string done = (directory_ / "done").string();
  const std::string command =
      "echo $STRANDLINE_POSITION >>'" + done + "'; test $STRANDLINE_POSITION != 1";
  auto runner = tail({"--consumer", "c", "--exec", command, "--retry-delay", "1ms"});
  ASSERT_TRUE(eventually([&] {
    return std::filesystem::exists(done) && read_file(done).starts_with("0\n1\n1\n1\n");
  })) << runner->errors();
  runner->signal(SIGTERM);
  EXPECT_EQ(runner->wait(), 0) << runner->errors();
  EXPECT_EQ(read_file(done).find('2'), std::string::npos);
  ASSERT_EQ(describe("c")["position"].number(), 1u);
  EXPECT_EQ(describe("c")["members"].number(), 0u);
  const Outcome next = on_server({"tail", "--consumer", "c", "--limit", "2"});
  ASSERT_EQ(lines_of(next.output).size(), 2u) << next.errors;
  EXPECT_EQ(offset(lines_of(next.output)[0]), 1u);
}

TEST_F(ConsumerCommands, ExecOfAnExclusiveConsumerThatIsTakenOverSaysSoAndEnds) {
  serve();
  append(0, 2);
  ASSERT_EQ(on_server({"consumers", "create", "c", "s"}).exit, 0);
  const std::string gate = (directory_ / "gate").string();
  const std::string done = (directory_ / "done").string();
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  // Under way until something is written to the gate.
  const std::string command = "echo $STRANDLINE_POSITION >>'" + done + "'; cat '" + gate + "'";
  auto first = tail({"--consumer", "c", "--exec", command});
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(done); })) << first->errors();
  const Json joined = server_->client().post("/v1/consumers/c/join", "{}").json();
  write_file(gate, "go on");
  EXPECT_EQ(first->wait(), 4);
  EXPECT_THAT(first->errors(), testing::HasSubstr("another reader has taken over"));
  EXPECT_EQ(read_file(done), "0\n") << "it runs nothing any more";
  EXPECT_EQ(describe("c")["position"].number(), 0u);
  EXPECT_EQ(describe("c")["epoch"].number(), joined["epoch"].number());
}

TEST_F(ConsumerCommands, ACommandThatTakesLongerThanTheDeadlineKeepsItsEvent) {
  serve();
  append(0, 1);
  ASSERT_EQ(
      on_server({"consumers", "create", "c", "s", "--mode", "shared", "--ack-deadline", "600ms"})
          .exit,
      0);
  const std::string gate = (directory_ / "gate").string();
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  // Under way until something is written to the gate.
  auto runner = tail({"--consumer", "c", "--limit", "1", "--exec", "cat '" + gate + "'"});
  ASSERT_TRUE(eventually([&] { return describe("c")["in_flight"].number() == 1; }));
  // Another member waits for it, over three deadlines.
  const Json other = server_->client().post("/v1/consumers/c/fetch", R"({"wait_ms":1800})").json();
  EXPECT_EQ(other["events"].size(), 0u);
  EXPECT_EQ(describe("c")["redelivered"].number(), 0u);
  write_file(gate, "go on");
  EXPECT_EQ(runner->wait(), 0) << runner->errors();
  EXPECT_EQ(describe("c")["unacked"].number(), 0u);
  EXPECT_EQ(describe("c")["position"].number(), 1u);
}

TEST_F(ConsumerCommands, ATailLearnsADeadlineThatIsChangedWhileItsCommandsRun) {
  serve();
  append(0, 1);
  ASSERT_EQ(
      on_server({"consumers", "create", "c", "s", "--mode", "shared", "--ack-deadline", "3s"}).exit,
      0);
  const std::string gate = (directory_ / "gate").string();
  for (const char* position : {"0", "1"}) {
    ASSERT_EQ(::mkfifo((gate + position).c_str(), 0600), 0);
  }
  auto runner = tail({"--consumer", "c", "--limit", "2", "--jobs", "2", "--exec",
                      "cat '" + gate + "'$STRANDLINE_POSITION"});
  ASSERT_TRUE(eventually([&] { return describe("c")["in_flight"].number() == 1; }));
  // The one that runs is extended under the new deadline, the other is given out under it.
  ASSERT_EQ(on_server({"consumers", "set", "c", "--ack-deadline", "600ms"}).exit, 0);
  append(1, 1);
  ASSERT_TRUE(eventually([&] { return describe("c")["in_flight"].number() == 2; }));
  const Json other = server_->client().post("/v1/consumers/c/fetch", R"({"wait_ms":3600})").json();
  EXPECT_EQ(other["events"].size(), 0u);
  EXPECT_EQ(describe("c")["redelivered"].number(), 0u);
  // Longer again: nothing that was extended under the shorter one is lost.
  ASSERT_EQ(on_server({"consumers", "set", "c", "--ack-deadline", "1h"}).exit, 0);
  const Json later = server_->client().post("/v1/consumers/c/fetch", R"({"wait_ms":1800})").json();
  EXPECT_EQ(later["events"].size(), 0u);
  EXPECT_EQ(describe("c")["redelivered"].number(), 0u);
  for (const char* position : {"0", "1"}) write_file(gate + position, "go on");
  EXPECT_EQ(runner->wait(), 0) << runner->errors();
  EXPECT_EQ(describe("c")["position"].number(), 2u);
}

TEST_F(ConsumerCommands, AGroupThatIsResetWhileACommandRunsIsJoinedAgain) {
  serve();
  append(0, 1);
  for (const char* from : {"earliest", "latest"}) {
    ASSERT_EQ(on_server({"consumers", "create", *from == 'e' ? "c" : "other", "s", "--from", from,
                         "--mode", "shared", "--ack-deadline", "300ms"})
                  .exit,
              0);
  }
  const std::string gate = (directory_ / "gate").string();
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  auto runner = tail({"--consumer", "c", "--exec", "cat '" + gate + "'"});
  ASSERT_TRUE(eventually([&] { return describe("c")["in_flight"].number() == 1; }));
  ASSERT_EQ(on_server({"consumers", "reset", "c", "earliest"}).exit, 0);
  // Over three deadlines: it hears of that when it extends, while the command still runs.
  server_->client().post("/v1/consumers/other/fetch", R"({"wait_ms":1000})");
  write_file(gate, "go on");
  // What that command did counts for nothing: the event is given again.
  ASSERT_TRUE(eventually([&] { return describe("c")["in_flight"].number() == 1; }));
  write_file(gate, "go on");
  ASSERT_TRUE(eventually([&] { return describe("c")["position"].number() == 1; }));
  runner->signal(SIGTERM);
  EXPECT_EQ(runner->wait(), 0) << runner->errors();
}

TEST_F(ConsumerCommands, WhatAGroupsTailCannotPrintGoesToAnotherAtOnce) {
  serve();
  append(0, 3);
  const std::vector<std::string> create = {"consumers", "create",         "c",  "s", "--mode",
                                           "shared",    "--ack-deadline", "24h"};
  ASSERT_EQ(on_server(create).exit, 0);
  // Whatever is written there fails.
  const std::string command = std::string(STRANDLINE_PROGRAM) + " tail --consumer c --server " +
                              server_->address().url() + " >/dev/full";
  EXPECT_EQ(run({"sh", "-c", command}).exit, 1);
  EXPECT_EQ(describe("c")["position"].number(), 0u) << "it acked nothing";
  EXPECT_EQ(describe("c")["in_flight"].number(), 0u);
  EXPECT_EQ(describe("c")["members"].number(), 0u);
  const Outcome second = on_server({"tail", "--consumer", "c", "--limit", "3"});
  EXPECT_EQ(lines_of(second.output).size(), 3u) << second.errors;
}

TEST_F(ConsumerCommands, ACommandThatCannotBeRunEndsTheTailAndUsesUpNoAttempt) {
  serve();
  append(0, 5);
  const std::string file = (directory_ / "no-program").string();
  write_file(file, "not executable");
  for (const std::string mode : {"shared", "keyed", "exclusive"}) {
    ASSERT_EQ(
        on_server({"consumers", "create", mode, "s", "--mode", mode, "--max-attempts", "2"}).exit,
        0);
    for (const std::string& command : {file + "-at-all", file, std::string("exit 127")}) {
      std::vector<std::string> arguments = {"tail", "--consumer", mode, "--exec", command};
      if (mode != "exclusive") arguments.insert(arguments.end(), {"--jobs", "3"});
      const Outcome outcome = on_server(arguments);
      EXPECT_NE(outcome.exit, 0) << mode << command;
      EXPECT_THAT(outcome.errors, testing::HasSubstr("cannot be run"));
      EXPECT_EQ(describe(mode)["in_flight"].number(), 0u);
      EXPECT_EQ(describe(mode)["position"].number(), 0u);
    }
    EXPECT_EQ(describe(mode)["redelivered"].number(), 0u);
    EXPECT_EQ(describe(mode)["dead_lettered"].number(), 0u);
    const std::string done = (directory_ / mode).string();
    EXPECT_EQ(on_server({"tail", "--consumer", mode, "--limit", "5", "--exec",
                         "echo $STRANDLINE_POSITION $STRANDLINE_ATTEMPT >>'" + done + "'"})
                  .exit,
              0);
    EXPECT_EQ(read_file(done), "0 1\n1 1\n2 1\n3 1\n4 1\n") << mode;
  }
}

TEST_F(ConsumerCommands, WhateverIsListedIsShownResetAndRemoved) {
  ASSERT_EQ(on_data({"append", "s"}, "a\nb\nc\n").exit, 0);
  ASSERT_EQ(on_data({"append", "t"}, "a\n").exit, 0);
  for (const bool by_server : {false, true}) {
    if (by_server) serve();
    const auto command = [&](const std::vector<std::string>& arguments) {
      return by_server ? on_server(arguments) : on_data(arguments);
    };
    // Readers that look after their positions by themselves.
    for (const char* stream : {"s", "t", "$all"}) {
      ASSERT_EQ(command({"consumers", "set", "plain", stream, "1"}).exit, 0);
    }
    ASSERT_EQ(command({"consumers", "set", "plain2", "s", "1"}).exit, 0);
    const auto next_of = [&](const std::string& stream) {
      const Outcome shown = command({"consumers", "show", "plain", stream, "--json"});
      EXPECT_EQ(shown.exit, 0) << shown.errors;
      return Json::parse(shown.output)["next"].number();
    };
    EXPECT_EQ(command({"consumers", "reset", "plain", "latest"}).exit, 0);
    EXPECT_EQ(next_of("s"), 3u);
    EXPECT_EQ(next_of("t"), 1u);
    EXPECT_EQ(next_of("$all"), 4u);
    EXPECT_EQ(command({"consumers", "reset", "plain", "1"}).exit, 0);
    EXPECT_EQ(next_of("s"), 1u) << "back";
    EXPECT_EQ(next_of("t"), 1u);
    EXPECT_NE(command({"consumers", "reset", "plain", "2"}).exit, 0) << "t has one event";
    EXPECT_EQ(next_of("s"), 1u) << "all or nothing";
    EXPECT_EQ(command({"consumers", "reset", "plain", "earliest"}).exit, 0);
    EXPECT_EQ(next_of("$all"), 0u);
    EXPECT_EQ(command({"consumers", "rm", "plain"}).exit, 0);
    EXPECT_NE(command({"consumers", "show", "plain"}).exit, 0);
    EXPECT_THAT(command({"consumers", "ls"}).output, testing::HasSubstr("plain2"));
    EXPECT_NE(command({"consumers", "rm", "plain"}).exit, 0);
    EXPECT_NE(command({"consumers", "reset", "plain", "earliest"}).exit, 0);
    EXPECT_EQ(command({"consumers", "rm", "plain2"}).exit, 0);
    EXPECT_THAT(command({"consumers", "ls"}).output, testing::Not(testing::HasSubstr("plain")));
  }
}

}  // namespace
}  // namespace strandline::tests
