// Resume is exact, a slow reader loses nothing, and waiting costs no thread.
#include <future>
#include <random>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Subscribing : public LogTest {
 protected:
  Subscription follow(const std::string& stream, From from = From::earliest()) {
    auto subscription = log().subscribe({.select = Selection::stream(stream), .from = from});
    if (!subscription) throw std::runtime_error(subscription.error().message);
    return std::move(*subscription);
  }
};

TEST_F(Subscribing, DeliversHistoryThenSaysCaughtUpThenLive) {
  append("s", 5);
  Subscription subscription = follow("s");
  EXPECT_FALSE(subscription.caught_up());
  const Transcript history = drain(subscription);
  expect_events(history, "s", 0, 5);
  EXPECT_EQ(history.caught_up, 1u);
  EXPECT_TRUE(subscription.caught_up());
  append("s", 2);
  append("s", 3);
  const Transcript live = await_events(subscription, 5);
  expect_events(live, "s", 5, 10);
  EXPECT_EQ(subscription.position(), 10u);
}

TEST_F(Subscribing, HandsOverFromHistoryToLiveWithoutLossOrRepeat) {
  // Readers arrive all the time, at random places, while four writers append.
  constexpr int kReaders = 40;
  constexpr uint64_t kEvents = 4000;
  options.batch_cache_bytes = 64 << 10;  // so that history and live meet often
  append("s", 100);
  Log& shared = log();
  std::atomic<uint64_t> wrong = 0, arrived = 0;
  {
    std::mutex order;
    uint64_t next = 100;
    std::vector<std::jthread> threads;
    for (int w = 0; w < 4; ++w) {
      threads.emplace_back([&, w] {
        std::mt19937_64 random(w);
        for (;;) {
          std::unique_lock lock(order);
          if (next >= kEvents) return;
          const uint32_t count =
              static_cast<uint32_t>(std::min<uint64_t>(1 + random() % 20, kEvents - next));
          std::promise<bool> done;
          shared.append(Append{.stream = "s",
                               .batch = batch("s", Offset{next}, count),
                               .expected = Offset{next}},
                        [&](Result<Appended> result) { done.set_value(result.has_value()); });
          next += count;
          lock.unlock();
          if (!done.get_future().get()) ++wrong;
        }
      });
    }
    for (int r = 0; r < kReaders; ++r) {
      threads.emplace_back([&, r] {
        std::mt19937_64 random(1000 + r);
        const uint64_t from = random() % 100;
        auto subscription =
            shared.subscribe({.select = Selection::stream("s"), .from = From::position(from)});
        uint64_t expected = from;
        while (expected < kEvents) {
          const auto delivery = subscription->next_for(kDeadline);
          if (!delivery || !*delivery || std::holds_alternative<Gap>(**delivery)) {
            ++wrong;
            return;
          }
          if (const auto* events = std::get_if<Events>(&**delivery)) {
            for (const Event event : *events) {
              if (event.offset.value != expected++) ++wrong;
              if (!difference_at_offset("s", event).empty()) ++wrong;
            }
          }
        }
        ++arrived;
      });
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(arrived, static_cast<uint64_t>(kReaders));
}

TEST_F(Subscribing, ResumesExactlyWhereverItStopped) {
  append_singly("s", 30);
  std::vector<uint64_t> got;
  uint64_t position = 0;
  while (position < 30) {  // a life each, of one delivery
    Subscription subscription = follow("s", From::position(position));
    Transcript transcript;
    transcript.add(await(subscription));
    for (const uint64_t offset : transcript.offsets()) got.push_back(offset);
    position = subscription.position();
    if (position == 15) reopen();
  }
  EXPECT_EQ(got, range(0, 30));
}

TEST_F(Subscribing, NextBlocksUntilThereIsSomething) {
  append("s");
  Subscription subscription = follow("s");
  drain(subscription);
  EXPECT_FALSE(subscription.next_for(std::chrono::milliseconds(1)).value());
  EXPECT_FALSE(subscription.try_next().value());
  std::promise<uint64_t> first;
  std::jthread reader([&] {
    const auto delivery = subscription.next();
    first.set_value(delivery ? std::get<Events>(*delivery).first().value : UINT64_MAX);
  });
  append("s");
  EXPECT_EQ(first.get_future().get(), 1u);
}

TEST_F(Subscribing, ARangeForEndsWhenTheLogCloses) {
  append("s", 10);
  Subscription subscription = follow("s");
  std::promise<void> caught_up;
  std::vector<uint64_t> offsets;
  {
    std::jthread reader([&] {
      for (const Delivery& delivery : subscription) {
        Transcript transcript;
        transcript.add(delivery);
        for (const uint64_t offset : transcript.offsets()) offsets.push_back(offset);
        if (transcript.caught_up > 0) caught_up.set_value();
      }
    });
    caught_up.get_future().wait();
    log().close();
  }
  EXPECT_EQ(offsets, range(0, 10));
  ASSERT_TRUE(subscription.error());
  EXPECT_EQ(subscription.error()->code, Code::closed);
}

TEST_F(Subscribing, CloseWakesEveryoneWhoWaits) {
  append("s");
  std::vector<Subscription> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(follow("s"));
    drain(waiting.back());
  }
  std::atomic<int> woken = 0, rung = 0;
  for (int i = 10; i < 20; ++i) waiting[i].on_ready([&] { ++rung; });
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 10; ++i) {
      threads.emplace_back([&, i] {
        const auto delivery = waiting[i].next();
        if (!delivery && delivery.error().code == Code::closed) ++woken;
      });
    }
    log().close();
  }
  EXPECT_EQ(woken, 10);
  EXPECT_TRUE(eventually([&] { return rung == 10; }));
}

TEST_F(Subscribing, OnReadyCallsAtOnceIfThereIsSomething) {
  append("s");
  Subscription subscription = follow("s");
  int rung = 0;
  subscription.on_ready([&] { ++rung; });
  EXPECT_EQ(rung, 1);
}

TEST_F(Subscribing, OnReadyCallsOnceWhenSomethingComes) {
  append("s");
  append("t");
  Subscription subscription = follow("s");
  drain(subscription);
  std::atomic<int> rung = 0;
  subscription.on_ready([&] { ++rung; });
  append("t");
  EXPECT_EQ(rung, 0);
  append("s");
  EXPECT_TRUE(eventually([&] { return rung == 1; }));
  append("s");
  EXPECT_EQ(drain(subscription).offsets(), range(1, 3));
  EXPECT_EQ(rung, 1);
  subscription.on_ready([&] { rung += 100; });
  append("s");
  EXPECT_TRUE(eventually([&] { return rung == 101; }));
}

TEST_F(Subscribing, ADestroyedSubscriptionIsNotCalled) {
  append("s");
  for (int i = 0; i < 50; ++i) {
    auto rung = std::make_unique<std::atomic<int>>(0);
    {
      Subscription subscription = follow("s", From::latest());
      drain(subscription);
      subscription.on_ready([&rung] { ++*rung; });
      log().append(Append{.stream = "s", .batch = batch_of_type("t")}, [](auto) {});
    }
    rung.reset();  // a late call would touch freed memory, which the sanitizers see
  }
  append_type("s", "t");
}

TEST_F(Subscribing, ASlowReaderIsToldItFellBehindAndLosesNothing) {
  options.batch_cache_bytes = 16 << 10;
  append("s");
  Subscription slow = follow("s");
  expect_events(drain(slow), "s", 0, 1);
  for (int i = 0; i < 60; ++i) append("s", 20);  // far more than the window holds
  const Transcript rest = await_events(slow, 1200);
  expect_events(rest, "s", 1, 1201);
  ASSERT_EQ(rest.fell_behind.size(), 1u);
  EXPECT_GT(rest.fell_behind[0].events, 100u);
  EXPECT_LE(rest.fell_behind[0].events, 1200u);
  EXPECT_GT(rest.fell_behind[0].bytes, 16u << 10);
  EXPECT_EQ(drain(slow).caught_up, 1u);  // and told when it has caught up again
  append("s");
  EXPECT_TRUE(await_events(slow, 1).fell_behind.empty());
}

TEST_F(Subscribing, AFrozenReaderNeverSlowsAWriter) {
  options.batch_cache_bytes = 64 << 10;
  append("s");
  Subscription frozen = follow("s");
  drain(frozen);
  for (int i = 0; i < 100; ++i) append("s", 50);
  EXPECT_LE(log().counters().batch_cache_bytes, 128u << 10);  // it pins no memory either
  EXPECT_EQ(frozen.lag().events, 5000u);
  expect_events(await_events(frozen, 5000), "s", 1, 5001);
}

TEST_F(Subscribing, BeginsWithTheGap) {
  append("s", 10);
  ASSERT_TRUE(log().truncate("s", Offset{6}));
  Subscription subscription = follow("s", From::position(2));
  const Delivery first = await(subscription);
  ASSERT_TRUE(std::holds_alternative<Gap>(first));
  EXPECT_EQ(std::get<Gap>(first).from, 2u);
  EXPECT_EQ(std::get<Gap>(first).to, 6u);
  expect_events(await_events(subscription, 4), "s", 6, 10);
}

TEST_F(Subscribing, ATruncationUnderAReaderIsAGap) {
  options.batch_cache_bytes = 0;
  append_singly("s", 20);
  Subscription subscription = follow("s");
  Transcript transcript;
  transcript.add(await(subscription));
  const uint64_t at = subscription.position();
  ASSERT_LT(at, 15u);
  ASSERT_TRUE(log().truncate("s", Offset{15}));
  const Transcript rest = drain(subscription);
  // What it was about to be given may still come; nothing is skipped without a word.
  uint64_t covered = at;
  size_t event = 0;
  for (const SeenGap& gap : rest.gaps) {
    while (event < gap.before) EXPECT_EQ(rest.events[event++].offset, covered++);
    EXPECT_EQ(gap.gap.from, covered);
    covered = gap.gap.to;
  }
  while (event < rest.events.size()) EXPECT_EQ(rest.events[event++].offset, covered++);
  EXPECT_EQ(covered, 20u);
}

TEST_F(Subscribing, ADeletedStreamIsSaidAndItsReturnFollowed) {
  append("s", 5);
  Subscription subscription = follow("s");
  drain(subscription);
  ASSERT_TRUE(log().delete_stream("s"));
  ASSERT_TRUE(log().append(Append{.stream = "s", .batch = batch("s", Offset{5}, 1)}));
  for (;;) {  // it may be told that the stream was gone; then it goes on, or says not_found
    const auto delivery = subscription.next_for(kDeadline);
    if (!delivery) {
      EXPECT_EQ(delivery.error().code, Code::not_found);
      break;
    }
    ASSERT_TRUE(*delivery);
    if (const auto* events = std::get_if<Events>(&**delivery)) {
      EXPECT_EQ(events->first(), Offset{5});
      break;
    }
  }
}

TEST_F(Subscribing, FollowsAllAndAList) {
  append("a");
  ASSERT_TRUE(log().create_stream("c"));
  auto all = log().subscribe({}).value();
  auto list = log().subscribe({.select = Selection::list({"a", "c"})}).value();
  drain(all);
  drain(list);
  append("b", 2);
  append("c", 1);
  append("a", 1);
  EXPECT_EQ(await_events(all, 4).sequences(), range(1, 5));
  EXPECT_EQ(await_events(list, 2).sequences(), range(3, 5));
}

}  // namespace
}  // namespace strandline::tests
