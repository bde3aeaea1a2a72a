// An observer reads a directory, running or not, without disturbing its owner.
#include <rocksdb/file_system.h>

#include <atomic>
#include <functional>
#include <thread>

#include "tests/support/log/log_test.h"
#include "tests/support/process/child.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class Observing : public LogTest {
 protected:
  std::unique_ptr<Log> observe() {
    Options observer = options;
    observer.mode = Options::Mode::observer;
    auto opened = Log::open(data(), observer);
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }
};

TEST_F(Observing, ReadsARunningLog) {
  append("s", 20);
  append("t", 5);
  const auto observer = observe();
  EXPECT_EQ(observer->describe("s")->tail, Offset{20});
  EXPECT_EQ(observer->list("", "", 10).size(), 2u);
  expect_events(read_all(*observer, {.select = Selection::stream("s")}), "s", 0, 20);
  EXPECT_EQ(read_all(*observer, {}).sequences(), range(0, 25));
  append("s", 5);
  expect_stream("s", 0, 25);
  const auto later = observe();
  expect_events(read_all(*later, {.select = Selection::stream("s")}), "s", 0, 25);
}

TEST_F(Observing, ReadsALogThatIsAtRestAndChangesNothing) {
  append("s", 20);
  ASSERT_TRUE(log().roll());
  append("s", 20);
  close();
  std::map<std::string, std::string> before, after;
  const auto contents = [&](auto& into) {
    for (const auto& file : files_below(data())) into[file.string()] = read_file(file);
  };
  contents(before);
  {
    const auto observer = observe();
    expect_events(read_all(*observer, {.select = Selection::stream("s")}), "s", 0, 40);
    EXPECT_TRUE(observer->verify().findings.empty());
    EXPECT_EQ(observer->segments().size(), 2u);
  }
  contents(after);
  for (const auto& [file, bytes] : before) EXPECT_EQ(after[file], bytes) << file;
}

TEST_F(Observing, RefusesToWrite) {
  append("s", 3);
  const auto observer = observe();
  EXPECT_EQ(code_of(observer->append(Append{.stream = "s", .batch = batch_of_type("t")})),
            Code::read_only);
  EXPECT_EQ(code_of(observer->create_stream("x")), Code::read_only);
  EXPECT_EQ(code_of(observer->delete_stream("s")), Code::read_only);
  EXPECT_EQ(code_of(observer->truncate("s", Offset{1})), Code::read_only);
  EXPECT_EQ(code_of(observer->roll()), Code::read_only);
  EXPECT_EQ(code_of(observer->commit({.consumer = "c", .stream = "s", .next = 1})),
            Code::read_only);
  expect_stream("s", 0, 3);
}

TEST_F(Observing, OfNothingIsRefusedAndCreatesNothing) {
  options.mode = Options::Mode::observer;
  EXPECT_FALSE(Log::open(data(), options));
  EXPECT_FALSE(fs::exists(data()));
}

TEST_F(Observing, OfALogThatIsBeingMadeIsRefusedAndMakesNothing) {
  append("s", 1);
  close();
  fs::remove_all(data() / "store");
  fs::remove(data() / "HEAD");
  options.mode = Options::Mode::observer;
  EXPECT_EQ(code_of(Log::open(data(), options)), Code::not_found);
  EXPECT_FALSE(fs::exists(data() / "store"));
}

// Does something just before a file of a kind is opened to be read, the n-th time that one is.
class BeforeReading : public rocksdb::FileSystemWrapper {
 public:
  BeforeReading(std::string part, int time, std::function<void()> what)
      : FileSystemWrapper(rocksdb::FileSystem::Default()),
        part_(std::move(part)),
        left_(time),
        what_(std::move(what)) {}
  const char* Name() const override { return "BeforeReading"; }

  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    opening(name);
    return FileSystemWrapper::NewSequentialFile(name, options, file, debug);
  }
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override {
    opening(name);
    return FileSystemWrapper::NewRandomAccessFile(name, options, file, debug);
  }

 private:
  void opening(const std::string& name) {
    if (name.find(part_) != name.npos && --left_ == 0) what_();
  }

  const std::string part_;
  std::atomic<int> left_;
  const std::function<void()> what_;
};

// Before a WAL is checked; before the list of tables is read; after that, before a WAL or a table
// is opened; and when all are.
TEST_F(Observing, WhatWasInAFileThatItsOwnerRemovesMeanwhileIsInAnother) {
  const std::pair<std::string, int> moments[] = {
      {".log", 1}, {"MANIFEST-", 1}, {".log", 2}, {".sst", 1}, {"IDENTITY", 2}};
  uint64_t appended = 0, others = 0;
  for (const auto& [part, time] : moments) {
    append("s", 20);
    append("t", 1);
    appended += 20;
    const uint64_t least = ++others;
    const auto files = files_below(data(), part == ".sst" ? ".sst" : ".log");
    bool removed = false;
    const auto disk = std::make_shared<BeforeReading>(part, time, [&] {
      removed = eventually([&] {
        EXPECT_TRUE(log().roll());  // and compacts, when there are some
        append("t", 1);
        ++others;
        return !std::ranges::all_of(files, [](const auto& f) { return fs::exists(f); });
      });
    });
    Options observer = options;
    observer.mode = Options::Mode::observer;
    observer.file_system = std::static_pointer_cast<rocksdb::FileSystem>(disk);
    const auto opened = Log::open(data(), observer);
    ASSERT_TRUE(removed) << part << time;
    ASSERT_TRUE(opened) << opened.error().message;
    const Transcript all = read_all(**opened, {.select = Selection::all()});
    EXPECT_EQ(all.gaps.size(), 0u);
    expect_events(read_all(**opened, {.select = Selection::stream("s")}), "s", 0, appended);
    const uint64_t tail = (*opened)->describe("t")->tail.value;
    EXPECT_GE(tail, least);
    EXPECT_LE(tail, others);
    expect_events(read_all(**opened, {.select = Selection::stream("t")}), "t", 0, tail);
  }
}

// It is not shown as if what the table holds had never been there.
TEST_F(Observing, ADamagedOrMissingTableIsRefusedAndNamed) {
  append("s", 20);
  reopen();
  close();
  for (const auto& table : files_below(data(), ".sst")) {
    const std::string bytes = read_file(table);
    options.mode = Options::Mode::observer;
    for (const std::string& now : {bytes.substr(0, bytes.size() / 2), std::string()}) {
      write_file(table, now);
      if (now.empty()) fs::remove(table);
      const auto refused = Log::open(data(), options);
      ASSERT_EQ(code_of(refused), Code::corrupt) << table;
      EXPECT_THAT(refused.error().message, testing::HasSubstr(table.filename().string()));
    }
    write_file(table, bytes);
  }
  expect_events(read_all(*observe(), {.select = Selection::stream("s")}), "s", 0, 20);
}

TEST_F(Observing, AgainAndAgainBesideAnOwnerWhoseWalsComeAndGo) {
  Log& owner = log();
  std::atomic<uint64_t> acknowledged = 0;
  const std::jthread writing([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const uint64_t next = acknowledged;
      EXPECT_TRUE(owner.append({.stream = "s", .batch = batch("s", Offset{next}, 20)}));
      acknowledged = next + 20;
      EXPECT_TRUE(owner.roll());
    }
  });
  for (int round = 0; round < 20; ++round) {
    const uint64_t least = acknowledged;
    const auto observer = observe();
    const auto there = observer->describe("s");
    const uint64_t tail = there ? there->tail.value : 0;
    EXPECT_GE(tail, least);
    if (there) {
      expect_events(read_all(*observer, {.select = Selection::stream("s")}), "s", 0, tail);
    }
  }
}

TEST_F(Observing, AgainAndAgainBesideABusyOwnerInAnotherProcess) {
  Process owner(child_command({"append", data().string(), "s"}));
  ASSERT_EQ(owner.line(), "opened");
  uint64_t acknowledged = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 20; ++i) {
      const auto line = owner.line();
      ASSERT_TRUE(line);
      acknowledged = std::stoull(line->substr(line->rfind(' ') + 1));
    }
    const auto observer = observe();
    const uint64_t tail = observer->describe("s")->tail.value;
    EXPECT_GE(tail, acknowledged);  // what was acknowledged before it opened, it sees
    expect_events(read_all(*observer, {.select = Selection::stream("s")}), "s", 0, tail);
  }
  EXPECT_TRUE(owner.running());
  owner.kill_and_wait();
  EXPECT_GE(describe("s").tail.value, acknowledged);
}

}  // namespace
}  // namespace strandline::tests
