// Random joins, takeovers, fetches, commits (right, stale, unexpected, backwards, too far), commits
// beside an append, leaving (also untried), resets, deletions and reopenings of an exclusive
// consumer, against a plain model: who may read, what is given and as which attempt, where it
// stands, and what each mistake is answered.
//
// STRANDLINE_SEED replays a run; STRANDLINE_MODEL_STEPS makes it longer.
#include <random>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class ExclusiveModel : public LogTest {
 protected:
  uint64_t pick(uint64_t n) { return random_() % n; }

  void append_some() {
    const auto count = static_cast<uint32_t>(1 + pick(8));
    append("s", count);
    tail_ += count;
  }
  void join();
  void fetch();
  void commit();
  void leave();
  void reset();
  void make_again();
  void step();
  void look_around();
  // What an epoch is answered that is not the reader's; nothing if it is.
  std::optional<Code> refusal_of(uint64_t epoch) const {
    if (epoch == reader_ && reader_ > 0) return std::nullopt;
    return epoch == 0 || epoch > epoch_ ? Code::invalid : Code::fenced;
  }
  uint64_t some_epoch() {
    switch (pick(6)) {
      case 0:
        return epoch_ + 1 + pick(2);
      case 1:
        return pick(epoch_ + 1);
      default:
        return reader_;
    }
  }

  std::mt19937_64 random_;
  uint64_t tail_ = 0;
  uint64_t position_ = 0;  // committed
  uint64_t epoch_ = 0;     // the last that was given
  uint64_t reader_ = 0;    // the epoch that is not fenced; 0: there is none
  uint64_t next_ = 0;      // what it is given next
  uint64_t given_to_ = 0;  // behind what the reader was given since it joined
  // The event that was tried at the position, how many epochs did, and the last of them.
  uint64_t tried_ = 0;
  uint32_t attempts_ = 0;
  uint64_t tried_epoch_ = 0;
};

void ExclusiveModel::join() {
  const auto joined = log().join("c");
  ASSERT_TRUE(joined) << joined.error().message;
  reader_ = ++epoch_;
  next_ = position_;
  given_to_ = 0;
  EXPECT_EQ(joined->epoch, epoch_);
  EXPECT_EQ(joined->position, position_);
}

void ExclusiveModel::fetch() {
  const uint64_t epoch = some_epoch(), max = 1 + pick(10);
  if (epoch == 0) return;  // would join
  const auto fetched = log().fetch(Fetch{.consumer = "c", .epoch = epoch, .events_max = max});
  if (const auto refused = refusal_of(epoch)) {
    ASSERT_EQ(code_of(fetched), refused) << epoch;
    if (refused == Code::fenced) {
      EXPECT_EQ(fetched.error().current, epoch_);
    }
    return;
  }
  ASSERT_TRUE(fetched) << fetched.error().message;
  next_ = std::max(next_, position_);  // what is committed is handled, whoever it was given to
  const uint64_t to = std::min(next_ + max, tail_);
  uint32_t attempt = 1;
  if (next_ < to && given_to_ <= position_) {  // it is the event at the position
    const bool again = attempts_ > 0 && tried_ == next_;
    if (!again) attempts_ = 1;
    if (again && tried_epoch_ != epoch) ++attempts_;
    tried_ = next_;
    tried_epoch_ = epoch;
    attempt = attempts_;
  }
  std::vector<uint64_t> got;
  for (const Given& one : fetched->given) {
    got.push_back(one.position);
    EXPECT_EQ(one.attempt, one.position == next_ ? attempt : 1u) << one.position;
  }
  EXPECT_EQ(got, range(next_, to));
  if (next_ < to) given_to_ = to;
  next_ = to;
}

void ExclusiveModel::leave() {
  const uint64_t epoch = some_epoch();
  const bool untried = pick(2) == 0;
  const Status left = log().leave("c", epoch, untried);
  if (const auto refused = refusal_of(epoch)) {
    ASSERT_FALSE(left);
    EXPECT_EQ(left.error().code, *refused) << epoch;
    return;
  }
  ASSERT_TRUE(left) << left.error().message;
  if (tried_epoch_ != epoch) return;
  tried_epoch_ = 0;
  if (untried && attempts_ > 0) --attempts_;
}

void ExclusiveModel::commit() {
  const uint64_t epoch = some_epoch();
  const uint64_t next = pick(8) == 0 ? pick(tail_ + 3) : position_ + pick(4);
  Commit request{.consumer = "c", .stream = "s", .next = next, .epoch = epoch};
  if (pick(3) == 0) request.expected = position_ + (pick(3) == 0 ? 1 : 0);
  // Half of them stand beside an output, which is there if the commit is.
  const bool beside = pick(2) == 0;
  const uint64_t outputs = log().describe("out") ? describe("out").tail.value : 0;
  AppendMany both{.commits = {request}};
  both.parts.push_back({.stream = "out", .batch = batch("out", Offset{outputs}, 1)});
  const Status done = [&]() -> Status {
    if (beside) {
      auto appended = log().append(std::move(both));
      return appended ? Status() : std::unexpected(appended.error());
    }
    auto committed = log().commit(request);
    return committed ? Status() : std::unexpected(committed.error());
  }();
  std::optional<Code> refused = refusal_of(epoch);
  std::optional<uint64_t> current = epoch_;
  if (!refused && ((request.expected && *request.expected != position_) || next < position_)) {
    refused = Code::conflict;
    current = position_;
  } else if (!refused && next > tail_) {
    refused = Code::out_of_range;
  }
  if (refused) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, *refused) << done.error().message;
    if (*refused == Code::fenced || *refused == Code::conflict) {
      EXPECT_EQ(done.error().current, current);
    }
  } else {
    ASSERT_TRUE(done) << done.error().message;
    position_ = next;
  }
  const auto out = log().describe("out");
  EXPECT_EQ(out ? out->tail.value : 0, outputs + (beside && !refused ? 1 : 0));
}

void ExclusiveModel::reset() {
  const uint64_t to = pick(tail_ + 1);
  ASSERT_TRUE(log().reset_consumer("c", From::position(to)));
  position_ = to;
  ++epoch_;
  reader_ = 0;
  attempts_ = 0;
}

void ExclusiveModel::make_again() {
  ASSERT_TRUE(log().delete_consumer("c"));
  EXPECT_EQ(code_of(log().join("c")), Code::not_found);
  position_ = pick(tail_ + 1);
  ASSERT_TRUE(log().create_consumer(
      "c", {.select = Selection::stream("s"), .start = From::position(position_)}));
  reader_ = 0;  // whoever read the one before is fenced
  attempts_ = 0;
}

void ExclusiveModel::step() {
  switch (pick(16)) {
    case 0:
    case 1:
      return append_some();
    case 2:
    case 3:
      return join();
    case 4:
      if (pick(6) == 0) reset();
      return;
    case 5:
      if (pick(10) == 0)
        make_again();
      else
        leave();
      return;
    case 6:
      if (pick(3) > 0) return;
      reopen();
      given_to_ = 0;
      next_ = position_;  // what was fetched and not committed comes again
      return;
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
      return commit();
    default:
      return fetch();
  }
}

void ExclusiveModel::look_around() {
  const auto info = log().describe_consumer("c");
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->epoch, epoch_);
  EXPECT_EQ(info->position, position_);
  EXPECT_EQ(info->lag, tail_ - position_);
  EXPECT_EQ(log().position("c", "s").value(), position_);
  EXPECT_TRUE(reader_ == 0 || !log().is_fenced("c", reader_));
  EXPECT_TRUE(reader_ < 2 || log().is_fenced("c", reader_ - 1));
}

TEST_F(ExclusiveModel, IsWhatTheLogDoes) {
  const uint64_t chosen = seed("ExclusiveModel");
  random_.seed(chosen);
  append_some();
  ASSERT_TRUE(log().create_consumer("c", {.select = Selection::stream("s")}));
  const uint64_t steps = number_from("STRANDLINE_MODEL_STEPS", 1'500);
  for (uint64_t i = 0; i < steps && !HasFailure(); ++i) {
    SCOPED_TRACE("STRANDLINE_SEED=" + std::to_string(chosen) + ", step " + std::to_string(i));
    step();
    look_around();
  }
}

}  // namespace
}  // namespace strandline::tests
