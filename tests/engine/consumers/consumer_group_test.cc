// Groups, one promise a test: who is given what, what is said of it, and what becomes of it.
#include "tests/support/log/consumer_test.h"

namespace strandline::tests {
namespace {

class ConsumerGroup : public ConsumerTest {};

// --- A group.

TEST_F(ConsumerGroup, SharedGivesEachEventToOne) {
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

TEST_F(ConsumerGroup, GivenEventsAreTheOnesThatWereAppended) {
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

TEST_F(ConsumerGroup, AnAckMayComeLateUnlessSomebodyElseHasTheEvent) {
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

TEST_F(ConsumerGroup, NackedAndLateEventsComeAgainAndAreCounted) {
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

TEST_F(ConsumerGroup, ANackMayBeDelayedAlsoOverAReopening) {
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

TEST_F(ConsumerGroup, WhatAMemberHadGoesToOthersWhenItLeavesAndACrashCountsAsAnAttempt) {
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

TEST_F(ConsumerGroup, TheReasonOfANackOutlivesTheLog) {
  append("s", 3);
  create(Mode::shared, {.attempts_max = 1});
  const uint64_t a = join();
  fetch(a);
  ASSERT_TRUE(ack(a, 0, 1));
  ASSERT_TRUE(nack(a, 1, "does not parse"));
  ASSERT_TRUE(nack(a, 2));
  reopen();
  EXPECT_TRUE(eventually([&] { return info().dead_lettered == 2; }));
  auto cursor = log().read({.select = Selection::stream("dead-letters/c")}).value();
  std::vector<std::string> causes;
  for (auto next = cursor->next().value(); next; next = cursor->next().value()) {
    for (const Event event : std::get<Events>(*next)) {
      event.for_each_attribute([&](const Attribute& one) {
        if (one.name == "deadlettercause") causes.emplace_back(one.text);
      });
    }
  }
  EXPECT_THAT(causes, testing::ElementsAre("nacked: does not parse", "nacked"));
}

TEST_F(ConsumerGroup, ExhaustedEventsAreDeadLetteredWithWhyAndWhereFromAndCanBeReplayed) {
  append("s", 3);
  create(Mode::shared, {.attempts_max = 2});
  const uint64_t a = join();
  fetch(a);
  ASSERT_TRUE(ack(a, 0, 1));
  ASSERT_TRUE(nack(a, 1));
  fetch(a);
  const auto last = nack(a, 1, "does not parse");
  EXPECT_EQ(last->exhausted, 1u);
  EXPECT_TRUE(eventually([&] { return info().dead_lettered == 1; }));
  EXPECT_EQ(info().unacked, 1u);
  auto cursor = log().read({.select = Selection::stream("dead-letters/c")}).value();
  auto delivery = cursor->next().value();
  const Event event = std::get<Events>(*delivery)[0];
  EXPECT_EQ(event.id(), payload("s", Offset{1}).id);
  EXPECT_EQ(event.data(), payload("s", Offset{1}).data);
  std::map<std::string, std::string> attributes;
  event.for_each_attribute(
      [&](const Attribute& one) { attributes[std::string(one.name)] = one.text; });
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

TEST_F(ConsumerGroup, UnackedAreBounded) {
  append("s", 10);
  create(Mode::shared, {.unacked_max = 4});
  const uint64_t a = join();
  EXPECT_EQ(positions(fetch(a)), range(0, 4));
  EXPECT_EQ(code_of(log().fetch(Fetch{.consumer = "c", .epoch = a})), Code::limit);
  ASSERT_TRUE(ack(a, 0, 2));
  EXPECT_EQ(positions(fetch(a)), range(4, 6));
}

TEST_F(ConsumerGroup, AcksOfWhatWasNeverGivenAreRefusedAndNothingIsApplied) {
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
    EXPECT_EQ(code_of(log().settle(Settle{.consumer = "e", .epoch = epoch, .acks = {{0, 1}}})),
              Code::invalid);
  }
  EXPECT_EQ(code_of(log().commit({.consumer = "c", .stream = "s", .next = 1, .epoch = a})),
            Code::invalid);
}

TEST_F(ConsumerGroup, WhatWaitsIsGivenBeforeWhatIsNewThoughItWouldFitLess) {
  const auto append_of = [&](size_t bytes) {
    const std::string data(bytes, 'x');
    return log().append(Append{
        .stream = "s",
        .batch = Batch::of({{.type = "t", .form = DataForm::binary, .data = data}}).value()});
  };
  for (const size_t bytes : {10, 50'000, 10}) ASSERT_TRUE(append_of(bytes));
  create(Mode::shared);
  const uint64_t a = join();
  fetch(a, 2);
  ASSERT_TRUE(nack(a, 0));
  ASSERT_TRUE(nack(a, 1));
  const auto next = [&] {
    return positions(log().fetch(Fetch{.consumer = "c", .epoch = a, .bytes_max = 10'000}).value());
  };
  EXPECT_EQ(next(), range(0, 1)) << "2 has room, but 1 is older";
  EXPECT_EQ(info().next, 2u) << "nor is it taken up";
  EXPECT_EQ(info().unacked, 2u);
  EXPECT_EQ(next(), range(1, 2));
  EXPECT_EQ(next(), range(2, 3));
}

// --- What nobody has seen.

TEST_F(ConsumerGroup, ReturnedEventsComeAgainAtOnceAndUncounted) {
  append("s", 3);
  create(Mode::shared, {.attempts_max = 1});
  const uint64_t a = join(), b = join();
  fetch(a);
  const auto give_back = [&](uint64_t member, Span span) {
    return log().settle(Settle{.consumer = "c", .epoch = member, .returns = {span}});
  };
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(give_back(a, {0, 2}));
    const Fetched again = fetch(a, 2);
    ASSERT_EQ(positions(again), range(0, 2));
    EXPECT_EQ(again.given[0].attempt, 1u);
  }
  EXPECT_EQ(info().redelivered, 0u);
  EXPECT_EQ(code_of(give_back(b, {0, 1})), Code::fenced) << "it is another's";
  ASSERT_TRUE(give_back(a, {0, 3}));
  EXPECT_EQ(info().in_flight, 0u);
  reopen();
  const Fetched again = fetch(b);
  EXPECT_EQ(positions(again), range(0, 3));
  for (const Given& one : again.given) EXPECT_EQ(one.attempt, 1u);
  EXPECT_EQ(info().dead_lettered, 0u);
}

// --- How much may be said at a time.

TEST_F(ConsumerGroup, ASettlementIsBoundedWhateverItSays) {
  options.limits.settle_positions_max = 8;
  append("s", 20);
  create(Mode::shared);
  const uint64_t a = join();
  fetch(a);
  std::vector<Settle> wrong(6, Settle{.consumer = "c", .epoch = a, .acks = {{0, 5}}});
  wrong[0].acks.push_back({5, 9});
  wrong[1].nacks.push_back({{5, 9}, 0, {}});
  wrong[2].extends.push_back({5, 9});
  wrong[3].returns.push_back({5, 9});
  wrong[4].acks = {{0, 9}};
  wrong[5].acks = {{0, uint64_t{1} << 63}, {0, uint64_t{1} << 63}};  // 0 in 64 bits
  for (const Settle& settle : wrong) {
    const auto refused = log().settle(settle);
    ASSERT_EQ(code_of(refused), Code::too_large);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("more than 8 positions"));
    AppendMany beside;
    beside.parts.push_back({.stream = "out", .batch = batch_of_type("done")});
    beside.settles.push_back(settle);
    EXPECT_EQ(code_of(log().append(std::move(beside))), Code::too_large);
  }
  EXPECT_EQ(code_of(log().describe("out")), Code::not_found);
  EXPECT_EQ(info().unacked, 20u);
  EXPECT_EQ(info().in_flight, 20u);
  Settle most{.consumer = "c", .epoch = a, .acks = {{0, 5}}, .extends = {{6, 8}}};
  most.nacks.push_back({Span::of(5), 0, {}});
  ASSERT_TRUE(log().settle(most));
  EXPECT_EQ(info().unacked, 15u);
}

TEST_F(ConsumerGroup, OutputsAndAcksAreThereTogetherOrNotAtAll) {
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

TEST_F(ConsumerGroup, KeyedHoldsBackOnlyTheKeyThatIsSlow) {
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

TEST_F(ConsumerGroup, KeysMayBeAnAttribute) {
  for (const char* tenant : {"1", "2", "1"}) {
    ASSERT_TRUE(log().append(
        Append{.stream = "s",
               .batch = Batch::of({{.type = "t", .attributes = {{"tenant", tenant}}}}).value()}));
  }
  create(Mode::keyed, {.key = "tenant"});
  EXPECT_EQ(positions(fetch(join())), range(0, 2));
}

}  // namespace
}  // namespace strandline::tests
