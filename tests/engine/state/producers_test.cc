// Producers that may retry: a retry answers its original, for ever; a gap, a stale epoch and other
// events under the same number are refused, and said.
#include "tests/support/log/producers_test.h"

#include <future>

#include "tests/support/disk/fault_file_system.h"

namespace strandline::tests {
namespace {

class Producers : public ProducersTest {};

TEST_F(Producers, ARetryAnswersItsOriginalAndWritesNothing) {
  append("s", 3);
  const auto first = send(7, 0, 2);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(first->retried);
  EXPECT_EQ(first->first.value, 3u);
  clock_->advance_us(1'000'000);
  const auto second = send(7, 1);
  ASSERT_TRUE(second);
  clock_->advance_us(1'000'000);
  const Counters before = log().counters();
  for (int i = 0; i < 3; ++i) {
    expect_original(send(7, 0, 2), *first);
    expect_original(send(7, 1), *second);
  }
  EXPECT_EQ(describe("s").tail.value, 6u);
  EXPECT_EQ(log().counters().bytes_appended, before.bytes_appended);
  EXPECT_EQ(log().counters().appends, before.appends);
  EXPECT_EQ(log().counters().appends_retried, 6u);
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(Producers, ARetryIsAnsweredForEver) {
  std::vector<Appended> originals;
  for (uint64_t i = 0; i < 20; ++i) originals.push_back(send(1, i, 1 + i % 3).value());
  const auto expect_all = [&] {
    for (uint64_t i = 0; i < 20; ++i) expect_original(send(1, i, 1 + i % 3), originals[i]);
  };
  reopen();
  expect_all();
  ASSERT_TRUE(log().truncate("s", originals[10].next));
  expect_all();
  const auto sealed = log().roll();
  ASSERT_TRUE(sealed);
  originals.push_back(send(1, 20).value());
  ASSERT_TRUE(log().drop_segment(*sealed));
  expect_all();
  reopen();
  expect_all();
  ASSERT_TRUE(log().delete_stream("s"));
  expect_all();
  // The stream that is created again goes on where it stopped, and so does the producer.
  EXPECT_EQ(send(1, 21)->first, originals[20].next);
  reopen();
  expect_all();
}

TEST_F(Producers, ARetryIsAnsweredWhateverItsConditionsSayNow) {
  AppendMany step{.parts = {{.stream = "out",
                             .batch = batch("out", Offset{0}, 2),
                             .expected = Expected::absent(),
                             .producer = Producer{"p", 0, 0}},
                            {.stream = "other",
                             .batch = batch("other", Offset{0}, 1),
                             .producer = Producer{"p", 0, 0}}},
                  .commits = {{.consumer = "c", .stream = "out", .expected = 0, .next = 2}},
                  .once = {{.consumer = "c", .id = "x"}}};
  const auto first = log().append(step);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(log().commit({.consumer = "c", .stream = "other", .next = 1}));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    const auto again = log().append(step);
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(again->size(), 2u);
    for (size_t i = 0; i < 2; ++i) expect_original((*again)[i], (*first)[i]);
    EXPECT_EQ(log().position("c", "out").value(), 2u);
    expect_stream("out", 0, 2);
  }
}

TEST_F(Producers, AnAppendIsRetriedAsAWholeOrNotAtAll) {
  const auto many = [&](uint64_t a, uint64_t b) {
    return AppendMany{.parts = {{.stream = "a",
                                 .batch = batch("a", {std::to_string(a)}),
                                 .producer = Producer{"p", 0, a}},
                                {.stream = "b",
                                 .batch = batch("b", {std::to_string(b)}),
                                 .producer = Producer{"q", 3, b}}}};
  };
  ASSERT_TRUE(log().append(many(0, 0)));
  EXPECT_EQ(code_of(log().append(many(0, 1))), Code::conflict);
  EXPECT_EQ(code_of(log().append(many(1, 0))), Code::conflict);
  AppendMany besides = many(0, 0);
  besides.parts.push_back({.stream = "c", .batch = batch("c", Offset{0}, 1)});
  EXPECT_FALSE(log().append(besides));
  EXPECT_EQ(code_of(log().describe("c")), Code::not_found);
  ASSERT_TRUE(log().append(many(1, 1)));
  EXPECT_EQ(describe("a").tail.value, 2u);
  EXPECT_EQ(describe("b").tail.value, 2u);
}

TEST_F(Producers, TwoPartsOfOneAppendAreInSequence) {
  const auto twice = [&](uint64_t first, uint64_t second) {
    return AppendMany{
        .parts = {
            {.stream = "s", .batch = batch("s", {"one"}), .producer = Producer{"p", 0, first}},
            {.stream = "s", .batch = batch("s", {"two"}), .producer = Producer{"p", 0, second}}}};
  };
  EXPECT_EQ(code_of(log().append(twice(0, 0))), Code::conflict);
  expect_refused(log().append(twice(0, 2)), Code::out_of_order, 1);
  ASSERT_TRUE(log().append(twice(0, 1)));
  const auto again = log().append(twice(0, 1));
  ASSERT_TRUE(again);
  EXPECT_TRUE((*again)[1].retried);
  EXPECT_EQ((*again)[1].first.value, 1u);
}

TEST_F(Producers, AGapInTheSequenceIsRefusedAndSaysWhatWasExpected) {
  expect_refused(send(0, 1), Code::out_of_order, 0);
  EXPECT_EQ(code_of(log().describe("s")), Code::not_found);
  ASSERT_TRUE(send(0, 0));
  expect_refused(send(0, 2), Code::out_of_order, 1);
  reopen();
  expect_refused(send(0, 2), Code::out_of_order, 1);
  expect_refused(send(0, UINT64_MAX), Code::out_of_order, 1);
  ASSERT_TRUE(send(0, 1));
  EXPECT_EQ(ids(), (std::vector<std::string>{"p.0.0.0", "p.0.1.0"}));
}

TEST_F(Producers, ANewEpochFencesTheOld) {
  const auto old = send(4, 0);
  ASSERT_TRUE(old);
  expect_refused(send(5, 1), Code::out_of_order, 0);
  ASSERT_TRUE(send(4, 1)) << "what was refused has fenced nobody";
  const auto newer = send(5, 0);
  ASSERT_TRUE(newer) << newer.error().message;
  EXPECT_FALSE(newer->retried);
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    expect_refused(send(4, 2), Code::fenced, 5);
    expect_refused(send(4, 7), Code::fenced, 5);
    expect_refused(send(3, 0), Code::fenced, 5);
    expect_original(send(4, 0), *old);  // what it had done, it may still learn
    expect_original(send(5, 0), *newer);
  }
  ASSERT_TRUE(send(5, 1));
}

TEST_F(Producers, ARetryWithOtherEventsIsRefused) {
  ASSERT_TRUE(send(0, 0, 2));
  EXPECT_EQ(code_of(send(0, 0, 3)), Code::conflict);
  Append other = request(0, 0, 2);
  other.batch = batch("s", {"other", "events"});
  EXPECT_EQ(code_of(log().append(other)), Code::conflict);
  reopen();
  EXPECT_EQ(code_of(log().append(other)), Code::conflict);
  EXPECT_EQ(describe("s").tail.value, 2u);
}

TEST_F(Producers, AreOneForEachStreamAndName) {
  for (const char* stream : {"a", "b"}) {
    for (const char* producer : {"p", "p1", "q"}) {
      ASSERT_TRUE(log().append(request(1, 0, 1, producer, stream)));
    }
  }
  ASSERT_TRUE(log().append(request(2, 0, 1, "p", "a")));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    expect_refused(log().append(request(1, 1, 1, "p", "a")), Code::fenced, 2);
  }
  EXPECT_TRUE(log().append(request(1, 1, 1, "p", "b")));
  EXPECT_TRUE(log().append(request(1, 1, 1, "p1", "a")));
}

TEST_F(Producers, BadNamesAreRefused) {
  EXPECT_EQ(code_of(log().append(request(0, 0, 1, ""))), Code::invalid);
  EXPECT_EQ(code_of(log().append(request(0, 0, 1, "$p"))), Code::invalid);
  EXPECT_EQ(code_of(log().append(request(0, 0, 1, std::string(256, 'p')))), Code::invalid);
}

TEST_F(Producers, MoreThanTheCacheHoldsAreLookedUp) {
  options.limits.producers_cached_max = 10;
  for (uint64_t round = 0; round < 3; ++round) {
    for (int p = 0; p < 50; ++p) {
      ASSERT_TRUE(log().append(request(0, round, 1, "p" + std::to_string(p))));
    }
  }
  for (int p = 0; p < 50; ++p) {
    expect_refused(log().append(request(0, 4, 1, "p" + std::to_string(p))), Code::out_of_order, 3);
  }
}

TEST_F(Producers, MoreOfThemInOneGroupThanTheCacheHoldsAreKnown) {
  options.limits.producers_cached_max = 2;
  constexpr int kProducers = 50;
  constexpr uint64_t kRounds = 20;
  Log& shared = log();
  std::atomic<uint64_t> left = kProducers * kRounds;
  std::atomic<uint64_t> refused = 0;
  for (uint64_t round = 0; round < kRounds; ++round) {
    for (int p = 0; p < kProducers; ++p) {
      shared.append(request(0, round, 1, "p" + std::to_string(p)), [&](const auto& result) {
        if (!result) ++refused;
        if (--left == 0) left.notify_all();
      });
    }
  }
  for (uint64_t now = left; now != 0; now = left) left.wait(now);
  EXPECT_EQ(refused, 0u);
  EXPECT_EQ(describe("s").tail.value, kProducers * kRounds);
}

// Many of them at once, so that retries meet their originals inside one group, and in groups that
// are written and not yet durable.
TEST_F(Producers, ARetryBehindItsOriginalIsAnsweredAlike) {
  constexpr uint64_t kAppends = 2000;
  constexpr int kTimes = 3;
  std::mutex mutex;
  std::map<uint64_t, std::vector<Appended>> answers;
  std::vector<std::string> refused;
  Log& shared = log();
  std::atomic<uint64_t> left = kAppends * kTimes;
  for (uint64_t i = 0; i < kAppends; ++i) {
    for (int time = 0; time < kTimes; ++time) {
      Append one = request(0, i);
      if (time == 0 && i % 2 == 0) one.durability = Durability::accepted;
      shared.append(std::move(one), [&, i](Result<Appended> result) {
        const std::lock_guard lock(mutex);
        if (!result) {
          refused.push_back(result.error().message);
        } else {
          if (result->retried) {
            EXPECT_GE(describe("s").tail, result->next) << "not durable";
          }
          answers[i].push_back(*result);
        }
        if (--left == 0) left.notify_all();
      });
    }
  }
  for (uint64_t now = left; now != 0; now = left) left.wait(now);
  EXPECT_TRUE(refused.empty()) << refused.front();
  for (uint64_t i = 0; i < kAppends; ++i) {
    ASSERT_EQ(answers[i].size(), static_cast<size_t>(kTimes));
    int retried = 0;
    for (const Appended& one : answers[i]) {
      EXPECT_EQ(one.first.value, i);
      retried += one.retried ? 1 : 0;
    }
    EXPECT_EQ(retried, kTimes - 1);
  }
  EXPECT_EQ(describe("s").tail.value, kAppends);
}

TEST_F(Producers, ARetryOfWhatIsNotDurableIsAnsweredOnceItIs) {
  const auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  options.accepted_sync_interval_ms = 3'600'000;
  append("s");
  faults->hold();
  // Answered once written, and nobody fsyncs it: the retry has to.
  Append first = request(0, 0);
  first.durability = Durability::accepted;
  ASSERT_TRUE(log().append(first));
  const uint64_t syncs = faults->syncs();
  std::promise<Result<Appended>> promise;
  auto retry = promise.get_future();
  log().append(first, [&](Result<Appended> result) { promise.set_value(std::move(result)); });
  const auto answered = [&] { return retry.wait_for(0s) == std::future_status::ready; };
  EXPECT_TRUE(eventually([&] { return faults->syncs() > syncs || answered(); }));
  EXPECT_FALSE(answered());
  faults->release();
  const auto answer = retry.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->retried);
  EXPECT_EQ(describe("s").tail, answer->next);
}

TEST_F(Producers, AfterAFailedFsyncARetryNeitherLosesNorRepeats) {
  for (const int failing : {0, 1}) {
    const std::string stream = "s" + std::to_string(failing);
    const auto faults = std::make_shared<FaultFileSystem>();
    options.file_system = FaultFileSystem::as_option(faults);
    reopen();
    ASSERT_TRUE(log().append(request(0, 0, 1, "p", stream)));
    faults->hold();
    std::vector<std::promise<Result<Appended>>> promises(3);
    for (auto& promise : promises) {
      log().append(request(0, 1, 1, "p", stream),
                   [&](Result<Appended> result) { promise.set_value(std::move(result)); });
    }
    if (failing) faults->fail();
    faults->release();
    for (auto& promise : promises) {
      const auto result = promise.get_future().get();
      // What may be there is never said not to be.
      EXPECT_NE(code_of(result), Code::conflict);
      EXPECT_EQ(result.has_value(), !failing);
    }
    options.file_system = nullptr;
    reopen();
    for (int i = 0; i < 2; ++i) {
      const auto again = log().append(request(0, 1, 1, "p", stream));
      ASSERT_TRUE(again) << again.error().message;
      EXPECT_EQ(again->first.value, 1u);
    }
    EXPECT_EQ(ids(stream), (std::vector<std::string>{"p.0.0.0", "p.0.1.0"}));
  }
}

TEST_F(Producers, EpochsThatMeetInOneGroupAreToldApart) {
  const auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  append("s");
  const uint64_t syncs = faults->syncs();
  faults->hold();
  std::vector<std::future<Result<Appended>>> answers;
  const auto start = [&](Append one) {
    auto promise = std::make_shared<std::promise<Result<Appended>>>();
    answers.push_back(promise->get_future());
    log().append(std::move(one),
                 [promise](Result<Appended> result) { promise->set_value(std::move(result)); });
  };
  start({.stream = "s", .batch = batch("s", {"first"})});
  EXPECT_TRUE(eventually([&] { return faults->syncs() > syncs; }));
  // While that is held, these wait, and become one group.
  for (int time = 0; time < 2; ++time) {
    for (const uint64_t epoch : {0, 1, 2}) {
      for (const uint64_t sequence : {0, 1}) start(request(epoch, sequence));
    }
  }
  faults->release();
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto answer = answers[i].get();
    ASSERT_TRUE(answer) << i << ": " << answer.error().message;
    EXPECT_EQ(answer->retried, i > 6);
    EXPECT_EQ(answer->first.value, 1 + (i > 6 ? i - 6 : i));
  }
}

// What is said of an original goes with it: neither that it is there, nor that it is not next.
TEST_F(Producers, WhenAnOriginalMayBeLostNothingIsSaidThatRestsOnIt) {
  const std::pair<Append, Code> cases[] = {{request(0, 0), Code::outcome_unknown},
                                           {request(0, 5), Code::sealed}};
  for (const auto& [behind, code] : cases) {
    const auto faults = std::make_shared<FaultFileSystem>();
    options.file_system = FaultFileSystem::as_option(faults);
    options.accepted_sync_interval_ms = 3'600'000;
    reopen();
    append("warm");
    faults->hold();
    const uint64_t syncs = faults->syncs();
    Append first = request(0, 0);
    first.durability = Durability::accepted;
    ASSERT_TRUE(log().append(first));
    std::promise<Result<Appended>> promise;
    log().append(behind, [&](Result<Appended> result) { promise.set_value(std::move(result)); });
    EXPECT_TRUE(eventually([&] { return faults->syncs() > syncs; }));
    faults->fail();
    faults->release();
    EXPECT_EQ(code_of(promise.get_future().get()), code);
    close();
    std::filesystem::remove_all(data());
  }
}

}  // namespace
}  // namespace strandline::tests
