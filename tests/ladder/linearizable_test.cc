// The checker of histories, on histories that it must accept and on those that it must not.
#include "tests/support/log/linearizable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strandline::tests {
namespace {

using Told = Operation::Outcome;
using Ids = std::vector<std::string>;

constexpr uint64_t kNever = 1'000'000;  // later than anything else in these histories

struct Interval {
  uint64_t sent, answered;
};

Operation append(Interval when, Ids ids, uint64_t at, std::optional<uint64_t> expected = {}) {
  return {.invoked = when.sent,
          .answered = when.answered,
          .number = at,
          .ids = std::move(ids),
          .expected = expected};
}
Operation refused(Interval when, Ids ids, uint64_t expected, uint64_t current) {
  Operation operation = append(when, std::move(ids), current, expected);
  operation.outcome = Told::conflict;
  return operation;
}
Operation unknown(Interval when, Ids ids, std::optional<uint64_t> expected = {}) {
  Operation operation = append(when, std::move(ids), 0, expected);
  operation.outcome = Told::unknown;
  return operation;
}
Operation read(Interval when, uint64_t from, Ids ids, bool to_tail = true) {
  return {.kind = Operation::Kind::read,
          .invoked = when.sent,
          .answered = when.answered,
          .number = from,
          .ids = std::move(ids),
          .to_tail = to_tail};
}
Operation commit(Interval when, std::optional<uint64_t> expected, uint64_t next,
                 Told outcome = Told::done, uint64_t number = 0) {
  return {.invoked = when.sent,
          .answered = when.answered,
          .outcome = outcome,
          .number = outcome == Told::done ? next : number,
          .move = Move{"c", expected, next}};
}
Operation position(Interval when, uint64_t at) {
  return {.kind = Operation::Kind::position,
          .invoked = when.sent,
          .answered = when.answered,
          .number = at,
          .consumer = "c"};
}

void expect_accepted(const std::vector<Operation>& history) {
  const auto found = not_linearizable(history);
  EXPECT_FALSE(found) << found.value_or("");
}
void expect_rejected(const std::vector<Operation>& history) {
  const auto found = not_linearizable(history);
  ASSERT_TRUE(found);
  EXPECT_THAT(*found, testing::HasSubstr("client"));
}

TEST(Linearizable, AcceptsWhatOneOrderExplains) {
  expect_accepted({});
  expect_accepted({append({1, 2}, {"a"}, 0), append({3, 4}, {"b", "c"}, 1),
                   read({5, 6}, 0, {"a", "b", "c"}), read({7, 8}, 2, {"c"}), read({9, 10}, 3, {})});
  // At the same time: in either order, and a read may see none, one or both.
  for (const Ids& seen : {Ids{}, Ids{"b"}, Ids{"b", "a"}}) {
    expect_accepted({append({1, 10}, {"a"}, 1), append({2, 9}, {"b"}, 0), read({3, 8}, 0, seen)});
  }
}

TEST(Linearizable, RejectsWhatWasAcknowledgedAndIsNotThere) {
  expect_rejected({append({1, 2}, {"a"}, 0), read({3, 4}, 0, {})});
  expect_rejected({append({1, 2}, {"a", "b"}, 0), read({3, 4}, 0, {"a"})});
  // Read by whoever: its own client just as well.
  expect_rejected({append({1, 2}, {"a"}, 0), append({3, 4}, {"b"}, 1), read({5, 6}, 1, {})});
}

TEST(Linearizable, RejectsOffsetsThatHaveAHoleOrAreGivenTwice) {
  expect_rejected({append({1, 2}, {"a"}, 0), append({3, 4}, {"b"}, 2)});
  expect_rejected({append({1, 2}, {"a"}, 0), append({3, 4}, {"b"}, 0)});
  expect_rejected({append({1, 9}, {"a"}, 0), append({2, 8}, {"b"}, 0)});
}

TEST(Linearizable, RejectsAnOrderAgainstTime) {
  expect_rejected({append({1, 2}, {"a"}, 1), append({3, 4}, {"b"}, 0)});
  // Seen before it was sent; gone again after it was seen; the tail going back.
  expect_rejected({read({1, 2}, 0, {"a"}), append({3, 4}, {"a"}, 0)});
  expect_rejected({append({1, 10}, {"a"}, 0), read({2, 3}, 0, {"a"}), read({4, 5}, 0, {})});
  expect_rejected({append({1, 10}, {"a"}, 0), append({1, 10}, {"b"}, 1),
                   read({2, 3}, 0, {"a", "b"}, false), read({4, 5}, 0, {"a"})});
}

TEST(Linearizable, RejectsWhatNobodySent) {
  expect_rejected({append({1, 2}, {"a"}, 0), read({3, 4}, 0, {"b"})});
  expect_rejected({append({1, 2}, {"a"}, 0), read({3, 4}, 0, {"a", "a"})});
  expect_rejected({append({1, 2}, {"a", "b"}, 0), read({3, 4}, 0, {"b", "a"})});
}

TEST(Linearizable, RejectsASecondWinnerAndAWrongRefusal) {
  expect_accepted({append({1, 9}, {"a"}, 0, 0), refused({2, 8}, {"b"}, 0, 1)});
  expect_rejected({append({1, 9}, {"a"}, 0, 0), append({2, 8}, {"b"}, 1, 0)});
  // Refused though the condition held all the time; with a number that it never was.
  expect_rejected({append({1, 2}, {"a"}, 0), refused({3, 4}, {"b"}, 1, 1)});
  expect_rejected({append({1, 2}, {"a"}, 0), refused({3, 4}, {"b"}, 0, 2)});
  // Refused, and there.
  expect_rejected({append({1, 2}, {"a"}, 0), refused({3, 4}, {"b"}, 0, 1), read({5, 6}, 1, {"b"})});
}

TEST(Linearizable, TakesTheUnknownOnceOrNotAtAll) {
  expect_accepted({unknown({1, 5}, {"a"}), read({6, 7}, 0, {})});
  expect_accepted({unknown({1, 5}, {"a"}), read({6, 7}, 0, {"a"})});
  expect_accepted({unknown({1, 5}, {"a"}), read({2, 3}, 0, {}), read({6, 7}, 0, {"a"})});
  expect_accepted({unknown({1, kNever}, {"a"}), append({2, 3}, {"b"}, 0), read({4, 5}, 0, {"b"}),
                   read({6, 7}, 0, {"b", "a"})});
  expect_rejected({unknown({1, 5}, {"a"}), read({6, 7}, 0, {"a", "a"})});
  expect_rejected({unknown({1, 5}, {"a", "b"}), read({6, 7}, 0, {"a"})});
  // There, then gone; or not there when it could last have come, and there later.
  expect_rejected({unknown({1, 5}, {"a"}), read({2, 3}, 0, {"a"}), read({6, 7}, 0, {})});
  expect_rejected({unknown({1, 5}, {"a"}), read({6, 7}, 0, {}), read({8, 9}, 0, {"a"})});
  // A condition binds it too.
  expect_rejected(
      {append({1, 2}, {"b"}, 0), unknown({3, 5}, {"a"}, 0), read({6, 7}, 0, {"b", "a"})});
  // Many of them, none of which came.
  std::vector<Operation> many;
  for (uint64_t i = 0; i < 40; ++i) many.push_back(unknown({i + 1, 100}, {std::to_string(i)}));
  many.push_back(append({50, 60}, {"a"}, 0));
  many.push_back(read({101, 102}, 0, {"a"}));
  expect_accepted(many);
}

TEST(Linearizable, HoldsPositionsToTheirRules) {
  const Operation some = append({1, 2}, {"a", "b", "d"}, 0);
  expect_accepted({some, commit({3, 4}, 0, 2), position({5, 6}, 2), commit({7, 8}, 2, 3)});
  expect_accepted({some, commit({3, 9}, 0, 2), commit({4, 8}, 0, 1, Told::conflict, 2)});
  expect_accepted({some, commit({3, 4}, {}, 4, Told::out_of_range, 3), position({5, 6}, 0)});
  // Two winners; back; past the tail; acknowledged and not there.
  expect_rejected({some, commit({3, 9}, 0, 2), commit({4, 8}, 0, 1)});
  expect_rejected({some, commit({3, 4}, {}, 2), commit({5, 6}, {}, 1)});
  expect_rejected({some, commit({3, 4}, {}, 4)});
  expect_rejected({some, commit({3, 4}, {}, 2), position({5, 6}, 0)});
  expect_rejected({some, commit({3, 9}, {}, 2), position({4, 5}, 2), position({6, 7}, 0)});
}

TEST(Linearizable, HoldsACommitToTheAppendBesideIt) {
  Operation both = append({1, 2}, {"a", "b"}, 0);
  both.move = Move{"c", 0, 2};
  expect_accepted({both, read({3, 4}, 0, {"a", "b"}), position({5, 6}, 2)});
  expect_rejected({both, position({3, 4}, 0)});
  both.outcome = Told::unknown;
  both.answered = 10;
  expect_accepted({both, read({11, 12}, 0, {}), position({13, 14}, 0)});
  expect_rejected({both, read({11, 12}, 0, {}), position({13, 14}, 2)});
  expect_rejected({both, read({11, 12}, 0, {"a", "b"}), position({13, 14}, 0)});
}

}  // namespace
}  // namespace strandline::tests
