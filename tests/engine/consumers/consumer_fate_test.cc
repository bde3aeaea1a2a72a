// What becomes of events that are given out in vain, one promise a test: they are dead-lettered
// when the last attempt is over, whether anybody asks or not, in every mode; and it comes to an
// end.
#include "tests/support/log/consumer_test.h"

namespace strandline::tests {
namespace {

using Attributes = std::map<std::string, std::string>;

class ConsumerFate : public ConsumerTest {
 protected:
  std::vector<Attributes> letters(const std::string& stream) {
    std::vector<Attributes> out;
    auto cursor = log().read({.select = Selection::stream(stream)});
    if (!cursor) return out;
    for (auto next = (*cursor)->next().value(); next; next = (*cursor)->next().value()) {
      for (const Event event : std::get<Events>(*next)) {
        event.for_each_attribute([&, &letter = out.emplace_back()](const Attribute& one) {
          letter[std::string(one.name)] = one.text;
        });
      }
    }
    return out;
  }
  bool all_dead(uint64_t dead) {
    return eventually([&] { return info().dead_lettered == dead && info().unacked == 0; });
  }
};

// --- Without anybody who asks.

TEST_F(ConsumerFate, ALastAttemptThatIsNackedIsADeadLetterAtOnce) {
  append("s", 2);
  create(Mode::shared, {.attempts_max = 1});
  auto follower = log().subscribe({.from = From::latest()}).value();
  const uint64_t a = join();
  fetch(a);
  ASSERT_TRUE(nack(a, 0, "bad"));
  // Who follows is woken, and nobody fetches.
  EXPECT_EQ(await_events(follower, 1).events.size(), 1u);
  ASSERT_EQ(letters("dead-letters/c").size(), 1u);
  EXPECT_EQ(letters("dead-letters/c")[0]["deadlettercause"], "nacked: bad");
  ASSERT_TRUE(log().leave("c", a));
  EXPECT_TRUE(all_dead(2)) << "its member left";
}

TEST_F(ConsumerFate, ALastAttemptWhoseDeadlinePassesIsADeadLetter) {
  append("s", 3);
  create(Mode::keyed, {.ack_deadline_ms = 1'000, .attempts_max = 1});
  fetch(join());
  clock_->advance_us(999'000);
  EXPECT_EQ(info().dead_lettered, 0u);
  clock_->advance_us(1'000);
  EXPECT_TRUE(all_dead(3));
}

TEST_F(ConsumerFate, ALastAttemptUnderWayOutlivesTheLogForOneDeadline) {
  append("s", 2);
  create(Mode::shared, {.ack_deadline_ms = 1'000, .attempts_max = 1});
  const uint64_t a = join();
  fetch(a);
  reopen();
  ASSERT_TRUE(ack(a, 0, 1)) << "its member is still there";
  EXPECT_EQ(info().dead_lettered, 0u);
  clock_->advance_us(1'000'000);
  EXPECT_TRUE(all_dead(1));
  EXPECT_EQ(letters("dead-letters/c").at(0)["deadletteroffset"], "1");
}

// --- To an end.

TEST_F(ConsumerFate, TwoWhoReadEverythingDoNotReadEachOthersDeadLetters) {
  append("s", 1);
  all_ = true;
  create(Mode::shared, {.attempts_max = 1});
  ASSERT_TRUE(log().create_consumer("d", {.mode = Mode::shared, .attempts_max = 1}));
  ASSERT_TRUE(log().create_consumer(
      "named", {.mode = Mode::shared, .select = Selection::prefix(std::string("dead-letters/"))}));
  const uint64_t a = join();
  fetch(a);
  ASSERT_TRUE(nack(a, 0));
  ASSERT_TRUE(all_dead(1));
  EXPECT_EQ(positions(log().fetch(Fetch{.consumer = "d"}).value()), range(0, 1));
  EXPECT_EQ(positions(log().fetch(Fetch{.consumer = "named"}).value()), range(1, 2));
}

TEST_F(ConsumerFate, WhoReadEachOthersByNameEndAndTellTheFirstPlace) {
  append("s", 1);
  // Each is given the dead letters of the other, by name.
  ASSERT_TRUE(log().create_stream("failed/d"));
  create(Mode::shared, {.select = Selection::list({"s", "failed/d"}),
                        .attempts_max = 1,
                        .dead_letters = "failed/c"});
  const uint64_t a = join();
  fetch(a);
  ASSERT_TRUE(nack(a, 0));
  ASSERT_TRUE(all_dead(1));
  ASSERT_TRUE(log().create_consumer("d", {.mode = Mode::shared,
                                          .select = Selection::stream("failed/c"),
                                          .attempts_max = 1,
                                          .dead_letters = "failed/d"}));
  const uint64_t d = log().join("d")->epoch;
  ASSERT_EQ(positions(log().fetch(Fetch{.consumer = "d", .epoch = d}).value()), range(0, 1));
  ASSERT_TRUE(log().leave("d", d));
  ASSERT_TRUE(eventually([&] { return letters("failed/d").size() == 1; }));
  Attributes second = letters("failed/d")[0];
  EXPECT_EQ(second["deadletterconsumer"], "d");
  EXPECT_EQ(second["deadletterstream"], "failed/c");
  EXPECT_EQ(second["deadletterfirstby"], "c");
  EXPECT_EQ(second["deadletterfirstin"], "s");
  EXPECT_EQ(second["deadletterfirstat"], "0");
  EXPECT_EQ(second["deadletterchain"], "c");
  // The first is given it once more, and then it is over.
  const uint64_t again = join();
  ASSERT_EQ(positions(fetch(again)).size(), 1u);
  ASSERT_TRUE(log().leave("c", again));
  EXPECT_TRUE(all_dead(1));
  EXPECT_EQ(letters("failed/c").size(), 1u);
}

// --- In order, one reader at a time.

TEST_F(ConsumerFate, AnExclusiveConsumerGivesUpAfterItsAttemptsAndGoesOn) {
  append("s", 3);
  create(Mode::exclusive, {.attempts_max = 2});
  const uint64_t a = join();
  EXPECT_EQ(fetch(a).given.at(0).attempt, 1u);
  EXPECT_TRUE(fetch(a).empty()) << "the same epoch is no other attempt";
  const uint64_t b = join();
  Fetched again = fetch(b);
  EXPECT_EQ(positions(again), range(0, 1)) << "alone, so that it is known to be at fault";
  EXPECT_EQ(again.given[0].attempt, 2u);
  reopen();  // the attempts are durable, and the reader may have outlived it
  EXPECT_EQ(info().dead_lettered, 0u);
  const uint64_t c = join();
  EXPECT_TRUE(all_dead(1));
  EXPECT_EQ(info().position, 1u);
  EXPECT_EQ(positions(fetch(c)), range(1, 3));
  EXPECT_EQ(letters("dead-letters/c").at(0)["deadletterattempts"], "2");
  EXPECT_EQ(code_of(log().replay("c", 1)), Code::invalid);
}

TEST_F(ConsumerFate, AnExclusiveConsumerThatCommitsBeginsToCountAnew) {
  append("s", 3);
  create(Mode::exclusive, {.attempts_max = 2});
  for (uint64_t at = 0; at < 3; ++at) {
    fetch(join());
    const uint64_t epoch = join();
    EXPECT_EQ(fetch(epoch).given.at(0).attempt, 2u);
    ASSERT_TRUE(log().commit({.consumer = "c", .stream = "s", .next = at + 1, .epoch = epoch}));
  }
  join();
  EXPECT_EQ(info().dead_lettered, 0u);
}

TEST_F(ConsumerFate, AnExclusiveReaderThatFetchesOneByOneHasEachAttemptCounted) {
  append("s", 4);
  create(Mode::exclusive, {.types = {"*"}, .attempts_max = 2});
  const uint64_t a = join();
  ASSERT_EQ(positions(fetch(a, 1)), range(0, 1));
  ASSERT_TRUE(log().commit({.consumer = "c", .stream = "s", .next = 1, .epoch = a}));
  EXPECT_EQ(fetch(a, 1).given.at(0).attempt, 1u);
  EXPECT_EQ(fetch(a, 1).given.at(0).attempt, 1u) << "not at the position";
  ASSERT_TRUE(log().leave("c", a));
  reopen();  // it is durable
  const uint64_t b = join();
  Fetched again = fetch(b, 10);
  EXPECT_EQ(positions(again), range(1, 2));
  EXPECT_EQ(again.given[0].attempt, 2u) << "counted in the epoch that committed what was before it";
  ASSERT_TRUE(log().leave("c", b));
  EXPECT_TRUE(all_dead(1));
  EXPECT_EQ(info().position, 2u);
  EXPECT_EQ(fetch(join(), 1).given.at(0).attempt, 1u) << "2 was given, and was not at the position";
}

TEST_F(ConsumerFate, WhoLeavesUntriedUsesUpNoAttemptInEveryMode) {
  append("s", 3);
  for (const Mode mode : {Mode::exclusive, Mode::shared, Mode::keyed}) {
    SCOPED_TRACE(name_of(mode));
    create(mode, {.attempts_max = 1});
    for (int i = 0; i < 3; ++i) {
      const uint64_t member = join();
      Fetched given = fetch(member);
      ASSERT_EQ(positions(given), range(0, 3));
      EXPECT_EQ(given.given[0].attempt, 1u);
      ASSERT_TRUE(log().leave("c", member, true));
      ASSERT_TRUE(log().leave("c", member, true)) << "a retry takes back nothing more";
      if (i == 1) reopen();  // it is durable
    }
    EXPECT_EQ(info().position, 0u);
    EXPECT_EQ(info().dead_lettered, 0u);
    const uint64_t member = join();
    fetch(member, 1);
    ASSERT_TRUE(log().leave("c", member));
    EXPECT_TRUE(eventually([&] { return info().dead_lettered == 1; })) << "it was tried";
    ASSERT_TRUE(log().delete_consumer("c"));
  }
}

TEST_F(ConsumerFate, LeavingUntriedTakesBackTheOwnAttemptAlone) {
  append("s", 1);
  create(Mode::exclusive, {.attempts_max = 3});
  const uint64_t a = join();
  fetch(a);
  ASSERT_TRUE(log().leave("c", a));
  const uint64_t b = join();
  EXPECT_EQ(fetch(b).given.at(0).attempt, 2u);
  ASSERT_TRUE(log().leave("c", b, true));
  ASSERT_TRUE(log().leave("c", join(), true)) << "it was given nothing";
  EXPECT_EQ(fetch(join()).given.at(0).attempt, 2u);
}

TEST_F(ConsumerFate, AnExclusiveStreamCountsAttemptsToo) {
  append("s", 2);
  create(Mode::exclusive, {.attempts_max = 1});
  ASSERT_TRUE(log().subscribe_exclusive("c", join()));
  auto second = log().subscribe_exclusive("c", join());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->position(), 1u);
  EXPECT_EQ(info().dead_lettered, 1u);
}

TEST_F(ConsumerFate, AnExclusiveStreamCountsTheAttemptAtWhatComesWhileItWaits) {
  append("s", 1);
  create(Mode::exclusive, {.attempts_max = 2});
  {
    const uint64_t a = join();
    ASSERT_TRUE(log().commit({.consumer = "c", .stream = "s", .next = 1, .epoch = a}));
    auto waiting = log().subscribe_exclusive("c", a);
    ASSERT_TRUE(waiting);
    EXPECT_TRUE(std::holds_alternative<CaughtUp>(*waiting->next()));
    append("s", 2);
    // Counting it takes a thread that may wait; who may not has passed over nothing.
    for (int i = 0; i < 2; ++i) {
      const auto none = waiting->next_from_memory();
      ASSERT_TRUE(none);
      EXPECT_FALSE(*none);
      EXPECT_TRUE(waiting->needs_disk());
      EXPECT_EQ(waiting->position(), 1u);
      waiting->rest();
    }
    const auto given = waiting->try_next();
    ASSERT_TRUE(given && *given);
    EXPECT_EQ(std::get<Events>(**given).first(), Offset{1});
  }
  reopen();  // it is durable
  EXPECT_EQ(fetch(join()).given.at(0).attempt, 2u);
  join();
  EXPECT_TRUE(all_dead(1));
  EXPECT_EQ(info().position, 2u);
  EXPECT_EQ(letters("dead-letters/c").at(0)["deadletterattempts"], "2");
}

TEST_F(ConsumerFate, AnExclusiveStreamThatWaitsAndIsFencedIsGivenNothing) {
  append("s", 1);
  create(Mode::exclusive, {.start = From::latest(), .attempts_max = 1});
  auto first = log().subscribe_exclusive("c", join());
  ASSERT_TRUE(first);
  const uint64_t b = join();
  append("s", 1);
  auto next = first->next_for(kDeadline);
  if (next && *next && std::holds_alternative<CaughtUp>(**next)) next = first->next_for(kDeadline);
  EXPECT_EQ(code_of(next), Code::fenced);
  EXPECT_EQ(fetch(b).given.at(0).attempt, 1u);
}

TEST_F(ConsumerFate, WithoutABoundAnExclusiveConsumerTriesForEver) {
  append("s", 1);
  create(Mode::exclusive);
  for (uint32_t i = 1; i <= 20; ++i) EXPECT_EQ(fetch(join()).given.at(0).attempt, i);
  EXPECT_EQ(info().dead_lettered, 0u);
}

// --- Skipped by hand.

TEST_F(ConsumerFate, SkippingGivesUpOnWhatIsInTheWayInEveryMode) {
  append("s", 4);
  for (const Mode mode : {Mode::exclusive, Mode::shared, Mode::keyed}) {
    SCOPED_TRACE(name_of(mode));
    create(mode);
    const uint64_t a = join();
    fetch(a);
    const auto one = log().skip({.consumer = "c", .reason = "poison"});
    ASSERT_TRUE(one) << one.error().message;
    EXPECT_EQ(one->skipped, 1u);
    EXPECT_EQ(one->position, 1u);
    const auto two = log().skip({.consumer = "c", .position = 1, .count = 2});
    ASSERT_TRUE(two) << two.error().message;
    EXPECT_EQ(two->skipped, 2u);
    EXPECT_EQ(two->position, 3u);
    EXPECT_EQ(info().dead_lettered, 3u);
    auto dead = letters("dead-letters/c");
    ASSERT_GE(dead.size(), 3u);
    EXPECT_EQ(dead[dead.size() - 3]["deadlettercause"], "skipped: poison");
    EXPECT_EQ(dead.back()["deadlettercause"], "skipped");
    EXPECT_EQ(code_of(log().skip({.consumer = "c", .position = 0})), Code::conflict);
    EXPECT_EQ(code_of(log().skip({.consumer = "c", .count = 0})), Code::invalid);
    ASSERT_TRUE(log().skip({.consumer = "c"}));
    EXPECT_EQ(code_of(log().skip({.consumer = "c"})), Code::conflict) << "nothing is left";
    ASSERT_TRUE(log().delete_consumer("c"));
  }
}

// --- Changed while it is read.

TEST_F(ConsumerFate, BoundsChangeWithoutJoiningAgainAndDurably) {
  append("s", 3);
  create(Mode::shared, {.ack_deadline_ms = 1'000});
  const uint64_t a = join();
  fetch(a, 1);
  ASSERT_TRUE(nack(a, 0));
  EXPECT_EQ(info().dead_lettered, 0u);
  const auto changed = log().update_consumer(
      "c", {.ack_deadline_ms = 5'000, .attempts_max = 1, .unacked_max = 2, .retain = true});
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_TRUE(all_dead(1)) << "it has had its only attempt";
  EXPECT_EQ(positions(fetch(a)), range(1, 3));
  clock_->advance_us(4'999'000);
  EXPECT_EQ(info().in_flight, 2u);
  append("s", 1);
  EXPECT_EQ(code_of(log().fetch(Fetch{.consumer = "c", .epoch = a})), Code::limit);
  EXPECT_EQ(code_of(log().truncate("s", Offset{3})), Code::conflict);
  reopen();
  EXPECT_EQ(info().settings.ack_deadline_ms, 5'000u);
  EXPECT_EQ(info().settings.attempts(), 1u);
  EXPECT_EQ(info().settings.unacked_max, 2u);
  EXPECT_TRUE(info().settings.retain);
  EXPECT_EQ(code_of(log().update_consumer("c", {.ack_deadline_ms = 0})), Code::invalid);
  EXPECT_EQ(code_of(log().update_consumer("none", {})), Code::not_found);
  ASSERT_TRUE(log().create_consumer("x", {.select = Selection::stream("s")}));
  EXPECT_EQ(code_of(log().update_consumer("x", {.unacked_max = 9})), Code::invalid);
  EXPECT_EQ(log().update_consumer("x", {.attempts_max = 9})->settings.attempts(), 9u);
}

// --- What there is to say of it.

TEST_F(ConsumerFate, LagIsWhatIsNotDoneAndPendingWhatIsGivenOut) {
  append("s", 10);
  create(Mode::shared);
  EXPECT_EQ(info().lag, 10u);
  const uint64_t a = join();
  fetch(a, 6);
  EXPECT_EQ(info().lag, 10u);
  EXPECT_EQ(info().pending, 6u);
  ASSERT_TRUE(nack(a, 5));
  ASSERT_TRUE(ack(a, 0, 4));
  EXPECT_EQ(info().lag, 6u);
  EXPECT_EQ(info().pending, 2u);
  EXPECT_EQ(info().in_flight, 1u);
  EXPECT_EQ(reopen().describe_consumer("c")->pending, 2u);
}

// --- Whatever the clock says.

TEST_F(ConsumerFate, ADelayIsNeverLongerThanWhatWasLeftOfIt) {
  append("s", 1);
  create(Mode::shared);
  constexpr int64_t kWeekUs = int64_t{7} * 24 * 3'600'000'000;
  for (const int64_t wrong : {kWeekUs, -kWeekUs}) {
    SCOPED_TRACE(wrong);
    const uint64_t a = join();
    fetch(a);
    Settle settle{.consumer = "c", .epoch = a};
    settle.nacks.push_back({Span::of(0), 60'000, {}});
    clock_->set({clock_->now().us + wrong});
    ASSERT_TRUE(log().settle(settle));
    close();
    clock_->set({clock_->now().us - wrong});  // set right
    log();                                    // opens it: counted from now at the latest
    clock_->advance_us(60'000'000);
    EXPECT_EQ(positions(fetch(a)), range(0, 1));
    ASSERT_TRUE(log().reset_consumer("c", From::earliest()));
  }
}

TEST_F(ConsumerFate, AMarkNeitherExpiresEarlyNorLivesForAWeek) {
  constexpr int64_t kWeekUs = int64_t{7} * 24 * 3'600'000'000;
  for (const int64_t wrong : {kWeekUs, -kWeekUs}) {
    const std::string id = std::to_string(wrong);
    clock_->set({clock_->now().us + wrong});
    ASSERT_TRUE(log().once("c", id, 600).value());
    close();
    clock_->set({clock_->now().us - wrong});
    EXPECT_FALSE(log().once("c", id, 600).value()) << "the clock was wrong, and is right";
    clock_->advance_us(600'000'000);
    EXPECT_TRUE(log().once("c", id, 600).value());
    clock_->advance_us(1'000'000'000);
  }
}

TEST_F(ConsumerFate, AMarkLivesNoLongerForReopenings) {
  ASSERT_TRUE(log().once("c", "x", 600).value());
  for (int i = 0; i < 6; ++i) {
    clock_->advance_us(100'000'000);
    append("s");  // whose group keeps the time
    reopen();
  }
  EXPECT_FALSE(log().was_processed("c", "x").value());
}

}  // namespace
}  // namespace strandline::tests
