// Reading one stream: from anywhere it can be asked to start, forwards and backwards, within
// bounds.
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Reading : public LogTest {
 protected:
  // 30 events in batches of different sizes, so that positions fall on and between their edges.
  void fill() {
    for (const uint32_t count : {1, 2, 3, 4, 5, 5, 4, 3, 2, 1}) append("s", count);
    append("other", 7);
  }
  Transcript backward(From from, uint64_t events = UINT64_MAX) {
    return read_all(
        log(),
        {.select = Selection::stream("s"), .from = from, .events_max = events, .backward = true});
  }
  static std::vector<uint64_t> down(uint64_t from, uint64_t to) {  // from - 1, ..., to
    auto numbers = range(to, from);
    std::ranges::reverse(numbers);
    return numbers;
  }
};

TEST_F(Reading, StartsAtAnyOffset) {
  fill();
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    for (uint64_t from = 0; from <= 30; ++from) {
      const Transcript transcript = read("s", From::position(from));
      expect_events(transcript, "s", from, 30);
      EXPECT_EQ(transcript.position, 30u);
      EXPECT_TRUE(transcript.gaps.empty());
    }
  }
}

TEST_F(Reading, BeyondTheTailIsOutOfRange) {
  fill();
  const auto refused = log().read({.select = Selection::stream("s"), .from = From::position(31)});
  ASSERT_EQ(code_of(refused), Code::out_of_range);
  ASSERT_TRUE(refused.error().available);
  EXPECT_EQ(refused.error().available->start, 0u);
  EXPECT_EQ(refused.error().available->tail, 30u);
  EXPECT_EQ(
      code_of(log().subscribe({.select = Selection::stream("s"), .from = From::position(31)})),
      Code::out_of_range);
}

TEST_F(Reading, OfNobodyIsNotFound) {
  EXPECT_EQ(code_of(log().read({.select = Selection::stream("nobody")})), Code::not_found);
  EXPECT_EQ(code_of(log().available("nobody")), Code::not_found);
}

TEST_F(Reading, StartsWithTheLastN) {
  fill();
  expect_events(read("s", From::last(1)), "s", 29, 30);
  expect_events(read("s", From::last(7)), "s", 23, 30);
  expect_events(read("s", From::last(30)), "s", 0, 30);
  expect_events(read("s", From::last(1000)), "s", 0, 30);
  expect_events(read("s", From::last(0)), "s", 30, 30);
  ASSERT_TRUE(log().truncate("s", Offset{20}));
  const Transcript truncated = read("s", From::last(1000));
  expect_events(truncated, "s", 20, 30);
  EXPECT_TRUE(truncated.gaps.empty());
}

TEST_F(Reading, StartsLatest) {
  fill();
  expect_events(read("s", From::latest()), "s", 30, 30);
}

TEST_F(Reading, StartsAtAMoment) {
  const auto clock = std::make_shared<ManualClock>(Timestamp{1'000'000});
  options.clock = clock;
  for (int i = 0; i < 10; ++i) {
    clock->set({1'000'000 + i * 100});
    append("s", 2);
    append("s", 1);  // three events a moment
  }
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    const auto first = [&](int64_t us) { return read("s", From::time({us})).offsets(); };
    EXPECT_EQ(first(0), range(0, 30));
    EXPECT_EQ(first(1'000'000), range(0, 30));
    EXPECT_EQ(first(1'000'001), range(3, 30));
    EXPECT_EQ(first(1'000'500), range(15, 30));
    EXPECT_EQ(first(1'000'900), range(27, 30));
    EXPECT_EQ(first(1'000'901), range(30, 30));
  }
}

TEST_F(Reading, IsBoundedByCount) {
  fill();
  for (const uint64_t events : {1, 2, 7, 29, 30, 31}) {
    const Transcript transcript = read_all(
        log(), {.select = Selection::stream("s"), .from = From::position(4), .events_max = events});
    const uint64_t end = std::min<uint64_t>(30, 4 + events);
    expect_events(transcript, "s", 4, end);
    EXPECT_EQ(transcript.position, end);
  }
}

TEST_F(Reading, IsBoundedByBytes) {
  fill();
  const uint64_t all = describe("s").bytes;
  uint64_t from = 0;
  int pages = 0;
  while (from < 30) {  // pages chained by position read everything once
    const Transcript page = read_all(
        log(),
        {.select = Selection::stream("s"), .from = From::position(from), .bytes_max = all / 5});
    ASSERT_GT(page.position, from);
    expect_events(page, "s", from, page.position);
    from = page.position;
    ++pages;
  }
  EXPECT_GE(pages, 2);
  EXPECT_LE(pages, 10);
}

TEST_F(Reading, GoesBackwards) {
  fill();
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(backward(From::latest()).offsets(), down(30, 0));
    EXPECT_EQ(backward(From::latest(), 4).offsets(), down(30, 26));
    EXPECT_EQ(backward(From::position(12)).offsets(), down(12, 0));
    EXPECT_EQ(backward(From::position(12), 5).offsets(), down(12, 7));
    EXPECT_EQ(backward(From::position(12), 5).position, 7u);
    EXPECT_TRUE(backward(From::position(0)).events.empty());
    for (const Seen& seen : backward(From::latest()).events) EXPECT_EQ(seen.difference, "");
  }
  ASSERT_TRUE(log().truncate("s", Offset{20}));
  EXPECT_EQ(backward(From::latest()).offsets(), down(30, 20));
}

TEST_F(Reading, ABatchIsSharedByWhatItsEventsSay) {
  append("s", 10);
  auto cursor = log().read({.select = Selection::stream("s"), .from = From::position(3)}).value();
  EXPECT_EQ(cursor->position(), 3u);
  EXPECT_TRUE(cursor->ready());
  const auto delivery = cursor->next();
  ASSERT_TRUE(delivery && *delivery);
  const auto& events = std::get<Events>(**delivery);
  EXPECT_EQ(events.skip(), 3u);
  EXPECT_EQ(events.count(), 7u);
  EXPECT_FALSE(events.whole_batch());
  EXPECT_EQ(events.first(), Offset{3});
  EXPECT_EQ(events.next(), Offset{10});
  EXPECT_EQ(events.sequence(), Sequence{3});
  EXPECT_EQ(cursor->position(), 10u);
  EXPECT_FALSE(cursor->ready());
}

TEST_F(Reading, ACursorSeesWhatIsAppendedWhileItReads) {
  append("s", 3);
  auto cursor = log().read({.select = Selection::stream("s")}).value();
  EXPECT_EQ(read_all(*cursor).offsets(), range(0, 3));
  append("s", 2);
  EXPECT_TRUE(cursor->ready());
  EXPECT_EQ(read_all(*cursor).offsets(), range(3, 5));
}

TEST_F(Reading, ARestedCursorGoesOnWhereItWas) {
  options.batch_cache_bytes = 0;
  append_singly("s", 50);
  reopen();
  auto cursor = log().read({.select = Selection::stream("s")}).value();
  Transcript transcript;
  for (;;) {
    const auto delivery = cursor->next();
    ASSERT_TRUE(delivery);
    if (!*delivery) break;
    transcript.add(**delivery);
    cursor->rest();
  }
  EXPECT_EQ(transcript.offsets(), range(0, 50));
}

TEST_F(Reading, LagIsTheDistanceToTheTail) {
  fill();
  auto cursor = log().read({.select = Selection::stream("s")}).value();
  EXPECT_EQ(cursor->lag().events, 30u);
  EXPECT_GT(cursor->lag().bytes, 0u);
  read_all(*cursor);
  EXPECT_EQ(cursor->lag().events, 0u);
  EXPECT_EQ(cursor->lag().bytes, 0u);
}

TEST_F(Reading, AStreamAmongThousandsIsReadAlone) {
  // Neighbours in the store, by id and by time, must not leak into it.
  for (int round = 0; round < 3; ++round) {
    AppendMany many;
    for (uint64_t i = 0; i < 500; ++i) {
      const std::string name = "s" + std::to_string(i);
      many.parts.push_back({.stream = name, .batch = batch(name, Offset(round * 2ull), 2)});
    }
    ASSERT_TRUE(log().append(std::move(many)));
    ASSERT_TRUE(log().roll());
  }
  reopen();
  for (const uint64_t i : {0, 1, 250, 255, 256, 257, 499}) {
    expect_stream("s" + std::to_string(i), 0, 6);
  }
}

TEST_F(Reading, ThousandsOfReadersCostOneReadOfTheData) {
  append("s", 1000);
  std::vector<Subscription> readers;
  for (int i = 0; i < 1000; ++i) {
    readers.push_back(
        log().subscribe({.select = Selection::stream("s"), .from = From::latest()}).value());
    drain(readers.back());
  }
  const Counters before = log().counters();
  append_singly("s", 20);
  for (Subscription& reader : readers) EXPECT_EQ(drain(reader).offsets(), range(1000, 1020));
  const Counters after = log().counters();
  EXPECT_EQ(after.store_batches_read, before.store_batches_read);
  EXPECT_GT(after.cached_batches_read, before.cached_batches_read);
}

}  // namespace
}  // namespace strandline::tests
