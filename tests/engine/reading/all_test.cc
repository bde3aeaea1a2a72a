// Several streams read as one, in the order of commits: $all, a list, a prefix.
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Order : public LogTest {
 protected:
  // a: sequences 0 3 4 8; b: 1 2 9; c.1: 5; c.2: 6 7.
  void fill() {
    append("a", 1);
    append("b", 2);
    append("a", 2);
    append("c.1", 1);
    append("c.2", 2);
    append("a", 1);
    append("b", 1);
  }
  Transcript read_from(Selection select, From from) {
    return read_all(log(), {.select = std::move(select), .from = from});
  }
};

TEST_F(Order, AllIsReadBySequenceFromAnywhere) {
  fill();
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    for (uint64_t from = 0; from <= 10; ++from) {
      const Transcript all = read_from(Selection::all(), From::position(from));
      EXPECT_EQ(all.sequences(), range(from, 10));
      EXPECT_EQ(all.position, 10u);
      for (const Seen& seen : all.events) EXPECT_EQ(seen.difference, "");
    }
    EXPECT_EQ(log().available("$all")->tail, 10u);
    const auto refused = log().read({.from = From::position(11)});
    ASSERT_EQ(code_of(refused), Code::out_of_range);
    EXPECT_EQ(refused.error().available->tail, 10u);
  }
}

TEST_F(Order, AllNamesEachEventsStreamAndOffset) {
  fill();
  std::map<std::string, std::vector<uint64_t>> offsets;
  for (const Seen& seen : read_all(log(), {}).events) offsets[seen.stream].push_back(seen.offset);
  EXPECT_EQ(offsets["a"], range(0, 4));
  EXPECT_EQ(offsets["b"], range(0, 3));
  EXPECT_EQ(offsets["c.2"], range(0, 2));
}

TEST_F(Order, AllStartsAtTheLastNAndLatest) {
  fill();
  EXPECT_EQ(read_from(Selection::all(), From::last(3)).sequences(), range(7, 10));
  EXPECT_EQ(read_from(Selection::all(), From::last(100)).sequences(), range(0, 10));
  EXPECT_EQ(read_from(Selection::all(), From::latest()).sequences(), range(10, 10));
}

TEST_F(Order, AllStartsAtAMoment) {
  const auto clock = std::make_shared<ManualClock>(Timestamp{1'000});
  options.clock = clock;
  for (int i = 0; i < 10; ++i) {
    clock->set({1'000 + i * 10});
    append(i % 2 == 0 ? "a" : "b", 2);
    if (i == 5) {
      ASSERT_TRUE(log().roll());
    }
  }
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(read_from(Selection::all(), From::time({0})).sequences(), range(0, 20));
    EXPECT_EQ(read_from(Selection::all(), From::time({1'030})).sequences(), range(6, 20));
    EXPECT_EQ(read_from(Selection::all(), From::time({1'031})).sequences(), range(8, 20));
    EXPECT_EQ(read_from(Selection::all(), From::time({1'060})).sequences(), range(12, 20));
    EXPECT_EQ(read_from(Selection::all(), From::time({2'000})).sequences(), range(20, 20));
  }
}

TEST_F(Order, AllIsBoundedByCountAndResumes) {
  fill();
  uint64_t from = 0;
  std::vector<uint64_t> sequences;
  while (from < 10) {
    const Transcript page = read_all(log(), {.from = From::position(from), .events_max = 3});
    EXPECT_LE(page.events.size(), 3u);
    ASSERT_GT(page.position, from);
    for (const uint64_t sequence : page.sequences()) sequences.push_back(sequence);
    from = page.position;
  }
  EXPECT_EQ(sequences, range(0, 10));
}

TEST_F(Order, AListIsReadInTheOrderOfCommits) {
  fill();
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(read_from(Selection::list({"b", "a"}), From::earliest()).sequences(),
              (std::vector<uint64_t>{0, 1, 2, 3, 4, 8, 9}));
    const Transcript from_4 = read_from(Selection::list({"b", "a"}), From::position(4));
    EXPECT_EQ(from_4.sequences(), (std::vector<uint64_t>{4, 8, 9}));
    EXPECT_EQ(from_4.position, 10u);
  }
}

TEST_F(Order, APrefixIsReadInTheOrderOfCommits) {
  fill();
  EXPECT_EQ(read_from(Selection::prefix("c."), From::earliest()).sequences(), range(5, 8));
  EXPECT_EQ(read_from(Selection::prefix("c."), From::position(6)).sequences(), range(6, 8));
  EXPECT_EQ(read_from(Selection::prefix(""), From::earliest()).sequences(), range(0, 10));
  const Transcript none = read_from(Selection::prefix("zz"), From::earliest());
  EXPECT_TRUE(none.events.empty());
  EXPECT_EQ(none.position, 10u);
}

TEST_F(Order, APrefixFollowsStreamsThatComeLater) {
  append("room.1");
  auto subscription = log().subscribe({.select = Selection::prefix("room.")}).value();
  EXPECT_EQ(drain(subscription).events.size(), 1u);
  append("lobby", 3);
  append("room.2", 2);
  EXPECT_EQ(await_events(subscription, 2).sequences(), range(4, 6));
}

TEST_F(Order, ConcurrentAppendsAreReadInOneOrderByAll) {
  {
    Log& shared = log();
    std::vector<std::jthread> writers;
    for (int w = 0; w < 8; ++w) {
      writers.emplace_back([&shared, stream = "s" + std::to_string(w % 4), w] {
        for (int i = 0; i < 50; ++i) {
          const std::string id = std::to_string(w) + ":" + std::to_string(i);
          ASSERT_TRUE(shared.append(Append{.stream = stream, .batch = batch(stream, {id})}));
        }
      });
    }
  }
  const Transcript live = read_all(log(), {});
  EXPECT_EQ(live.sequences(), range(0, 400));
  std::map<std::string, uint64_t> next;
  for (const Seen& seen : live.events) EXPECT_EQ(seen.offset, next[seen.stream]++);
  reopen();
  EXPECT_EQ(read_all(log(), {}).ids(), live.ids());
}

}  // namespace
}  // namespace strandline::tests
