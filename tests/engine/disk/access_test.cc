// What the operating system withholds (another user's files, too few file descriptors) is told as
// that, at every door: never as missing or damaged, never with a remedy that gives events up, and
// nothing is changed over it.
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "tests/support/log/log_test.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr uid_t kNobody = 65534;

class Withheld : public LogTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "this machine does not let a test run as another user: it is not root";
    }
    // Tables, a WAL, and what stands beside them.
    for (int i = 0; i < 3; ++i) {
      append("s", 100);
      ASSERT_TRUE(log().create_stream("t" + std::to_string(i)));
      close();
    }
    fs::permissions(directory().path(), fs::perms(0755));
    give(data(), kNobody);
    for (const auto& entry : fs::recursive_directory_iterator(data())) give(entry.path(), kNobody);
  }

  static void give(const fs::path& path, uid_t owner) {
    ASSERT_EQ(lchown(path.c_str(), owner, owner), 0) << path;
  }
  // As root's own, which nobody may not even look at.
  static fs::perms withhold(const fs::path& path) {
    const fs::perms before = fs::status(path).permissions();
    give(path, 0);
    fs::permissions(path, fs::perms::none);
    return before;
  }
  static void give_back(const fs::path& path, fs::perms permissions) {
    fs::permissions(path, permissions);
    give(path, kNobody);
  }

  Outcome as_nobody(std::vector<std::string> arguments) const {
    std::vector<std::string> all = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                    STRANDLINE_PROGRAM};
    std::ranges::move(arguments, std::back_inserter(all));
    const bool serves = all[5] == "serve";
    all.insert(all.end(), {"--data", data().string()});
    if (serves) all.insert(all.end(), {"--listen", "127.0.0.1:0"});
    Process process(std::move(all), "an event\n");
    // A server that starts is none that was refused.
    if (serves && process.line()) process.signal(SIGKILL);
    Outcome outcome{.exit = 0, .output = process.rest_of_output(), .errors = {}};
    outcome.exit = process.wait();
    outcome.errors = process.errors();
    return outcome;
  }

  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> all;
    for (const fs::path& file : files_below(data())) all[file.string()] = read_file(file);
    return all;
  }

  const std::vector<std::vector<std::string>> owners = {{"append", "s"},
                                                        {"serve"},
                                                        {"serve", "--accept-loss"},
                                                        {"import", "-", "--text", "--stream", "s"}};
  const std::vector<std::vector<std::string>> observers = {
      {"read", "s"}, {"export", "--all"}, {"verify"}, {"streams"}};
};

void expect_told(const Outcome& outcome, const fs::path& path) {
  EXPECT_EQ(outcome.exit, 5) << outcome.errors;
  EXPECT_THAT(outcome.errors, HasSubstr(path.string() + ": Permission denied"));
  EXPECT_THAT(outcome.errors, HasSubstr("user id 65534"));
  EXPECT_THAT(outcome.errors, HasSubstr("chown"));
  for (const char* wrong : {"missing", "damaged", "accept_loss", "no such", "lost"}) {
    EXPECT_THAT(outcome.errors, Not(HasSubstr(wrong)));
  }
}

TEST_F(Withheld, IsToldAsThatByEveryCommandAndForEveryFileAndChangesNothing) {
  std::vector<fs::path> paths = files_below(data());
  paths.insert(paths.end(), {data(), data() / "store"});
  const auto before = contents();
  for (const fs::path& path : paths) {
    SCOPED_TRACE(path.string());
    const fs::perms permissions = withhold(path);
    for (const auto& command : owners) {
      SCOPED_TRACE(testing::PrintToString(command));
      expect_told(as_nobody(command), path);
    }
    for (const auto& command : observers) {
      SCOPED_TRACE(testing::PrintToString(command));
      const Outcome outcome = as_nobody(command);
      // The locks are the owner's alone.
      if (path.filename() == "LOCK") {
        EXPECT_EQ(outcome.exit, 0) << outcome.errors;
      } else {
        expect_told(outcome, path);
      }
    }
    give_back(path, permissions);
    ASSERT_EQ(contents(), before);
  }
  EXPECT_EQ(as_nobody({"verify"}).exit, 0);
  EXPECT_EQ(as_nobody({"append", "s"}).exit, 0);
}

TEST_F(Withheld, AFileThatMayOnlyBeReadIsReadAndNotWritten) {
  const auto before = contents();
  fs::path wal;
  for (const fs::path& file : files_below(data() / "store", ".log")) wal = file;
  for (const fs::path& path : {data(), data() / "store", data() / "HEAD", data() / "LOCK", wal}) {
    SCOPED_TRACE(path.string());
    const fs::perms permissions = fs::status(path).permissions();
    give(path, 0);
    fs::permissions(path, fs::is_directory(path) ? fs::perms(0755) : fs::perms(0644));
    for (const auto& command : owners) expect_told(as_nobody(command), path);
    for (const auto& command : observers) {
      const Outcome outcome = as_nobody(command);
      EXPECT_EQ(outcome.exit, 0) << outcome.errors;
    }
    give_back(path, permissions);
    ASSERT_EQ(contents(), before);
  }
}

// The engine, which programs embed: this process is root, so that all it cannot do is too much.
TEST(FileDescriptors, TooFewOfThemEndInAMessageAtEveryDoor) {
#ifdef STRANDLINE_SANITIZED
  GTEST_SKIP() << "this machine does not let it be seen: a sanitizer needs files itself";
#endif
  const TemporaryDirectory directory;
  const std::string data = (directory / "data").string();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(strandline({"append", "s", "--data", data}, "an event\n").exit, 0);
  }
  const auto limited = [&](int files, const std::string& command) {
    return std::vector<std::string>{
        "sh", "-c",
        "ulimit -n " + std::to_string(files) + "; exec \"$0\" " + command + " --data " + data,
        STRANDLINE_PROGRAM};
  };
  const auto expect_message = [](int exit, const std::string& errors) {
    // 5: RocksDB had too few for a table, and the log was sealed before the append came.
    EXPECT_TRUE(exit == 1 || exit == 5) << exit << ": " << errors;
    EXPECT_THAT(errors, HasSubstr("strandline: "));
    EXPECT_THAT(errors, HasSubstr("oo many open files"));
    EXPECT_THAT(errors, Not(HasSubstr("accept_loss")));
  };
  const int seldom = static_cast<int>(number_from("STRANDLINE_FILES_STEP", 16));
  int refused = 0, served = 0;
  // Below that many, the program does not even find its libraries.
  for (int files = 4; files <= 200; files += files < 40 ? 1 : seldom) {
    SCOPED_TRACE("ulimit -n " + std::to_string(files));
    for (const char* command : {"append s", "read s", "verify"}) {
      SCOPED_TRACE(command);
      const Outcome outcome = run(limited(files, command), "an event\n");
      if (outcome.exit != 0) expect_message(outcome.exit, outcome.errors);
      refused += outcome.exit != 0;
    }
    Process server(limited(files, "serve --listen 127.0.0.1:0"));
    const auto line = server.line();
    if (line) {
      EXPECT_THAT(*line, HasSubstr("listening on"));
      server.signal(SIGTERM);
      EXPECT_EQ(server.wait(), 0) << server.errors();
      ++served;
    } else {
      expect_message(server.wait(), server.errors());
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(served, 0);
}

}  // namespace
}  // namespace strandline::tests
