// Named consumers, one promise a test: who gets what, what a fence holds back, what survives, and
// what is answered to mistakes. Their random walks are in consumer_model_test.cc.
#include <thread>

#include "tests/support/log_test.h"

namespace strandline::tests {
namespace {

using Mode = ConsumerSettings::Mode;

class Consumer : public LogTest {
 protected:
  Consumer() { options.clock = clock_; }

  ConsumerInfo create(Mode mode, ConsumerSettings settings = {}) {
    settings.mode = mode;
    if (settings.select.kind == Selection::Kind::all && settings.select.names.empty() && !all_) {
      settings.select = Selection::stream("s");
    }
    auto info = log().create_consumer("c", std::move(settings));
    EXPECT_TRUE(info) << info.error().message;
    return info.value_or(ConsumerInfo{});
  }
  uint64_t join() { return log().join("c").value().epoch; }
  Fetched fetch(uint64_t epoch, size_t max = 100) {
    auto fetched = log().fetch(Fetch{.consumer = "c", .epoch = epoch, .events_max = max});
    EXPECT_TRUE(fetched) << fetched.error().message;
    return fetched ? std::move(*fetched) : Fetched{};
  }
  static std::vector<uint64_t> positions(const Fetched& fetched) {
    std::vector<uint64_t> out;
    for (const Given& one : fetched.given) out.push_back(one.position);
    return out;
  }
  Result<Settled> ack(uint64_t epoch, uint64_t from, uint64_t to) {
    return log().settle(Settle{.consumer = "c", .epoch = epoch, .acks = {{from, to}}});
  }
  Result<Settled> nack(uint64_t epoch, uint64_t position, std::string reason = {}) {
    Settle settle{.consumer = "c", .epoch = epoch};
    settle.nacks.push_back({Span::of(position), 0, std::move(reason)});
    return log().settle(settle);
  }
  ConsumerInfo info() { return log().describe_consumer("c").value(); }

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
  bool all_ = false;
};

// --- Its life.

TEST_F(Consumer, StartsWhereItIsToldTo) {
  append("s", 10);
  const auto start_of = [&](From from) {
    const auto made =
        log().create_consumer("c", {.select = Selection::stream("s"), .start = std::move(from)});
    EXPECT_TRUE(made) << made.error().message;
    EXPECT_TRUE(log().delete_consumer("c"));
    return made ? made->position : 0;
  };
  EXPECT_EQ(start_of(From::earliest()), 0u);
  EXPECT_EQ(start_of(From::latest()), 10u);
  EXPECT_EQ(start_of(From::last(3)), 7u);
  EXPECT_EQ(start_of(From::position(4)), 4u);
  EXPECT_EQ(start_of(From::time(clock_->now())), 0u);
}

TEST_F(Consumer, IsListedDescribedAndDeleted) {
  append("s", 10);
  create(Mode::shared, {.types = {"a*"}, .attempts_max = 7, .retain = true});
  ASSERT_TRUE(log().create_consumer("d", {.select = Selection::stream("s")}));
  reopen();
  const auto all = log().consumers("", "", 10).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "c");
  EXPECT_EQ(all[0].settings.types, std::vector<std::string>{"a*"});
  EXPECT_EQ(all[0].settings.attempts_max, 7u);
  EXPECT_TRUE(all[0].settings.retain);
  EXPECT_EQ(all[0].settings.dead_letters, "dead-letters/c");
  EXPECT_EQ(log().consumers("", "c", 10)->size(), 1u);
  EXPECT_EQ(code_of(log().create_consumer("c", {.select = Selection::stream("s")})), Code::exists);
  ASSERT_TRUE(log().delete_consumer("c"));
  EXPECT_EQ(code_of(log().describe_consumer("c")), Code::not_found);
  EXPECT_EQ(code_of(log().join("c")), Code::not_found);
  EXPECT_EQ(reopen().consumers("", "", 10)->size(), 1u);
}

TEST_F(Consumer, RefusesSettingsThatMakeNoSense) {
  append("s", 1);
  const auto refused = [&](ConsumerSettings settings) {
    settings.select = Selection::stream("s");
    return code_of(log().create_consumer("c", settings));
  };
  EXPECT_EQ(refused({.key = "k"}), Code::invalid);
  EXPECT_EQ(refused({.ack_deadline_ms = 0}), Code::invalid);
  EXPECT_EQ(refused({.unacked_max = 0}), Code::invalid);
  EXPECT_EQ(refused({.types = {""}}), Code::invalid);
  EXPECT_EQ(code_of(log().create_consumer("c", {.select = Selection::stream("none")})),
            Code::not_found);
  EXPECT_EQ(code_of(log().create_consumer(
                "c", {.select = Selection::stream("s"), .start = From::position(2)})),
            Code::out_of_range);
  EXPECT_EQ(code_of(log().describe_consumer("c")), Code::not_found);
}

// --- One reader.

TEST_F(Consumer, ExclusiveGoesOnWhereItCommitted) {
  append("s", 10);
  create(Mode::exclusive);
  uint64_t epoch = join();
  EXPECT_EQ(positions(fetch(epoch, 4)), range(0, 4));
  EXPECT_EQ(positions(fetch(epoch, 4)), range(4, 8));
  ASSERT_TRUE(log().commit(
      {.consumer = "c", .stream = "s", .expected = 0, .next = 3, .epoch = epoch}));
  EXPECT_EQ(info().position, 3u);
  reopen();
  epoch = join();
  EXPECT_EQ(positions(fetch(epoch)), range(3, 10));
}

TEST_F(Consumer, ExclusiveIsTakenOverAndTheFirstIsFenced) {
  append("s", 10);
  create(Mode::exclusive);
  const uint64_t first = join(), second = join();
  EXPECT_TRUE(log().is_fenced("c", first));
  EXPECT_FALSE(log().is_fenced("c", second));
  const auto refused =
      log().commit({.consumer = "c", .stream = "s", .next = 5, .epoch = first});
  ASSERT_EQ(code_of(refused), Code::fenced);
  EXPECT_EQ(refused.error().current, second);
  EXPECT_EQ(code_of(log().fetch(Fetch{.consumer = "c", .epoch = first})), Code::fenced);
  EXPECT_EQ(info().position, 0u);
  ASSERT_TRUE(log().commit({.consumer = "c", .stream = "s", .next = 5, .epoch = second}));
  // Without an epoch, and of a stream that it does not read.
  EXPECT_EQ(code_of(log().commit({.consumer = "c", .stream = "s", .next = 6})), Code::invalid);
  append("other", 9);
  EXPECT_EQ(code_of(log().commit({.consumer = "c", .stream = "other", .next = 6, .epoch = second})),
            Code::invalid);
  const auto conflict = log().commit(
      {.consumer = "c", .stream = "s", .expected = 4, .next = 6, .epoch = second});
  ASSERT_EQ(code_of(conflict), Code::conflict);
  EXPECT_EQ(conflict.error().current, 5u);
  // The fence holds over a reopening.
  EXPECT_EQ(code_of(reopen().commit({.consumer = "c", .stream = "s", .next = 7, .epoch = first})),
            Code::fenced);
}

TEST_F(Consumer, ResetMovesItBackAndFences) {
  append("s", 10);
  create(Mode::exclusive);
  const uint64_t epoch = join();
  ASSERT_TRUE(log().commit({.consumer = "c", .stream = "s", .next = 9, .epoch = epoch}));
  EXPECT_EQ(log().reset_consumer("c", From::position(2))->position, 2u);
  EXPECT_EQ(code_of(log().commit({.consumer = "c", .stream = "s", .next = 10, .epoch = epoch})),
            Code::fenced);
  EXPECT_EQ(positions(fetch(join(), 3)), range(2, 5));
  EXPECT_EQ(reopen().describe_consumer("c")->position, 2u);
  EXPECT_EQ(code_of(log().reset_consumer("c", From::position(11))), Code::out_of_range);
}

TEST_F(Consumer, OutputsAndPositionAreThereTogetherOrNotAtAll) {
  append("s", 10);
  create(Mode::exclusive);
  const uint64_t epoch = join();
  const auto process = [&](uint64_t with_epoch, uint64_t expected) {
    AppendMany both;
    both.parts.push_back({.stream = "out", .batch = batch_of_type("done")});
    both.commits.push_back({.consumer = "c",
                            .stream = "s",
                            .expected = expected,
                            .next = expected + 1,
                            .epoch = with_epoch});
    return log().append(std::move(both));
  };
  ASSERT_TRUE(process(epoch, 0));
  EXPECT_EQ(code_of(process(epoch, 0)), Code::conflict);
  const uint64_t next = join();
  EXPECT_EQ(code_of(process(epoch, 1)), Code::fenced);
  ASSERT_TRUE(process(next, 1));
  EXPECT_EQ(describe("out").tail, Offset{2});
  EXPECT_EQ(info().position, 2u);
}

// --- A group.

TEST_F(Consumer, SharedGivesEachEventToOne) {
  append("s", 10);
  create(Mode::shared);
  const uint64_t a = join(), b = join();
  EXPECT_EQ(positions(fetch(a, 4)), range(0, 4));
  EXPECT_EQ(positions(fetch(b, 4)), range(4, 8));
  EXPECT_EQ(positions(fetch(a)), range(8, 10));
  EXPECT_TRUE(fetch(b).empty());
  EXPECT_EQ(info().in_flight, 10u);
  ASSERT_TRUE(ack(b, 4, 8));
  EXPECT_EQ(info().position, 0u);
  ASSERT_TRUE(ack(a, 0, 4));
  EXPECT_EQ(info().position, 8u);
  reopen();
  EXPECT_EQ(info().position, 8u);
  EXPECT_EQ(info().unacked, 2u);
}

TEST_F(Consumer, GivenEventsAreTheOnesThatWereAppended) {
  append("s", 300);
  append("t", 50);
  append("s", 20);
  all_ = true;
  create(Mode::shared);
  const uint64_t a = join();
  Transcript transcript;
  uint64_t events = 0;
  for (Fetched fetched = fetch(a, 37); !fetched.empty(); fetched = fetch(a, 37)) {
    size_t at = 0;
    for (const Events& run : fetched.runs) {
      for (const Event& event : run) {
        EXPECT_EQ(difference_at_offset(run.stream(), event), "");
        EXPECT_EQ(event.sequence.value, fetched.given[at++].position);
        ++events;
      }
    }
  }
  EXPECT_EQ(events, 370u);
}

TEST_F(Consumer, AnAckMayComeLateUnlessSomebodyElseHasTheEvent) {
  append("s", 2);
  create(Mode::shared, {.ack_deadline_ms = 1'000});
  const uint64_t a = join(), b = join();
  fetch(a, 2);
  clock_->advance_us(1'500'000);
  ASSERT_TRUE(ack(a, 0, 1)) << "nobody else has it yet";
  EXPECT_EQ(positions(fetch(b)), range(1, 2));
  const auto fenced = ack(a, 1, 2);
  ASSERT_EQ(code_of(fenced), Code::fenced);
  EXPECT_EQ(fenced.error().current, b);
  ASSERT_TRUE(ack(b, 1, 2));
  EXPECT_EQ(ack(b, 1, 2)->already, 1u) << "a retry";
  EXPECT_EQ(info().position, 2u);
}

TEST_F(Consumer, NackedAndLateEventsComeAgainAndAreCounted) {
  append("s", 3);
  create(Mode::shared, {.ack_deadline_ms = 1'000});
  const uint64_t a = join();
  fetch(a);
  ASSERT_TRUE(nack(a, 1));
  Fetched again = fetch(a);
  ASSERT_EQ(positions(again), range(1, 2));
  EXPECT_EQ(again.given[0].attempt, 2u);
  ASSERT_TRUE(log().settle(Settle{.consumer = "c", .epoch = a, .extends = {Span::of(2)}}));
  clock_->advance_us(999'000);
  EXPECT_TRUE(fetch(a).empty());
  clock_->advance_us(1'000);
  EXPECT_EQ(positions(fetch(a)), range(0, 3));
  EXPECT_EQ(info().redelivered, 3u);
}

TEST_F(Consumer, ANackMayBeDelayedAlsoOverAReopening) {
  append("s", 1);
  create(Mode::shared);
  const uint64_t a = join();
  fetch(a);
  Settle settle{.consumer = "c", .epoch = a};
  settle.nacks.push_back({Span::of(0), 5'000, {}});
  ASSERT_TRUE(log().settle(settle));
  clock_->advance_us(2'000'000);
  EXPECT_TRUE(fetch(a).empty());
  reopen();
  EXPECT_TRUE(fetch(a).empty());
  clock_->advance_us(2'999'000);
  EXPECT_TRUE(fetch(a).empty());
  clock_->advance_us(2'000);
  EXPECT_EQ(positions(fetch(a)), range(0, 1));
}

TEST_F(Consumer, WhatAMemberHadGoesToOthersWhenItLeavesAndACrashCountsAsAnAttempt) {
  append("s", 4);
  create(Mode::shared);
  const uint64_t a = join(), b = join();
  fetch(a, 2);
  ASSERT_TRUE(log().leave("c", a));
  Fetched taken = fetch(b);
  EXPECT_EQ(positions(taken), range(0, 4));
  EXPECT_EQ(taken.given[0].attempt, 2u);
  EXPECT_EQ(taken.given[3].attempt, 1u);
  reopen();
  taken = fetch(join());
  EXPECT_EQ(positions(taken), range(0, 4));
  EXPECT_EQ(taken.given[0].attempt, 3u);
}

TEST_F(Consumer, ExhaustedEventsAreDeadLetteredWithWhyAndWhereFromAndCanBeReplayed) {
  append("s", 3);
  create(Mode::shared, {.attempts_max = 2});
  const uint64_t a = join();
  fetch(a);
  ASSERT_TRUE(ack(a, 0, 1));
  ASSERT_TRUE(nack(a, 1));
  fetch(a);
  const auto last = nack(a, 1, "does not parse");
  EXPECT_EQ(last->exhausted, 1u);
  EXPECT_TRUE(fetch(a).empty());
  EXPECT_EQ(info().dead_lettered, 1u);
  EXPECT_EQ(info().unacked, 1u);
  auto cursor = log().read({.select = Selection::stream("dead-letters/c")}).value();
  auto delivery = cursor->next().value();
  const Event event = std::get<Events>(*delivery)[0];
  EXPECT_EQ(event.id(), payload("s", Offset{1}).id);
  EXPECT_EQ(event.data(), payload("s", Offset{1}).data);
  std::map<std::string, std::string> attributes;
  event.for_each_attribute([&](const Attribute& one) {
    attributes[std::string(one.name)] = one.text;
  });
  EXPECT_EQ(attributes["deadletterconsumer"], "c");
  EXPECT_EQ(attributes["deadlettercause"], "nacked: does not parse");
  EXPECT_EQ(attributes["deadletterattempts"], "2");
  EXPECT_EQ(attributes["deadletterstream"], "s");
  EXPECT_EQ(attributes["deadletteroffset"], "1");
  reopen();
  EXPECT_EQ(info().dead_lettered, 1u);
  EXPECT_EQ(log().replay("c", 10).value(), 1u);
  EXPECT_EQ(info().dead_lettered, 0u);
  Fetched again = fetch(join(), 1);
  EXPECT_EQ(positions(again), range(1, 2));
  EXPECT_EQ(again.given[0].attempt, 1u);
}

TEST_F(Consumer, UnackedAreBounded) {
  append("s", 10);
  create(Mode::shared, {.unacked_max = 4});
  const uint64_t a = join();
  EXPECT_EQ(positions(fetch(a)), range(0, 4));
  EXPECT_EQ(code_of(log().fetch(Fetch{.consumer = "c", .epoch = a})), Code::limit);
  ASSERT_TRUE(ack(a, 0, 2));
  EXPECT_EQ(positions(fetch(a)), range(4, 6));
}

TEST_F(Consumer, AcksOfWhatWasNeverGivenAreRefusedAndNothingIsApplied) {
  append("s", 10);
  create(Mode::shared);
  const uint64_t a = join();
  fetch(a, 4);
  EXPECT_EQ(code_of(ack(a, 0, 5)), Code::invalid);
  EXPECT_EQ(code_of(ack(a, 3, 3)), Code::invalid);
  EXPECT_EQ(code_of(ack(a + 1, 0, 1)), Code::invalid);
  EXPECT_EQ(code_of(ack(0, 0, 1)), Code::invalid);
  EXPECT_EQ(info().unacked, 4u);
  {
    ASSERT_TRUE(log().create_consumer("e", {.select = Selection::stream("s")}));
    const uint64_t epoch = log().join("e")->epoch;
    EXPECT_EQ(code_of(log().settle(
                  Settle{.consumer = "e", .epoch = epoch, .acks = {{0, 1}}})),
              Code::invalid);
  }
  EXPECT_EQ(code_of(log().commit({.consumer = "c", .stream = "s", .next = 1, .epoch = a})),
            Code::invalid);
}

TEST_F(Consumer, OutputsAndAcksAreThereTogetherOrNotAtAll) {
  append("s", 4);
  create(Mode::shared, {.ack_deadline_ms = 1'000});
  const uint64_t a = join(), b = join();
  fetch(a, 4);
  clock_->advance_us(2'000'000);
  fetch(b, 1);
  const auto process = [&](uint64_t member, uint64_t position) {
    AppendMany both;
    both.parts.push_back({.stream = "out", .batch = batch_of_type("done")});
    both.settles.push_back({.consumer = "c", .epoch = member, .acks = {Span::of(position)}});
    return log().append(std::move(both));
  };
  EXPECT_EQ(code_of(process(a, 0)), Code::fenced);
  ASSERT_TRUE(process(a, 1));
  ASSERT_TRUE(process(b, 0));
  EXPECT_EQ(describe("out").tail, Offset{2});
  EXPECT_EQ(info().position, 2u);
}

// --- A keyed group.

TEST_F(Consumer, KeyedHoldsBackOnlyTheKeyThatIsSlow) {
  for (int i = 0; i < 4; ++i) {
    for (const char* key : {"x", "y", "z"}) {
      ASSERT_TRUE(log().append(
          Append{.stream = "s", .batch = Batch::of({{.type = "t", .subject = key}}).value()}));
    }
  }
  create(Mode::keyed);
  const uint64_t a = join(), b = join();
  EXPECT_EQ(positions(fetch(a)), range(0, 3));
  EXPECT_TRUE(fetch(b).empty());
  ASSERT_TRUE(ack(a, 1, 2));
  EXPECT_EQ(positions(fetch(b)), range(4, 5));
  ASSERT_TRUE(ack(b, 4, 5));
  EXPECT_EQ(positions(fetch(b)), range(7, 8));
  ASSERT_TRUE(nack(a, 0));
  EXPECT_EQ(positions(fetch(b)), range(0, 1)) << "before a later one of its key";
}

TEST_F(Consumer, KeysMayBeAnAttribute) {
  for (const char* tenant : {"1", "2", "1"}) {
    ASSERT_TRUE(log().append(
        Append{.stream = "s",
               .batch = Batch::of({{.type = "t", .attributes = {{"tenant", tenant}}}}).value()}));
  }
  create(Mode::keyed, {.key = "tenant"});
  EXPECT_EQ(positions(fetch(join())), range(0, 2));
}

// --- What else there is to it.

TEST_F(Consumer, AFilterLeavesOutWhatIsOfOtherTypes) {
  for (int i = 0; i < 10; ++i) append_type("s", i % 2 == 0 ? "even" : "odd");
  create(Mode::shared, {.types = {"odd"}});
  const uint64_t a = join();
  EXPECT_THAT(positions(fetch(a)), testing::ElementsAre(1, 3, 5, 7, 9));
  ASSERT_TRUE(ack(a, 1, 10));
  EXPECT_EQ(info().position, 10u);
  EXPECT_EQ(info().lag, 0u);
}

TEST_F(Consumer, SaysWhatIsGone) {
  append("s", 10);
  create(Mode::shared);
  const uint64_t a = join();
  fetch(a, 2);
  ASSERT_TRUE(log().truncate("s", Offset{6}));
  const Fetched fetched = fetch(a);
  ASSERT_EQ(fetched.gaps.size(), 1u);
  EXPECT_EQ(fetched.gaps[0].from, 2u);
  EXPECT_EQ(fetched.gaps[0].to, 6u);
  EXPECT_EQ(positions(fetched), range(6, 10));
}

TEST_F(Consumer, RetainsWhatIsNotAcked) {
  append("s", 10);
  create(Mode::shared, {.retain = true});
  const uint64_t a = join();
  fetch(a, 6);
  ASSERT_TRUE(ack(a, 0, 3));
  const auto refused = log().truncate("s", Offset{4});
  ASSERT_EQ(code_of(refused), Code::conflict);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("\"c\""));
  EXPECT_EQ(code_of(log().delete_stream("s")), Code::conflict);
  ASSERT_TRUE(log().truncate("s", Offset{3}));
  const auto sealed = log().roll();
  ASSERT_TRUE(sealed);
  EXPECT_EQ(code_of(log().drop_segment(*sealed)), Code::conflict);
  EXPECT_EQ(describe("s").start, Offset{3});
  fetch(a);
  ASSERT_TRUE(ack(a, 3, 10));
  EXPECT_TRUE(log().drop_segment(*sealed));
}

TEST_F(Consumer, AFetchWaitsForEventsAndForWhatOthersGiveBack) {
  options.clock = nullptr;
  append("s", 1);
  create(Mode::shared);
  const uint64_t a = join(), b = join();
  fetch(a);
  const auto wait = [&](uint64_t member) {
    return log().fetch(
        Fetch{.consumer = "c", .epoch = member, .wait = std::chrono::seconds(30)});
  };
  std::optional<Fetched> got;
  {
    std::jthread waiting([&] { got = wait(b).value(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(nack(a, 0));
  }
  EXPECT_EQ(positions(*got), range(0, 1));
  {
    std::jthread waiting([&] { got = wait(a).value(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    append("s", 1);
  }
  EXPECT_EQ(positions(*got), range(1, 2));
}

TEST_F(Consumer, AFetchWaitsForADeadline) {
  options.clock = nullptr;
  append("s", 1);
  create(Mode::shared, {.ack_deadline_ms = 50});
  fetch(join());
  const auto begun = std::chrono::steady_clock::now();
  const auto got = log().fetch(Fetch{.consumer = "c", .wait = std::chrono::seconds(30)});
  ASSERT_TRUE(got);
  EXPECT_EQ(positions(*got), range(0, 1));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

}  // namespace
}  // namespace strandline::tests
