// Filters on type; a filtered reader still reports its position, so that resuming costs nothing
// twice.
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Filters : public LogTest {
 protected:
  // order.placed at 0, 4, 8, ...; order.paid at 1, 5, ...; orders at 2, 6, ...; user.seen at 3, ...
  void fill(uint32_t events) {
    static constexpr const char* kTypes[] = {"order.placed", "order.paid", "orders", "user.seen"};
    std::vector<NewEvent> batch;
    for (uint32_t i = 0; i < events; ++i) batch.push_back({.type = kTypes[i % 4]});
    for (size_t at = 0; at < batch.size(); at += 10) {
      const auto part = std::span(batch).subspan(at, std::min<size_t>(10, batch.size() - at));
      ASSERT_TRUE(log().append(Append{.stream = "s", .batch = Batch::of(part).value()}));
    }
  }
  Transcript filtered(std::vector<std::string> types, From from = From::earliest()) {
    return read_all(log(),
                    {.select = Selection::stream("s"), .from = from, .types = std::move(types)});
  }
};

TEST_F(Filters, MatchExactlyByPrefixAndSeveral) {
  fill(40);
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    const auto every_fourth = [](std::vector<uint64_t> of) {
      std::vector<uint64_t> offsets;
      for (uint64_t i = 0; i < 40; ++i) {
        if (std::ranges::count(of, i % 4) > 0) offsets.push_back(i);
      }
      return offsets;
    };
    EXPECT_EQ(filtered({"order.placed"}).offsets(), every_fourth({0}));
    EXPECT_EQ(filtered({"order.*"}).offsets(), every_fourth({0, 1}));
    EXPECT_EQ(filtered({"order*"}).offsets(), every_fourth({0, 1, 2}));
    EXPECT_EQ(filtered({"order.paid", "user.seen"}).offsets(), every_fourth({1, 3}));
    EXPECT_EQ(filtered({"user.*", "order.placed"}).offsets(), every_fourth({0, 3}));
    EXPECT_EQ(filtered({"*"}).offsets(), range(0, 40));
    EXPECT_EQ(filtered({"order"}).offsets(), range(0, 0));
    EXPECT_EQ(filtered({"order.*"}, From::position(22)).offsets().front(), 24u);
  }
}

TEST_F(Filters, ReportThePositionPastWhatTheyLeaveOut) {
  fill(40);
  const Transcript none = filtered({"nothing.like.it"});
  EXPECT_TRUE(none.events.empty());
  EXPECT_EQ(none.position, 40u);
  EXPECT_GE(none.moves, 1u);
  // The last of its kind is at 36; the position is past the three events after it.
  EXPECT_EQ(filtered({"order.placed"}).position, 40u);
}

// A search through the log is ended for who cannot wait; what needs none is answered all the same.
TEST_F(Filters, OfTheLastNAreSearchedForUntilSearchesAreHeld) {
  fill(40);
  ConsumerSettings settings{.select = Selection::stream("s"), .types = {"nothing.like.it"}};
  ASSERT_TRUE(log().create_consumer("there", settings));
  settings.start = From::last(1);
  const auto codes = [&] {
    std::vector<std::optional<Code>> codes;
    for (const Selection& select : {Selection::stream("s"), Selection::list({"s"}),
                                    Selection::prefix("s"), Selection::all()}) {
      const ReadOptions last{.select = select,
                             .from = From::last(1),
                             .types = std::vector<std::string>{"nothing.like.it"}};
      codes.push_back(code_of(log().read(last)));
      codes.push_back(code_of(log().subscribe(last)));
    }
    codes.push_back(code_of(log().create_consumer("new", settings)));
    codes.push_back(code_of(log().reset_consumer("there", From::last(1))));
    return codes;
  };
  log().hold_searches(true);
  EXPECT_THAT(codes(), testing::Each(Code::closed));
  EXPECT_EQ(filtered({}, From::last(3)).offsets(), range(37, 40));
  EXPECT_EQ(filtered({"user.*"}, From::position(36)).offsets(), range(39, 40));
  log().hold_searches(false);
  EXPECT_THAT(codes(), testing::Each(std::nullopt));
  log().close();
  EXPECT_EQ(code_of(log().reset_consumer("there", From::last(1))), Code::closed);
}

TEST_F(Filters, CountOnlyWhatIsDelivered) {
  fill(40);
  const Transcript page = read_all(
      log(), {.select = Selection::stream("s"), .types = {{"user.seen"}}, .events_max = 3});
  EXPECT_EQ(page.offsets(), (std::vector<uint64_t>{3, 7, 11}));
  EXPECT_GE(page.position, 12u);
  EXPECT_LE(page.position, 15u);
}

TEST_F(Filters, WorkBackwards) {
  fill(20);
  const Transcript last = read_all(log(), {.select = Selection::stream("s"),
                                           .from = From::latest(),
                                           .types = {{"order.paid"}},
                                           .events_max = 2,
                                           .backward = true});
  EXPECT_EQ(last.offsets(), (std::vector<uint64_t>{17, 13}));
}

TEST_F(Filters, ResumeExactlyFromAnyPositionReported) {
  fill(40);
  const auto wanted = filtered({"order.*"}).offsets();
  std::vector<uint64_t> got;
  uint64_t position = 0;
  for (int stops = 0; position < 40 && stops < 100; ++stops) {
    // Each life reads one delivery, stores its position, and is gone.
    auto cursor = log()
                      .read({.select = Selection::stream("s"),
                             .from = From::position(position),
                             .types = {{"order.*"}}})
                      .value();
    const auto delivery = cursor->next();
    ASSERT_TRUE(delivery);
    if (*delivery) {
      Transcript transcript;
      transcript.add(**delivery);
      for (const uint64_t offset : transcript.offsets()) got.push_back(offset);
    }
    ASSERT_GT(cursor->position(), position);
    position = cursor->position();
  }
  EXPECT_EQ(got, wanted);
}

TEST_F(Filters, AFilteredSubscriptionMovesWithTheTail) {
  fill(8);
  auto subscription =
      log().subscribe({.select = Selection::stream("s"), .types = {{"user.seen"}}}).value();
  EXPECT_EQ(drain(subscription).offsets(), (std::vector<uint64_t>{3, 7}));
  EXPECT_EQ(subscription.position(), 8u);
  append_type("s", "order.paid");
  append_type("s", "order.paid");
  while (subscription.position() < 10) {
    EXPECT_FALSE(std::holds_alternative<Events>(await(subscription)));
  }
  append_type("s", "user.seen");
  EXPECT_EQ(await_events(subscription, 1).offsets(), range(10, 11));
}

TEST_F(Filters, WorkOverAll) {
  fill(8);
  append_type("t", "user.seen");
  append_type("u", "order.paid");
  const Transcript all = read_all(log(), {.types = {{"user.*"}}});
  EXPECT_EQ(all.sequences(), (std::vector<uint64_t>{3, 7, 8}));
  EXPECT_EQ(all.position, 10u);
}

TEST_F(Filters, AGapIsNeverFilteredOut) {
  fill(40);
  ASSERT_TRUE(log().truncate("s", Offset{15}));
  const Transcript transcript = filtered({"user.seen"}, From::position(2));
  ASSERT_EQ(transcript.gaps.size(), 1u);
  EXPECT_EQ(transcript.gaps[0].gap.from, 2u);
  EXPECT_EQ(transcript.gaps[0].gap.to, 15u);
}

}  // namespace
}  // namespace strandline::tests
