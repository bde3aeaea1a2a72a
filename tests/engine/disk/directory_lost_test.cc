// A log whose directory is removed, renamed or replaced while it is open, or its store, its lock,
// or a file without which nothing, or not all of it, is found again: it seals itself by itself,
// says why, is read from what it holds, and touches nothing of what stands there now.
#include <map>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> everything_in(const fs::path& directory) {
  std::map<std::string, std::string> all;
  for (const fs::path& file : files_below(directory)) all[file.string()] = read_file(file);
  return all;
}

class DirectoryLost : public LogTest {
 protected:
  DirectoryLost() {
    options.on_warning = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      warnings_ += line + "\n";
    };
    append("s", 10);
  }
  std::string warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }

  // Nobody appends meanwhile.
  void expect_sealed(const std::string& why) {
    ASSERT_TRUE(eventually([&] { return log().sealed().has_value(); }));
    EXPECT_THAT(*log().sealed(), testing::HasSubstr(why));
    const auto refused = log().appends_refused();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code, Code::sealed);
    EXPECT_EQ(code_of(log().append(Append{.stream = "s", .batch = batch("s", Offset{10}, 1)})),
              Code::sealed);
    EXPECT_EQ(read("s").offsets(), range(0, 10));
    EXPECT_TRUE(eventually([&] { return warnings().find(why) != std::string::npos; }));
  }

 private:
  std::mutex mutex_;  // guards warnings_
  std::string warnings_;
};

TEST_F(DirectoryLost, ARemovedOneIsNoticedAndNotMadeAgain) {
  fs::remove_all(data());
  expect_sealed("was removed");
  close();
  EXPECT_FALSE(fs::exists(data()));
  append("s", 5);  // a new log
}

TEST_F(DirectoryLost, ARenamedOneIsNoticedAndLeftAsItWas) {
  fs::rename(data(), directory() / "elsewhere");
  expect_sealed("was removed, or renamed");
  close();
  EXPECT_FALSE(fs::exists(data()));
  fs::rename(directory() / "elsewhere", data());
  expect_stream("s", 0, 10);
}

TEST_F(DirectoryLost, ItsStoreOrItsLockIsNoticed) {
  for (const char* name : {"store", "LOCK"}) {
    SCOPED_TRACE(name);
    close();
    fs::remove_all(data());
    append("s", 10);
    fs::remove_all(data() / name);
    expect_sealed((data() / name).string() + " was removed");
    close();
    EXPECT_FALSE(fs::exists(data() / name));
  }
  fs::remove_all(data());
}

TEST_F(DirectoryLost, AFileWithoutWhichItIsNotOpenedAgainWholeIsNoticed) {
  for (const char* name : {"FORMAT", "HEAD", "store/CURRENT", "the WAL", "store/*"}) {
    SCOPED_TRACE(name);
    close();
    fs::remove_all(data());
    append("s", 10);
    std::vector<fs::path> files = {data() / name};
    if (!fs::exists(files[0])) files = files_below(data() / "store");
    if (name == std::string("the WAL")) files = files_below(data() / "store", ".log");
    ASSERT_FALSE(files.empty());
    for (const fs::path& file : files) fs::remove(file);
    expect_sealed("was removed");
    close();
    for (const fs::path& file : files) EXPECT_FALSE(fs::exists(file)) << file;
  }
  fs::remove_all(data());
}

// What takes its place by itself is no loss: RocksDB renames CURRENT, and moves on to another WAL.
TEST_F(DirectoryLost, AWalThatIsMovedOnFromIsNoLoss) {
  for (uint64_t first = 10; first < 60; first += 10) {
    ASSERT_TRUE(log().roll());
    append("s", 10);
  }
  EXPECT_EQ(log().sealed(), std::nullopt);
  reopen();
  expect_stream("s", 0, 60);
  EXPECT_EQ(log().sealed(), std::nullopt);
}

TEST_F(DirectoryLost, AnotherThatStandsThereNowIsNotTouched) {
  // Of a store with tables, which RocksDB would delete, for it does not know them.
  const fs::path other = directory() / "other";
  {
    auto log = Log::open(other).value();
    ASSERT_TRUE(log->append(Append{.stream = "o", .batch = batch("o", Offset{0}, 100)}));
    log.reset();
    log = Log::open(other).value();
  }
  fs::rename(data(), directory() / "elsewhere");
  fs::rename(other, data());
  const auto before = everything_in(data());
  expect_sealed("was replaced");
  EXPECT_EQ(code_of(log().roll()), Code::sealed);
  close();
  EXPECT_EQ(everything_in(data()), before);
  expect_stream("o", 0, 100);
  close();
}

TEST_F(DirectoryLost, ALockThatIsReplacedIsNoticed) {
  fs::remove(data() / "LOCK");
  write_file(data() / "LOCK", "");
  expect_sealed("LOCK was replaced");
}

TEST_F(DirectoryLost, AServerOfItSaysSoAndEndsCleanly) {
  const fs::path other = directory() / "served";
  ServerProcess server(other);
  HttpClient client = server.client();
  ASSERT_EQ(client.post("/v1/streams/s/events", R"({"type":"t"})").status, 201u);
  fs::remove_all(other);
  ASSERT_TRUE(eventually([&] { return client.get("/readyz").status == 503; }));
  EXPECT_EQ(client.get("/readyz").json()["reason"].str(), "sealed");
  EXPECT_EQ(client.post("/v1/streams/s/events", R"({"type":"t"})").status, 503u);
  EXPECT_EQ(client.get("/v1/streams/s/events").json()["events"].size(), 1u);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.process().errors(), testing::HasSubstr("was removed"));
  EXPECT_FALSE(fs::exists(other));
}

}  // namespace
}  // namespace strandline::tests
