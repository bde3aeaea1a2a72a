// What each operation is (engine/writing/operation_traits.h): every one says so, and what it says.
#include <gtest/gtest.h>

#include <concepts>

#include "engine/writing/operation.h"
#include "tests/support/log/payload.h"

namespace strandline::tests {
namespace {

template <class Op>
concept SaysWhatItIs = requires(const Op& op) {
  { OperationTraits<Op>::of(op) } -> std::same_as<Treatment>;
};

using Request = strandline::Operation::Request;  // the tests have an Operation of their own

struct SaysNothing {};
static_assert(!SaysWhatItIs<SaysNothing>);

template <class... Ops>
consteval bool all_say_what_they_are(std::type_identity<std::variant<Ops...>>) {
  return (SaysWhatItIs<Ops> && ...);
}
static_assert(all_say_what_they_are(std::type_identity<Request>()));
static_assert(all_say_what_they_are(std::type_identity<ConsumerRequest>()));

// No answer is taken for another: each has a type of its own, and none may be left out.
static_assert(!std::constructible_from<Treatment, Grouping, Effect, Reserve>);
static_assert(!std::constructible_from<Treatment, Effect, Grouping, Reserve, FullQueue>);

template <class... Ops>
consteval bool all_are_written_down() {
  return (is_administrative<Ops> && ...);
}
template <class... Ops>
consteval bool none_is_written_down() {
  return (!is_administrative<Ops> && ...);
}
// What an operator does is written down (`$admin`); what programs do all day is not.
static_assert(
    all_are_written_down<CreateStream, DeleteStream, Truncate, Roll, DropSegment, CreateKey,
                         RotateKey, RevokeKey, FirstUse, Record, CreateConsumer, DeleteConsumer,
                         ResetConsumer, UpdateConsumer, ReplayDead>());
static_assert(none_is_written_down<AppendMany, Broadcast, ForgetStripe, JoinConsumer, LeaveConsumer,
                                   GiveOut, Settle, Rewind, ListDead, TakeSpent, TakeSkipped>());

TEST(Operations, OnStreamsAndSegmentsHaveACommitGroupAlone) {
  for (const Request& request : {Request(DeleteStream{}), Request(Truncate{}), Request(Roll{}),
                                 Request(DropSegment{}), Request(ForgetStripe{})}) {
    // They make room, or may: a full disk does not hold them up.
    EXPECT_EQ(treatment_of(request),
              Treatment(Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses));
  }
  EXPECT_EQ(treatment_of(Request(CreateStream{})),
            Treatment(Grouping::alone, Effect::changes, Reserve::full, FullQueue::refuses));
}

TEST(Operations, ThatStoreStopAtTheWholeReserveAndCommitsAtHalf) {
  const Treatment stores(Grouping::shared, Effect::changes, Reserve::full, FullQueue::refuses);
  const Treatment commits(Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses);
  AppendMany many;
  many.commits.push_back({});
  many.settles.push_back({});
  EXPECT_EQ(treatment_of(Request(many)), commits);
  many.once.push_back({});
  EXPECT_EQ(treatment_of(Request(many)), stores);
  many.once.clear();
  many.parts.push_back({"s", batch_of_type("t")});
  EXPECT_EQ(treatment_of(Request(many)), stores);
  EXPECT_EQ(treatment_of(Request(Broadcast{"", batch_of_type("t")})), stores);
}

TEST(Operations, OfConsumersShareTheirGroupAndMakeRoomWhereTheyCan) {
  const Treatment changes(Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses);
  for (const ConsumerRequest& request :
       {ConsumerRequest(CreateConsumer{}), ConsumerRequest(ResetConsumer{}),
        ConsumerRequest(JoinConsumer{}), ConsumerRequest(LeaveConsumer{}),
        ConsumerRequest(GiveOut{}), ConsumerRequest(ReplayDead{})}) {
    EXPECT_EQ(treatment_of(request), changes);
  }
  EXPECT_EQ(treatment_of(DeleteConsumer{}).reserve, Reserve::none);
  EXPECT_EQ(treatment_of(ListDead{}),
            Treatment(Grouping::shared, Effect::none, Reserve::none, FullQueue::refuses));
}

TEST(Operations, ThatOnlyGiveBackGoIntoAFullQueue) {
  EXPECT_EQ(treatment_of(Rewind{}),
            Treatment(Grouping::shared, Effect::changes, Reserve::none, FullQueue::takes));
  Settle settle{.consumer = "c", .epoch = 1};
  EXPECT_EQ(treatment_of(settle).full_queue, FullQueue::refuses);
  settle.returns.push_back({0, 1});
  EXPECT_EQ(treatment_of(settle).full_queue, FullQueue::takes);
  settle.acks.push_back({1, 2});
  EXPECT_EQ(treatment_of(settle).full_queue, FullQueue::refuses);
}

}  // namespace
}  // namespace strandline::tests
