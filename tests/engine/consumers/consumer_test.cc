// Named consumers, one promise a test: their life, one reader, what a fence holds back, what is
// gone, and what is waited for. Groups are in consumer_group_test.cc, random walks in
// consumer_model_test.
#include "tests/support/log/consumer_test.h"

#include <future>
#include <thread>

namespace strandline::tests {
namespace {

class Consumer : public ConsumerTest {};

// --- Its life.

TEST_F(Consumer, StartsWhereItIsToldToAndSaysWhereThatWas) {
  append("s", 6);
  clock_->advance_us(1'000'000);
  const Timestamp later = clock_->now();
  append("s", 4);
  const std::vector<std::pair<From, uint64_t>> starts = {{From::earliest(), 0},
                                                         {From::latest(), 10},
                                                         {From::last(3), 7},
                                                         {From::position(4), 4},
                                                         {From::time(later), 6}};
  for (const Mode mode : {Mode::exclusive, Mode::shared}) {
    for (size_t i = 0; i < starts.size(); ++i) {
      const std::string name = name_of(mode) + std::to_string(i);
      const auto made = log().create_consumer(
          name, {.mode = mode, .select = Selection::stream("s"), .start = starts[i].first});
      ASSERT_TRUE(made) << made.error().message;
      EXPECT_EQ(made->position, starts[i].second) << name;
    }
  }
  reopen();
  const auto all = log().consumers("", "", 100).value();
  ASSERT_EQ(all.size(), 10u);
  for (const ConsumerInfo& one : all) {
    const auto& [start, position] = starts.at(static_cast<size_t>(one.name.back() - '0'));
    EXPECT_EQ(one.settings.start.kind, start.kind) << one.name;
    EXPECT_EQ(one.settings.start.number, start.number) << one.name;
    EXPECT_EQ(one.settings.start.moment, start.moment) << one.name;
    EXPECT_EQ(one.position, position) << one.name;
    EXPECT_EQ(one.lag, 10 - position) << one.name;
    const Fetched fetched = log().fetch(Fetch{.consumer = one.name}).value();
    EXPECT_EQ(positions(fetched), range(position, 10)) << one.name;
  }
}

TEST_F(Consumer, IsListedDescribedAndDeleted) {
  append("s", 10);
  create(Mode::shared, {.types = {"a*"}, .subjects = {"b"}, .attempts_max = 7, .retain = true});
  ASSERT_TRUE(log().create_consumer("d", {.select = Selection::stream("s")}));
  reopen();
  const auto all = log().consumers("", "", 10).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "c");
  EXPECT_EQ(all[0].settings.types, std::vector<std::string>{"a*"});
  EXPECT_EQ(all[0].settings.subjects, std::vector<std::string>{"b"});
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
  // An exclusive one acks nothing.
  EXPECT_EQ(refused({.ack_deadline_ms = 5'000}), Code::invalid);
  EXPECT_EQ(refused({.unacked_max = 5}), Code::invalid);
  EXPECT_EQ(refused({.types = {""}}), Code::invalid);
  EXPECT_EQ(refused({.subjects = {""}}), Code::invalid);
  EXPECT_EQ(code_of(log().create_consumer("c", {.select = Selection::stream("none")})),
            Code::not_found);
  EXPECT_EQ(code_of(log().create_consumer(
                "c", {.select = Selection::stream("s"), .start = From::position(2)})),
            Code::out_of_range);
  EXPECT_EQ(code_of(log().describe_consumer("c")), Code::not_found);
}

TEST_F(Consumer, NamesNoMoreStreamsThanTheLimit) {
  options.limits.selection_names_max = 2;
  for (const char* stream : {"a", "b", "d"}) append(stream, 1);
  const auto refused = log().create_consumer("c", {.select = Selection::list({"a", "b", "d"})});
  ASSERT_EQ(code_of(refused), Code::invalid);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("3 streams"));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("at most 2"));
  EXPECT_TRUE(log().create_consumer("c", {.select = Selection::list({"a", "b"})}));
}

TEST_F(Consumer, GoesOnFromAPositionThatItsNameHadBefore) {
  append("s", 10);
  ASSERT_TRUE(log().commit({.consumer = "c", .stream = "s", .next = 4}));
  EXPECT_EQ(create(Mode::exclusive).position, 4u);
  const auto joined = log().join("c").value();
  EXPECT_EQ(joined.position, 4u);
  EXPECT_EQ(positions(fetch(joined.epoch)), range(4, 10));
  EXPECT_EQ(log().position("c", "s").value(), 4u);
  EXPECT_EQ(reopen().describe_consumer("c")->position, 4u);
}

TEST_F(Consumer, EpochsGoOnAfterItWasDeletedAndMadeAgain) {
  append("s", 10);
  uint64_t before = 0;
  for (const bool reopened : {false, true}) {
    for (const Mode mode : {Mode::exclusive, Mode::shared}) {
      SCOPED_TRACE(std::string(name_of(mode)) + (reopened ? ", reopened" : ""));
      create(mode);
      join();
      const uint64_t old = join();
      EXPECT_GT(old, before);
      if (mode == Mode::shared) fetch(old);
      ASSERT_TRUE(log().delete_consumer("c"));
      EXPECT_TRUE(log().is_fenced("c", old));
      if (reopened) reopen();
      EXPECT_EQ(create(mode).epoch, old);
      EXPECT_TRUE(log().is_fenced("c", old));
      const auto said = [&]() -> std::optional<Code> {
        if (mode == Mode::shared) return code_of(ack(old, 0, 1));
        return code_of(log().commit({.consumer = "c", .stream = "s", .next = 5, .epoch = old}));
      };
      EXPECT_EQ(said(), Code::fenced);
      EXPECT_EQ(code_of(log().fetch(Fetch{.consumer = "c", .epoch = old})), Code::fenced);
      before = join();
      EXPECT_GT(before, old);
      EXPECT_EQ(said(), Code::fenced);
      EXPECT_EQ(info().position, 0u);
      ASSERT_TRUE(log().delete_consumer("c"));
    }
  }
}

TEST_F(Consumer, ACommitBesideItsDeletionLeavesNoPosition) {
  // Answered before it is durable, so that the deletion overtakes what the commit stage publishes.
  options.accepted_sync_interval_ms = 3'600'000;
  append("s", 10);
  create(Mode::exclusive);
  AppendMany both{.commits = {{.consumer = "c", .stream = "s", .next = 5, .epoch = join()}},
                  .durability = Durability::accepted};
  both.parts.push_back({.stream = "out", .batch = batch_of_type("done")});
  ASSERT_TRUE(log().append(std::move(both)));
  ASSERT_TRUE(log().delete_consumer("c"));
  EXPECT_EQ(code_of(log().position("c", "s")), Code::not_found);
  EXPECT_TRUE(log().positions("", 10).empty());
  EXPECT_EQ(create(Mode::exclusive).position, 0u);
  ASSERT_TRUE(log().delete_consumer("c"));
  EXPECT_TRUE(reopen().positions("", 10).empty());
}

// --- One reader.

TEST_F(Consumer, ExclusiveGoesOnWhereItCommitted) {
  append("s", 10);
  create(Mode::exclusive);
  uint64_t epoch = join();
  EXPECT_EQ(positions(fetch(epoch, 4)), range(0, 4));
  EXPECT_EQ(positions(fetch(epoch, 4)), range(4, 8));
  ASSERT_TRUE(
      log().commit({.consumer = "c", .stream = "s", .expected = 0, .next = 3, .epoch = epoch}));
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
  const auto refused = log().commit({.consumer = "c", .stream = "s", .next = 5, .epoch = first});
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
  const auto conflict =
      log().commit({.consumer = "c", .stream = "s", .expected = 4, .next = 6, .epoch = second});
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

TEST_F(Consumer, WhoIsFencedHearsThatBeforeAnythingElseThatIsWrong) {
  append("s", 10);
  append("out", 3);
  create(Mode::exclusive);
  const uint64_t old = join(), current = join();
  const auto process = [&](uint64_t epoch) {
    AppendMany both;
    both.parts.push_back({.stream = "out", .batch = batch_of_type("done"), .expected = Offset{1}});
    both.commits.push_back(
        {.consumer = "c", .stream = "s", .expected = 7, .next = 8, .epoch = epoch});
    return log().append(std::move(both));
  };
  const auto refused = process(old);
  ASSERT_EQ(code_of(refused), Code::fenced);
  EXPECT_EQ(refused.error().current, current);
  EXPECT_EQ(code_of(process(current)), Code::conflict);
  EXPECT_EQ(describe("out").tail, Offset{3});
  EXPECT_EQ(info().position, 0u);
}

TEST_F(Consumer, AnExclusiveReaderIsGivenAgainAtOnceWhatCouldNotBeReadForIt) {
  append("s", 6);
  create(Mode::exclusive);
  for (int i = 0; i < 50; ++i) {
    const uint64_t epoch = join();
    EXPECT_EQ(positions(fetch(epoch, 2)), range(0, 2));
    std::promise<Result<Assignment>> answer;
    log().fetch(Fetch{.consumer = "c", .epoch = epoch, .events_max = 2},
                [&](Result<Assignment> got) { answer.set_value(std::move(got)); });
    Assignment assignment = answer.get_future().get().value();
    ASSERT_EQ(assignment.given.size(), 2u);
    assignment.given.push_back({1'000, 1});  // where nothing can be read
    EXPECT_FALSE(log().retrieve(assignment));
    ASSERT_EQ(positions(fetch(epoch)), range(2, 6));
    EXPECT_EQ(info().position, 0u);
  }
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

TEST_F(Consumer, AGapOnTheWayIsToldOnce) {
  append("s", 2);
  append("t", 2);
  append("s", 2);
  all_ = true;
  create(Mode::shared);
  ASSERT_TRUE(log().truncate("t", Offset{2}));
  const Fetched fetched = fetch(join());
  EXPECT_EQ(fetched.given.size(), 4u);
  EXPECT_EQ(fetched.gaps.size(), 1u);
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
    return log().fetch(Fetch{.consumer = "c", .epoch = member, .wait = std::chrono::seconds(30)});
  };
  std::optional<Fetched> got;
  {
    std::jthread waiting([&] { got = wait(b).value(); });
    ASSERT_TRUE(nack(a, 0));
  }
  EXPECT_EQ(positions(*got), range(0, 1));
  {
    std::jthread waiting([&] { got = wait(a).value(); });
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
