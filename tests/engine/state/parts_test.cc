// The parts of the log's state (engine/state/part.h): one more is added by its own file and a line,
// and is loaded, staged, published, verified and rebuilt as the others are.
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <future>

#include "engine/log_parts.h"
#include "engine/opening/opening.h"
#include "engine/state/verification.h"
#include "tests/support/disk/fault_file_system.h"
#include "tests/support/log/counting_part.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

// A log with a part more, without the facade.
class Parts : public ::testing::Test {
 protected:
  // The tests have an Operation and an Outcome of their own.
  using Operation = strandline::Operation;
  using Outcome = strandline::Outcome;

  Parts() { options.disk_reserve_bytes = 0; }
  ~Parts() override { close(); }

  void open(const fs::path& directory) {
    close();
    auto opened = open_state(directory, options, [&](LogState& log) {
      auto part = std::make_unique<CountingPart>(log);
      counts_ = part.get();
      return part;
    });
    ASSERT_TRUE(opened) << opened.error().message;
    state_ = std::move(opened->state);
    syncer_ = std::make_unique<CommitStage>(*state_);
    writer_ = std::make_unique<Writer>(*state_, *syncer_);
  }
  void open() { open(data()); }
  void close() {
    if (writer_) writer_->stop();
    if (syncer_) syncer_->stop();
    writer_.reset();
    syncer_.reset();
    state_.reset();
  }

  Result<Outcome> perform(Operation::Request request) {
    return wait_for<Outcome>([&](auto done) {
      Operation operation{.request = std::move(request), .done = done, .bytes = kOperationBytes};
      if (auto ok = writer_->submit(operation); !ok) done(std::unexpected(ok.error()));
    });
  }
  AppendMany next(const std::string& stream, uint32_t count) {
    const Stream* found = state_->streams.find(stream);
    AppendMany many;
    many.parts.push_back({stream, batch(stream, found ? found->tail() : Offset(0), count)});
    return many;
  }
  void append(const std::string& stream, uint32_t count) {
    ASSERT_TRUE(perform(next(stream, count)));
  }
  uint64_t counted(const std::string& stream) {
    const Stream* found = state_->streams.find(stream);
    return found ? counts_->durable(found->id) : 0;
  }
  std::vector<Finding> findings() { return verify(*state_, nullptr).findings; }

  fs::path data() const { return directory_ / "data"; }
  void lose_tables_of(const std::string& family) {
    size_t lost = 0;
    for (const fs::path& table : files_below(data() / "store", ".sst")) {
      rocksdb::SstFileReader reader{rocksdb::Options()};
      if (!reader.Open(table.string()).ok()) continue;
      if (reader.GetTableProperties()->column_family_name != family) continue;
      fs::remove(table);
      ++lost;
    }
    ASSERT_GT(lost, 0u);
  }

  Options options;
  TemporaryDirectory directory_;
  std::unique_ptr<LogState> state_;
  CountingPart* counts_ = nullptr;
  std::unique_ptr<CommitStage> syncer_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(Parts, AreLoadedAsTheyWereStaged) {
  open();
  for (int i = 0; i < 3; ++i) {
    append("a", 2);
    append("b", 5);
  }
  ASSERT_TRUE(perform(Roll{}));
  append("a", 1);
  EXPECT_EQ(counted("a"), 7u);
  EXPECT_EQ(counted("b"), 15u);
  open();
  EXPECT_EQ(counted("a"), 7u);
  EXPECT_EQ(counted("b"), 15u);
  append("b", 1);
  EXPECT_EQ(counted("b"), 16u);
  EXPECT_TRUE(findings().empty());
}

TEST_F(Parts, GoThroughACrashWithTheEventsOfTheirGroup) {
  open();
  for (int i = 0; i < 20; ++i) append("a", 3);
  // What the operating system has while the log is open is what a kill leaves.
  const fs::path crashed = directory_ / "crashed";
  copy_live(data(), crashed);
  append("a", 1);
  open(crashed);
  EXPECT_EQ(state_->streams.find("a")->tail(), Offset(60));
  EXPECT_EQ(counted("a"), 60u);
  EXPECT_TRUE(findings().empty());
}

TEST_F(Parts, ArePublishedAfterTheFsyncAndBeforeTheWakeUps) {
  auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  open();
  append("a", 1);
  const StreamId stream = state_->streams.find("a")->id;
  std::promise<uint64_t> woken;
  const auto wakeup = std::make_shared<Wakeup>(state_->wakeups, stream);
  wakeup->arm([&] { woken.set_value(counts_->durable(stream)); });
  faults->hold();
  const uint64_t syncs = faults->syncs();
  std::promise<Result<Outcome>> answered;
  Operation operation{.request = next("a", 4),
                      .done = [&](Result<Outcome> o) { answered.set_value(std::move(o)); },
                      .bytes = kOperationBytes};
  ASSERT_TRUE(writer_->submit(operation));
  ASSERT_TRUE(eventually([&] { return faults->syncs() > syncs; }));
  EXPECT_EQ(counts_->durable(stream), 1u);
  faults->release();
  EXPECT_EQ(woken.get_future().get(), 5u);
  EXPECT_TRUE(answered.get_future().get());
}

TEST_F(Parts, OfAGroupThatFailedAreNotPublished) {
  auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  open();
  append("a", 1);
  faults->fail();
  EXPECT_EQ(code_of(perform(next("a", 4))), Code::outcome_unknown);
  EXPECT_EQ(counted("a"), 1u);
}

TEST_F(Parts, AreVerified) {
  open();
  append("a", 3);
  EXPECT_TRUE(findings().empty());
  ASSERT_TRUE(counts_->spoil(state_->streams.find("a")->id, 2));
  const auto found = findings();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.front().what, "it is 2, and 3 events were appended");
}

TEST_F(Parts, AreRebuiltFromTheEvents) {
  open();
  append("a", 3);
  append("b", 4);
  open();  // into tables
  close();
  lose_tables_of("producers");
  options.accept_loss = true;
  open();
  EXPECT_EQ(counted("a"), 3u);
  EXPECT_EQ(counted("b"), 4u);
  options.accept_loss = false;
  open();
  append("a", 1);
  EXPECT_EQ(counted("a"), 4u);
  EXPECT_TRUE(findings().empty());
}

TEST_F(Parts, OfManyGroupsAtOnceAreKeptApart) {
  auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  open();
  append("a", 1);
  faults->hold();
  std::atomic<int> answers = 0;
  const auto submit = [&](Operation::Request request) {
    Operation operation{.request = std::move(request),
                        .done =
                            [&](const Result<Outcome>& outcome) {
                              EXPECT_TRUE(outcome);
                              ++answers;
                            },
                        .bytes = kOperationBytes};
    ASSERT_TRUE(writer_->submit(operation));
  };
  constexpr int kGroups = 20;
  for (int i = 0; i < kGroups; ++i) {
    submit(AppendMany{.parts = {{"a", batch_of_type("t")}}});
    submit(CreateStream{.name = std::to_string(i)});  // which has a group alone
  }
  faults->release();
  ASSERT_TRUE(eventually([&] { return answers == 2 * kGroups; }));
  EXPECT_EQ(counted("a"), 1u + kGroups);
  open();
  EXPECT_EQ(counted("a"), 1u + kGroups);
  EXPECT_EQ(counted("0"), 0u);
}

}  // namespace
}  // namespace strandline::tests
