// Named consumers of a stream that is damaged: the batch that is lost is said, and all the rest is
// given; nothing is taken for handled that nobody was given or told of.
#include <future>

#include "tests/support/consumer_test.h"
#include "tests/support/fault_file_system.h"

namespace strandline::tests {
namespace {

class ConsumerDamage : public ConsumerTest, public testing::WithParamInterface<bool> {
 protected:
  ConsumerDamage() {
    options.window_bytes = 0;
    options.block_cache_bytes = 0;
    options.file_system = FaultFileSystem::as_option(faults_);
  }

  static std::string mark_of(uint64_t offset) { return "<" + std::to_string(offset) + " is here>"; }

  // Twenty events in four batches, each in a block of its own.
  void fill() {
    for (uint64_t first = 0; first < 20; first += 5) {
      BatchBuilder builder;
      for (uint64_t i = first; i < first + 5; ++i) {
        const std::string data = mark_of(i) + std::string(2'000, 'x');
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
      const size_t at = bytes.find(mark_of(offset));
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
  const std::shared_ptr<FaultFileSystem> faults_ = std::make_shared<FaultFileSystem>();

  static void expect_gap(const Fetched& fetched) {
    ASSERT_EQ(fetched.gaps.size(), 1u);
    EXPECT_EQ(fetched.gaps[0].reason, GapReason::damaged);
    EXPECT_EQ(fetched.gaps[0].from, 5u);
    EXPECT_EQ(fetched.gaps[0].to, 10u);
  }
};

// Nor can the tables be scanned, which is the last resort of a read that fails.
TEST_P(ConsumerDamage, AReadThatFailsForTheMomentLosesNothing) {
  const Mode mode = GetParam() ? Mode::shared : Mode::exclusive;
  fill();
  create(mode);
  const uint64_t a = join();
  const auto tables = files_below(data(), ".sst");
  const auto fail_reads = [&](bool fail) {
    faults_->fail_reads(fail);
    for (const auto& table : tables) {
      const std::string away = table.string() + ".away";
      std::filesystem::rename(fail ? table.string() : away, fail ? away : table.string());
    }
  };
  const auto expect_refused = [&](const Result<Fetched>& fetched) {
    ASSERT_EQ(code_of(fetched), Code::io);
    EXPECT_THAT(fetched.error().message, testing::HasSubstr("told to fail"));
  };
  fail_reads(true);
  expect_refused(log().fetch(Fetch{.consumer = "c", .epoch = a}));
  fail_reads(false);
  const Assignment assignment = assign(a);
  ASSERT_EQ(assignment.given.size(), 20u);
  fail_reads(true);
  expect_refused(log().retrieve(assignment));
  fail_reads(false);
  const Fetched fetched = fetch(a);
  EXPECT_EQ(positions(fetched), range(0, 20));
  EXPECT_EQ(fetched.given.at(0).attempt, 1u);
  EXPECT_TRUE(fetched.gaps.empty());
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
  EXPECT_EQ(info().unacked, 15u);
  ASSERT_TRUE(ack(a, 0, 20));
  EXPECT_EQ(info().position, 20u);
}

INSTANTIATE_TEST_SUITE_P(Modes, ConsumerDamage, testing::Bool(),
                         [](const auto& group) { return group.param ? "shared" : "exclusive"; });

}  // namespace
}  // namespace strandline::tests
