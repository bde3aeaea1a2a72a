// An observer reads a directory, running or not, without disturbing its owner.
#include <rocksdb/file_system.h>

#include <functional>

#include "tests/support/child.h"
#include "tests/support/log_test.h"
#include "tests/support/process.h"

namespace strandline::tests {
namespace {

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
  EXPECT_FALSE(std::filesystem::exists(data()));
}

// Does something just before a WAL is read for the first time.
class BeforeAWalIsRead : public rocksdb::FileSystemWrapper {
 public:
  explicit BeforeAWalIsRead(std::function<void()> once)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), once_(std::move(once)) {}
  const char* Name() const override { return "BeforeAWalIsRead"; }

  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    if (name.ends_with(".log") && once_) std::exchange(once_, nullptr)();
    return FileSystemWrapper::NewSequentialFile(name, options, file, debug);
  }

 private:
  std::function<void()> once_;
};

TEST_F(Observing, WhatWasInAWalThatItsOwnerRemovesMeanwhileIsInATable) {
  append("s", 20);
  const auto wal = files_below(data(), ".log").front();
  bool removed = false;
  const auto disk = std::make_shared<BeforeAWalIsRead>([&] {
    ASSERT_TRUE(log().roll());
    removed = eventually([&] { return !std::filesystem::exists(wal); });
  });
  append("s", 5);
  Options observer = options;
  observer.mode = Options::Mode::observer;
  observer.file_system = std::static_pointer_cast<rocksdb::FileSystem>(disk);
  const auto opened = Log::open(data(), observer);
  ASSERT_TRUE(removed);
  ASSERT_TRUE(opened) << opened.error().message;
  expect_events(read_all(**opened, {.select = Selection::stream("s")}), "s", 0, 25);
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
