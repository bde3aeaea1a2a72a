// A legal hold beats everything: each door refuses, with the hold's name, and nothing is lost.
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

class Holding : public LogTest {
 protected:
  Holding() {
    options.clock = clock_;
    options.retention_interval_ms = 0;
  }
  void hold(const std::string& name, NameScope scope, std::optional<Timestamp> until = {}) {
    const auto held = log().hold(
        {.name = name, .scope = std::move(scope), .reason = "litigation", .until = until},
        {.kind = Actor::Kind::key, .name = "ann"});
    ASSERT_TRUE(held) << held.error().message;
    EXPECT_EQ(held->by, "key ann");
  }
  template <class T>
  void expect_held(const Result<T>& result, const std::string& name) {
    ASSERT_EQ(code_of(result), Code::held);
    EXPECT_THAT(result.error().message, HasSubstr("\"" + name + "\""));
    EXPECT_THAT(result.error().message, HasSubstr("litigation"));
  }

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
};

TEST_F(Holding, StopsEveryDoor) {
  append("a.s", 10);
  const SegmentId sealed = log().roll().value();
  hold("case", {.prefix = true, .name = "a."});
  ASSERT_TRUE(log().change_policy("", {{PolicyField::events_max, uint64_t{2}}}));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    expect_held(log().truncate("a.s", Offset(5)), "case");
    expect_held(log().truncate("a.s", Offset(5), true), "case");
    expect_held(log().delete_stream("a.s"), "case");
    expect_held(log().drop_segment(sealed), "case");
    expect_held(
        log().erase({.select = Selection::stream("a.s"), .offsets = {{Offset(1), Offset(2)}}}),
        "case");
    ASSERT_TRUE(log().retain_now());
    EXPECT_THAT(log().retention().blocked, HasSubstr("\"case\""));
    expect_stream("a.s", 0, 10);
    ASSERT_TRUE(describe("a.s").hold);
    EXPECT_EQ(describe("a.s").hold->name, "case");
  }
  ASSERT_TRUE(log().release_hold("case"));
  EXPECT_FALSE(describe("a.s").hold);
  ASSERT_TRUE(log().truncate("a.s", Offset(5)));
  ASSERT_TRUE(log().retain_now());
  expect_stream("a.s", 8, 10);
  ASSERT_TRUE(log().drop_segment(sealed));
}

TEST_F(Holding, CoversWhatIsNamedAndNothingElse) {
  append("a", 4);
  append("ab", 4);
  append("b", 4);
  hold("one", {.prefix = false, .name = "a"});
  EXPECT_TRUE(log().truncate("ab", Offset(2)));
  expect_held(log().truncate("a", Offset(2)), "one");
  hold("all", {.prefix = true, .name = ""});
  expect_held(log().truncate("b", Offset(2)), "all");
  // A stream to come, too.
  append("c", 1);
  expect_held(log().delete_stream("c"), "all");
}

TEST_F(Holding, IsOverWhenItSays) {
  append("s", 4);
  hold("h", {.prefix = false, .name = "s"}, Timestamp{clock_->now().us + 1'000'000});
  expect_held(log().truncate("s", Offset(2)), "h");
  clock_->advance_us(1'000'000);
  EXPECT_FALSE(describe("s").hold);
  EXPECT_TRUE(log().truncate("s", Offset(2)));
  EXPECT_EQ(log().holds().size(), 1u) << "it stays in the list";
  ASSERT_TRUE(log().release_hold("h"));
  EXPECT_EQ(code_of(log().release_hold("h")), Code::not_found);
}

TEST_F(Holding, BadInputHoldsNothing) {
  const NameScope scope{.prefix = false, .name = "s"};
  EXPECT_EQ(code_of(log().hold({.name = "", .scope = scope, .reason = "r"})), Code::invalid);
  EXPECT_EQ(code_of(log().hold({.name = "h", .scope = scope, .reason = ""})), Code::invalid);
  EXPECT_EQ(code_of(log().hold({.name = "h", .scope = scope, .reason = std::string(2'000, 'x')})),
            Code::invalid);
  EXPECT_EQ(code_of(log().hold({.name = "h", .scope = {.name = "$admin"}, .reason = "r"})),
            Code::invalid);
  EXPECT_EQ(
      code_of(log().hold({.name = "h", .scope = scope, .reason = "r", .until = Timestamp{5}})),
      Code::invalid);
  EXPECT_TRUE(log().holds().empty());
  hold("h", scope);
  EXPECT_EQ(code_of(log().hold({.name = "h", .scope = scope, .reason = "r"})), Code::exists);
}

}  // namespace
}  // namespace strandline::tests
