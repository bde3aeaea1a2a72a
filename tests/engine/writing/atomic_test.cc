// Several streams in one append, and one event to many streams: all of it, or nothing.
#include <set>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Atomicity : public LogTest {
 protected:
  static AppendMany::Part part(const std::string& stream, uint64_t first, uint32_t count,
                               Expected expected = {}) {
    return {.stream = stream, .batch = batch(stream, Offset{first}, count), .expected = expected};
  }
  static AppendMany many(std::vector<AppendMany::Part> parts) {
    return {.parts = std::move(parts)};
  }
};

TEST_F(Atomicity, PartsAreAppendedInTheirOrder) {
  append("b", 2);
  const auto result = log().append(many({part("a", 0, 2), part("b", 2, 3), part("c", 0, 1)}));
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->size(), 3u);
  EXPECT_EQ((*result)[0].stream, "a");
  EXPECT_EQ((*result)[0].sequence, Sequence{2});
  EXPECT_EQ((*result)[1].first, Offset{2});
  EXPECT_EQ((*result)[1].next, Offset{5});
  EXPECT_EQ((*result)[1].sequence, Sequence{4});
  EXPECT_EQ((*result)[2].sequence, Sequence{7});
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    expect_stream("a", 0, 2);
    expect_stream("b", 0, 5);
    expect_stream("c", 0, 1);
  }
}

TEST_F(Atomicity, AStreamMayOccurTwice) {
  const auto result =
      log().append(many({part("a", 0, 2, Offset{0}), part("b", 0, 1), part("a", 2, 2, Offset{2})}));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ((*result)[2].first, Offset{2});
  expect_stream("a", 0, 4);
  EXPECT_EQ(reopen().describe("a")->tail, Offset{4});
  EXPECT_EQ(read("a").sequences(), (std::vector<uint64_t>{0, 1, 3, 4}));
}

TEST_F(Atomicity, AConflictInAnyPartAppliesNothing) {
  append("b", 2);
  const auto refused =
      log().append(many({part("a", 0, 2), part("b", 2, 1, Offset{1}), part("c", 0, 1)}));
  ASSERT_EQ(code_of(refused), Code::conflict);
  EXPECT_EQ(refused.error().current, 2u);
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(code_of(log().describe("a")), Code::not_found);
    EXPECT_EQ(code_of(log().describe("c")), Code::not_found);
    expect_stream("b", 0, 2);
    EXPECT_EQ(log().durable_next(), Sequence{2});
  }
  EXPECT_EQ(append("a").sequence, Sequence{2});
}

TEST_F(Atomicity, ALaterPartIsJudgedAfterTheEarlierOnes) {
  const auto refused = log().append(many({part("a", 0, 2), part("a", 0, 1, Expected::absent())}));
  EXPECT_EQ(code_of(refused), Code::conflict);
  EXPECT_EQ(log().durable_next(), Sequence{0});
}

TEST_F(Atomicity, AReaderSeesAllOfItOrNothing) {
  // The tail of `$all` never stands inside an append: a live reader that has caught up has seen as
  // many events of the one stream as of the other.
  Log& shared = log();
  constexpr uint64_t kAppends = 200;
  std::jthread writer([&] {
    for (uint64_t i = 0; i < kAppends; ++i) {
      ASSERT_TRUE(shared.append(many({part("a", i, 1), part("b", i, 1)})));
    }
  });
  auto subscription = shared.subscribe({}).value();
  uint64_t a = 0, b = 0;
  while (a + b < 2 * kAppends) {
    const Delivery delivery = await(subscription);
    if (const auto* events = std::get_if<Events>(&delivery)) {
      (events->stream() == "a" ? a : b) += events->count();
    } else if (std::holds_alternative<CaughtUp>(delivery)) {
      EXPECT_EQ(a, b);
    }
  }
  EXPECT_EQ(a, b);
}

TEST_F(Atomicity, BroadcastReachesEveryStreamWithThePrefix) {
  for (const char* name : {"room.1", "room.2", "room.3", "lobby"}) {
    ASSERT_TRUE(log().create_stream(name));
  }
  append("room.2", 4);
  auto result = log().broadcast({.prefix = "room.", .batch = batch_of_type("closing")});
  ASSERT_TRUE(result) << result.error().message;
  std::map<std::string, uint64_t> firsts;
  for (const Appended& appended : *result) firsts[appended.stream] = appended.first.value;
  EXPECT_EQ(firsts, (std::map<std::string, uint64_t>{{"room.1", 0}, {"room.2", 4}, {"room.3", 0}}));
  EXPECT_EQ(describe("lobby").tail, Offset{0});

  result = log().broadcast({.prefix = "", .batch = batch_of_type("closed")});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->size(), 4u);
  reopen();
  for (const auto& [name, tail] :
       std::map<std::string, uint64_t>{{"room.1", 2}, {"room.2", 6}, {"room.3", 2}, {"lobby", 1}}) {
    EXPECT_EQ(describe(name).tail, Offset{tail}) << name;
    EXPECT_EQ(read(name).events.back().type, "closed");
  }
  EXPECT_EQ(log().durable_next(), Sequence{11});
}

TEST_F(Atomicity, BroadcastToNobodyAppliesNothing) {
  const auto accepted = log().broadcast(
      {.prefix = "none", .batch = batch_of_type("x"), .durability = Durability::accepted});
  ASSERT_TRUE(accepted) << "answered, though there is nothing to write";
  const auto result = log().broadcast({.prefix = "none", .batch = batch_of_type("x")});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->empty());
  EXPECT_EQ(log().durable_next(), Sequence{0});
}

TEST_F(Atomicity, BroadcastReachesAThousandStreams) {
  constexpr size_t kStreams = 1000;
  AppendMany first;
  for (size_t i = 0; i < kStreams; ++i) {
    first.parts.push_back(part("s" + std::to_string(i), 0, 1));
  }
  ASSERT_TRUE(log().append(std::move(first)));
  const auto result = log().broadcast({.prefix = "s", .batch = batch_of_type("x")});
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->size(), kStreams);
  std::set<uint64_t> sequences;
  for (const Appended& appended : *result) {
    EXPECT_EQ(appended.first, Offset{1});
    sequences.insert(appended.sequence.value);
  }
  EXPECT_EQ(sequences.size(), kStreams);
  EXPECT_EQ(*sequences.begin(), kStreams);
  EXPECT_EQ(*sequences.rbegin(), 2 * kStreams - 1);
}

}  // namespace
}  // namespace strandline::tests
