// Named consumers of a stream that is damaged: the batch that is lost is said, and all the rest is
// given; nothing is taken for handled that nobody was given or told of.
#include <future>

#include "tests/support/disk/fault_file_system.h"
#include "tests/support/log/consumer_test.h"
#include "tests/support/process/deadline.h"

namespace strandline::tests {
namespace {

class ConsumerDamage : public ConsumerTest, public testing::WithParamInterface<bool> {
 protected:
  ConsumerDamage() {
    options.batch_cache_bytes = 0;
    options.block_cache_bytes = 0;
    options.file_system = FaultFileSystem::as_option(faults_);
  }

  static std::string stamp_of(uint64_t offset) {
    return "<" + std::to_string(offset) + " is here>";
  }

  // Twenty events in four batches, each in a block of its own.
  void fill() {
    for (uint64_t first = 0; first < 20; first += 5) {
      BatchBuilder builder;
      for (uint64_t i = first; i < first + 5; ++i) {
        const std::string data = stamp_of(i) + std::string(2'000, 'x');
        ASSERT_TRUE(builder.add({.type = "t", .form = DataForm::binary, .data = data}));
      }
      ASSERT_TRUE(log().append(Append{.stream = "s", .batch = builder.finish().value()}));
    }
    reopen();
  }
  // In the table files, under the feet of the log that has them open.
  void flip_bit(uint64_t offset) {
    int found = 0;
    for (const auto& file : files_below(data(), ".sst")) {
      std::string bytes = read_file(file);
      const size_t at = bytes.find(stamp_of(offset));
      if (at == std::string::npos) continue;
      ++found;
      bytes[at] ^= 1;
      write_file(file, bytes);
    }
    ASSERT_EQ(found, 1);
  }
  Assignment assign(uint64_t epoch) {
    while (true) {
      std::promise<Result<Assignment>> answer;
      log().fetch(Fetch{.consumer = "c", .epoch = epoch},
                  [&](Result<Assignment> got) { answer.set_value(std::move(got)); });
      Assignment got = answer.get_future().get().value();
      if (!got.given.empty()) return got;
    }
  }
  static std::vector<uint64_t> without(uint64_t from, uint64_t to) {
    std::vector<uint64_t> all = range(0, 20);
    all.erase(all.begin() + static_cast<ptrdiff_t>(from), all.begin() + static_cast<ptrdiff_t>(to));
    return all;
  }
  // Nor can the tables be scanned, which is the last resort of a read that fails.
  void set_reads_fail(bool fail) {
    faults_->fail_reads(fail);
    if (fail) tables_ = files_below(data(), ".sst");
    for (const auto& table : tables_) {
      const std::string away = table.string() + ".away";
      std::filesystem::rename(fail ? table.string() : away, fail ? away : table.string());
    }
  }
  std::vector<std::filesystem::path> tables_;  // as they were when reads began to fail
  const std::shared_ptr<FaultFileSystem> faults_ = std::make_shared<FaultFileSystem>();

  static void expect_gap(const Fetched& fetched) {
    ASSERT_EQ(fetched.gaps.size(), 1u);
    EXPECT_EQ(fetched.gaps[0].reason, GapReason::damaged);
    EXPECT_EQ(fetched.gaps[0].from, 5u);
    EXPECT_EQ(fetched.gaps[0].to, 10u);
  }
};

TEST_P(ConsumerDamage, AReadThatFailsForTheMomentLosesNothing) {
  const Mode mode = GetParam() ? Mode::shared : Mode::exclusive;
  fill();
  create(mode);
  const uint64_t a = join();
  const auto expect_refused = [&](const Result<Fetched>& fetched) {
    ASSERT_EQ(code_of(fetched), Code::io);
    EXPECT_THAT(fetched.error().message, testing::HasSubstr("told to fail"));
  };
  set_reads_fail(true);
  expect_refused(log().fetch(Fetch{.consumer = "c", .epoch = a}));
  set_reads_fail(false);
  const Assignment assignment = assign(a);
  ASSERT_EQ(assignment.given.size(), 20u);
  set_reads_fail(true);
  expect_refused(log().retrieve(assignment));
  set_reads_fail(false);
  const Fetched fetched = fetch(a);
  EXPECT_EQ(positions(fetched), range(0, 20));
  EXPECT_EQ(fetched.given.at(0).attempt, 1u);
  EXPECT_TRUE(fetched.gaps.empty());
}

TEST_P(ConsumerDamage, WhatCannotBeReadGoesBackIntoAFullQueueToo) {
  options.limits.queue_appends_max = 20;
  options.limits.unsynced_bytes_max = options.limits.commit_group_bytes_max = 64 << 10;
  fill();
  create(GetParam() ? Mode::shared : Mode::exclusive);
  const uint64_t a = join();
  const Assignment assignment = assign(a);
  ASSERT_EQ(assignment.given.size(), 20u);
  faults_->hold();
  // More than the writer can have taken out of it, and it takes no more.
  std::atomic<uint64_t> refused = 0;
  const std::string data(8 << 10, 'x');
  const Batch large = Batch::of({{.type = "t", .form = DataForm::text, .data = data}}).value();
  for (uint64_t sent = 0; refused < 1000; ++sent) {
    ASSERT_LT(sent, 100'000u);
    log().append(Append{.stream = "other", .batch = large},
                 [&](const Result<Appended>& done) { refused += code_of(done) == Code::busy; });
  }
  set_reads_fail(true);
  EXPECT_EQ(code_of(log().retrieve(assignment)), Code::io);
  set_reads_fail(false);
  faults_->release();
  ASSERT_TRUE(eventually([&] { return log().counters().queue_bytes == 0; }));
  const Fetched fetched = fetch(a);
  EXPECT_EQ(positions(fetched), range(0, 20));
  EXPECT_EQ(fetched.given.at(0).attempt, 1u);
  close();
}

TEST_P(ConsumerDamage, IsAGapAndTheRestIsGiven) {
  const Mode mode = GetParam() ? Mode::shared : Mode::exclusive;
  fill();
  flip_bit(7);
  create(mode);
  const uint64_t a = join();
  const Fetched fetched = fetch(a);
  EXPECT_EQ(positions(fetched), without(5, 10));
  expect_gap(fetched);
  EXPECT_TRUE(fetch(a).empty());
  if (mode == Mode::exclusive) return;
  ASSERT_TRUE(ack(a, 0, 20));
  EXPECT_EQ(info().position, 20u);
}

TEST_P(ConsumerDamage, ThatCameAfterAnEventWasGivenOutIsAGapToo) {
  const Mode mode = GetParam() ? Mode::shared : Mode::exclusive;
  fill();
  create(mode);
  const uint64_t a = join();
  const Assignment assignment = assign(a);
  ASSERT_EQ(assignment.given.size(), 20u);
  flip_bit(7);
  const auto fetched = log().retrieve(assignment);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(positions(*fetched), without(5, 10));
  expect_gap(*fetched);
  if (mode == Mode::exclusive) return;
  // Nobody can handle what is gone: it is not given out for ever.
  EXPECT_TRUE(eventually([&] { return info().unacked == 15; }));
  ASSERT_TRUE(ack(a, 0, 20));
  EXPECT_EQ(info().position, 20u);
}

INSTANTIATE_TEST_SUITE_P(Modes, ConsumerDamage, testing::Bool(),
                         [](const auto& group) { return group.param ? "shared" : "exclusive"; });

}  // namespace
}  // namespace strandline::tests
