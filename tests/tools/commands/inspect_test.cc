// `strandline stats`, `inspect` and `doctor`: of a server, of its directory beside it, and of a
// directory that nobody owns.
#include <filesystem>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using Arguments = std::vector<std::string>;

class InsideCommands : public ::testing::Test {
 protected:
  InsideCommands() {
    Arguments append = {"append", "s", "--data", data_};
    EXPECT_EQ(strandline(append, "one\ntwo\n").exit, 0);
  }
  // Of a stopped log, then of a server and of its directory.
  void on_all(const Arguments& command, const std::function<void(const Outcome&)>& expect) {
    const auto run_on = [&](const Arguments& target) {
      Arguments arguments = command;
      arguments.insert(arguments.end(), target.begin(), target.end());
      const Outcome outcome = strandline(arguments);
      SCOPED_TRACE(target[0] + ": " + outcome.output + outcome.errors);
      expect(outcome);
    };
    run_on({"--data", data_});
    const ServerProcess server(data_);
    run_on({"--server", server.address().url()});
    run_on({"--data", data_});
  }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
};

TEST_F(InsideCommands, StatsAnswerOnAServerItsDirectoryAndAStoppedOne) {
  on_all({"stats"}, [](const Outcome& outcome) {
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_THAT(outcome.output, HasSubstr("events       2, in 1 segments"));
    EXPECT_THAT(outcome.output, testing::ContainsRegex("s +2 +[0-9]+ +[0-9]+"));
  });
  on_all({"stats", "s", "--json"}, [](const Outcome& outcome) {
    const Json stats = Json::parse(outcome.output);
    EXPECT_EQ(stats["log"]["events"].number(), 2u);
    EXPECT_EQ(stats["streams"][0]["events"].number(), 2u);
  });
  on_all({"stats", "none"}, [](const Outcome& outcome) { EXPECT_EQ(outcome.exit, 3); });
}

TEST_F(InsideCommands, InspectAnswersOnAServerItsDirectoryAndAStoppedOne) {
  on_all({"inspect", "segment", "1"}, [](const Outcome& outcome) {
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_THAT(outcome.output, HasSubstr("a segment\n"));
  });
  on_all({"inspect", "batch", "s", "1"}, [](const Outcome& outcome) {
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_THAT(outcome.output, HasSubstr("a stored batch\n"));
    EXPECT_THAT(outcome.output, HasSubstr("key, 24 bytes, of the family events\n"));
    EXPECT_THAT(outcome.output, HasSubstr("|"));
    EXPECT_THAT(outcome.output, HasSubstr("STRB"));
  });
  on_all({"inspect", "keys", "streams"}, [](const Outcome& outcome) {
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_THAT(outcome.output, HasSubstr("010000000000000001\n"));
  });
  on_all({"inspect", "key", "streams", "010000000000000001"}, [](const Outcome& outcome) {
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_THAT(outcome.output, testing::ContainsRegex("name +s\n"));
  });
  for (const auto& [command, exit] :
       std::vector<std::pair<Arguments, int>>{{{"inspect", "segment", "9"}, 3},
                                              {{"inspect", "batch", "s", "9"}, 3},
                                              {{"inspect", "key", "streams", "xx"}, 2},
                                              {{"inspect", "keys", "nonsense"}, 2},
                                              {{"inspect"}, 2}}) {
    Arguments arguments = command;
    if (arguments.size() > 1) arguments.insert(arguments.end(), {"--data", data_});
    EXPECT_EQ(strandline(arguments).exit, exit) << testing::PrintToString(command);
  }
}

TEST_F(InsideCommands, TheDoctorAnswersOnAServerItsDirectoryAndAStoppedOne) {
  on_all({"doctor"}, [](const Outcome& outcome) {
    EXPECT_EQ(outcome.exit, 0);
    for (const char* check :
         {" log: ", " disk: ", " fsync rate: ", " clock: ", " permissions: ", " open files: "}) {
      EXPECT_THAT(outcome.output, HasSubstr(check));
    }
    EXPECT_THAT(outcome.output, HasSubstr("0 problems"));
  });
}

TEST_F(InsideCommands, TheDoctorSaysWhatIsWrongAndWhatToDo) {
  const auto doctor = [&](const std::string& data) {
    return strandline({"doctor", "--data", data});
  };
  const Outcome missing = doctor((directory_ / "none").string());
  EXPECT_EQ(missing.exit, 1);
  EXPECT_THAT(missing.output, HasSubstr("problem  log: it does not open"));
  EXPECT_THAT(missing.output, HasSubstr("what to do: "));
  namespace fs = std::filesystem;
  fs::permissions(data_, fs::perms::others_write | fs::perms::others_exec, fs::perm_options::add);
  const Outcome open = doctor(data_);
  EXPECT_EQ(open.exit, 1);
  EXPECT_THAT(open.output, HasSubstr("chmod 700"));
  fs::permissions(data_, fs::perms::owner_all);
  EXPECT_EQ(doctor(data_).exit, 0);
  write_file(fs::path(data_) / "FORMAT", "strandline 1\n");
  const Outcome older = doctor(data_);
  EXPECT_EQ(older.exit, 1);
  EXPECT_THAT(older.output, HasSubstr("export the log with the build that wrote it"));
  EXPECT_EQ(strandline({"doctor", "--server", "http://127.0.0.1:1"}).exit, 6);
}

}  // namespace
}  // namespace strandline::tests
