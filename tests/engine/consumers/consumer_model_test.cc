// Random fetches, acks, nacks, delays, deadlines, joins, deaths, resets, replays and reopenings of
// a group, with a clock that is moved by hand, against a plain model: what is given, to whom, in
// which attempt, and what becomes of it.
//
// STRANDLINE_SEED replays a run; STRANDLINE_MODEL_STEPS makes it longer.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using Mode = ConsumerSettings::Mode;

// One event, as the model has it.
struct Fate {
  enum State { unseen, waiting, in_flight, acked, dead } state = unseen;
  std::string key;
  uint32_t attempts = 0;
  uint64_t member = 0;
  int64_t due_us = 0;
};

class ConsumerModel : public LogTest, public testing::WithParamInterface<Mode> {
 protected:
  ConsumerModel() { options.clock = clock_; }

  uint64_t pick(uint64_t n) { return random_() % n; }
  uint64_t any_member() {
    auto at = members_.begin();
    std::advance(at, static_cast<ptrdiff_t>(pick(members_.size())));
    return *at;
  }
  bool keyed() const { return GetParam() == Mode::keyed; }
  bool is_unacked(const Fate& fate) const {
    return fate.state == Fate::waiting || fate.state == Fate::in_flight;
  }
  size_t unacked() const {
    return static_cast<size_t>(
        std::ranges::count_if(fates_, [&](const Fate& fate) { return is_unacked(fate); }));
  }

  void append_some();
  void join();
  void leave();
  void fetch();
  void settle();
  void settle_wrongly();
  void reset();
  void replay();
  void step();
  void expire();
  void bury();
  // One round of what a fetch gives; true if it must be tried again, for something was buried.
  bool give(uint64_t member, size_t max, std::vector<Given>& given);
  void look_around();

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
  std::mt19937_64 random_;
  ConsumerSettings settings_;
  std::vector<Fate> fates_;
  std::set<uint64_t> members_;
  uint64_t epoch_ = 0;
  uint64_t next_ = 0;
  int64_t now_us() const { return clock_->elapsed_us(); }
};

void ConsumerModel::append_some() {
  std::vector<NewEvent> events;
  std::vector<std::string> keys;
  for (uint64_t i = 0, count = 1 + pick(12); i < count; ++i) {
    keys.push_back("k" + std::to_string(pick(6)));
  }
  for (const std::string& key : keys) {
    events.push_back({.type = "t", .subject = key});
    fates_.push_back({.key = key});
  }
  ASSERT_TRUE(log().append(Append{.stream = "s", .batch = Batch::of(events).value()}));
}

void ConsumerModel::join() {
  const auto joined = log().join("c");
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(joined->epoch, ++epoch_);
  members_.insert(epoch_);
}

void ConsumerModel::leave() {
  if (members_.size() < 2) return;
  expire();
  const uint64_t member = any_member();
  ASSERT_TRUE(log().leave("c", member));
  members_.erase(member);
  for (Fate& fate : fates_) {
    if (fate.state == Fate::in_flight && fate.member == member) {
      fate.state = Fate::waiting;
      fate.due_us = 0;
    }
  }
}

void ConsumerModel::expire() {
  for (Fate& fate : fates_) {
    if (fate.state == Fate::in_flight && fate.due_us <= now_us()) {
      fate.state = Fate::waiting;
      fate.due_us = 0;
    }
  }
}

// What has had its attempts is buried by the log itself, soon.
void ConsumerModel::bury() {
  expire();
  for (bool any = true; any;) {
    any = false;
    std::set<std::string> held;
    for (const Fate& fate : fates_) {
      if (fate.state == Fate::in_flight) held.insert(fate.key);
    }
    for (Fate& fate : fates_) {
      if (fate.state != Fate::waiting) continue;
      if (keyed() && !held.insert(fate.key).second) continue;
      if (fate.due_us > now_us() || fate.attempts < settings_.attempts_max) continue;
      fate.state = Fate::dead;
      any = true;
    }
  }
  const auto count = [&](Fate::State state) {
    return static_cast<uint64_t>(std::ranges::count(fates_, state, &Fate::state));
  };
  EXPECT_TRUE(eventually([&] {
    const auto info = log().describe_consumer("c");
    return info && info->dead_lettered == count(Fate::dead) &&
           info->in_flight == count(Fate::in_flight);
  }));
}

bool ConsumerModel::give(uint64_t member, size_t max, std::vector<Given>& given) {
  expire();
  std::vector<size_t> buried;
  std::set<std::string> held;  // keys that an older event has
  for (const Fate& fate : fates_) {
    if (fate.state == Fate::in_flight) held.insert(fate.key);
  }
  for (size_t at = 0; at < fates_.size(); ++at) {
    Fate& fate = fates_[at];
    const bool is_new = at >= next_;
    if (is_new ? given.size() >= max || unacked() >= settings_.unacked_max
               : fate.state != Fate::waiting) {
      if (is_new) break;
      continue;
    }
    if (is_new) {
      next_ = at + 1;
      fate.state = Fate::waiting;
    }
    if (keyed() && !held.insert(fate.key).second) continue;
    if (fate.due_us > now_us()) continue;
    if (fate.attempts >= settings_.attempts_max) {
      buried.push_back(at);
    } else if (given.size() < max) {
      fate.state = Fate::in_flight;
      fate.member = member;
      fate.due_us = now_us() + static_cast<int64_t>(settings_.ack_deadline_ms) * 1000;
      given.push_back({at, ++fate.attempts});
    } else {
      break;
    }
  }
  for (const size_t at : buried) fates_[at].state = Fate::dead;
  return given.empty() && !buried.empty();
}

void ConsumerModel::fetch() {
  const uint64_t member = any_member();
  const size_t max = 1 + pick(20);
  std::vector<Given> expected;
  while (give(member, max, expected)) {
  }
  const bool full = expected.empty() && next_ < fates_.size();
  const auto fetched = log().fetch(Fetch{.consumer = "c", .epoch = member, .events_max = max});
  if (full) {
    EXPECT_EQ(code_of(fetched), Code::limit);
    return;
  }
  ASSERT_TRUE(fetched) << fetched.error().message;
  std::vector<std::pair<uint64_t, uint32_t>> got, wanted;
  for (const Given& one : fetched->given) got.emplace_back(one.position, one.attempt);
  for (const Given& one : expected) wanted.emplace_back(one.position, one.attempt);
  ASSERT_EQ(got, wanted);
  size_t at = 0;
  for (const Events& run : fetched->runs) {
    for (const Event& event : run) {
      EXPECT_EQ(event.offset.value, fetched->given[at].position);
      EXPECT_EQ(event.subject(), fates_[event.offset.value].key);
      ++at;
    }
  }
  EXPECT_EQ(at, got.size());
}

void ConsumerModel::settle() {
  const uint64_t member = any_member();
  Settle request{.consumer = "c", .epoch = member};
  Settled expected;
  for (size_t at = 0; at < next_; ++at) {
    Fate& fate = fates_[at];
    if (!is_unacked(fate) || fate.attempts == 0 || fate.member != member || pick(3) == 0) continue;
    switch (pick(5)) {
      case 0: {
        const uint64_t delay_ms = pick(3) == 0 ? 5'000 : 0;
        request.nacks.push_back({Span::of(at), delay_ms, "because"});
        fate.state = Fate::waiting;
        const bool exhausted = fate.attempts >= settings_.attempts_max;
        fate.due_us = delay_ms > 0 && !exhausted ? now_us() + 5'000'000 : 0;
        ++expected.nacked;
        expected.exhausted += exhausted;
        break;
      }
      case 1:
        if (fate.state != Fate::in_flight) break;
        request.extends.push_back(Span::of(at));
        fate.due_us = now_us() + static_cast<int64_t>(settings_.ack_deadline_ms) * 1000;
        ++expected.extended;
        break;
      default:
        request.acks.push_back(Span::of(at));
        fate.state = Fate::acked;
        ++expected.acked;
    }
  }
  const auto settled = log().settle(request);
  ASSERT_TRUE(settled) << settled.error().message;
  EXPECT_EQ(settled->acked, expected.acked);
  EXPECT_EQ(settled->nacked, expected.nacked);
  EXPECT_EQ(settled->extended, expected.extended);
  EXPECT_EQ(settled->exhausted, expected.exhausted);
}

// Nothing of it may be applied, though part of it could be.
void ConsumerModel::settle_wrongly() {
  const uint64_t member = any_member();
  Settle request{.consumer = "c", .epoch = member};
  std::optional<uint64_t> mine, others;
  for (size_t at = 0; at < next_; ++at) {
    if (fates_[at].state != Fate::in_flight) continue;
    (fates_[at].member == member ? mine : others) = at;
  }
  if (mine) request.acks.push_back(Span::of(*mine));
  if (others) {
    request.acks.push_back(Span::of(*others));
    const auto refused = log().settle(request);
    EXPECT_EQ(code_of(refused), Code::fenced);
    EXPECT_EQ(refused.error().current, fates_[*others].member);
    request.acks.pop_back();
  }
  request.acks.push_back(Span::of(fates_.size()));
  EXPECT_EQ(code_of(log().settle(request)), Code::invalid);
  request.epoch = epoch_ + 1;
  EXPECT_EQ(code_of(log().settle(request)), Code::invalid);
}

void ConsumerModel::reset() {
  next_ = pick(fates_.size() + 1);
  const auto info = log().reset_consumer("c", From::position(next_));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->position, next_);
  for (size_t at = 0; at < fates_.size(); ++at) {
    Fate& fate = fates_[at];
    // A dead letter below stays one; what is to come again is no dead letter any more.
    if (fate.state == Fate::dead && at < next_) continue;
    fate = {.state = at < next_ ? Fate::acked : Fate::unseen, .key = fate.key};
  }
  const uint64_t fenced = any_member();
  ++epoch_;
  const auto refused = log().fetch(Fetch{.consumer = "c", .epoch = fenced});
  EXPECT_EQ(code_of(refused), Code::fenced);
  EXPECT_EQ(refused.error().current, epoch_);
  members_.clear();
  join();
}

void ConsumerModel::replay() {
  const uint64_t limit = 1 + pick(3);
  uint64_t expected = 0;
  bool any = false, room = true;
  for (size_t at = 0; at < fates_.size() && expected < limit; ++at) {
    if (fates_[at].state != Fate::dead) continue;
    any = true;
    room = unacked() < settings_.unacked_max;
    if (!room) break;
    fates_[at] = {.state = Fate::waiting, .key = fates_[at].key};
    ++expected;
  }
  const auto replayed = log().replay("c", limit);
  if (any && !room && expected == 0) {
    EXPECT_EQ(code_of(replayed), Code::limit);
    return;
  }
  ASSERT_TRUE(replayed) << replayed.error().message;
  EXPECT_EQ(*replayed, expected);
}

void ConsumerModel::look_around() {
  expire();
  const auto info = log().describe_consumer("c");
  ASSERT_TRUE(info) << info.error().message;
  uint64_t in_flight = 0, redelivered = 0, dead = 0, position = next_;
  for (size_t at = fates_.size(); at-- > 0;) {
    const Fate& fate = fates_[at];
    in_flight += fate.state == Fate::in_flight;
    dead += fate.state == Fate::dead;
    if (!is_unacked(fate)) continue;
    redelivered += fate.attempts > 1;
    position = at;
  }
  EXPECT_EQ(info->epoch, epoch_);
  EXPECT_EQ(info->position, position);
  EXPECT_EQ(info->next, next_);
  EXPECT_EQ(info->lag, fates_.size() - next_ + unacked());
  EXPECT_EQ(info->unacked, unacked());
  EXPECT_EQ(info->in_flight, in_flight);
  EXPECT_EQ(info->redelivered, redelivered);
  EXPECT_EQ(info->dead_lettered, dead);
}

void ConsumerModel::step() {
  switch (pick(20)) {
    case 0:
    case 1:
      return append_some();
    case 2:
      return join();
    case 3:
      return leave();
    case 4:
      return settle_wrongly();
    case 5:
    case 6:
      return clock_->advance_us(static_cast<int64_t>(pick(8'000'000)));
    case 7:
      if (pick(10) == 0) reset();
      return;
    case 8:
      return replay();
    case 9: {
      expire();  // what a deadline took back stays so; what was in flight waits
      bool last = false;
      for (Fate& fate : fates_) {
        if (fate.state != Fate::in_flight) continue;
        fate.state = Fate::waiting;
        fate.due_us = 0;
        last |= fate.attempts >= settings_.attempts_max;
      }
      reopen();
      // A last attempt has its deadline anew, which passes before the log is left again.
      if (last) clock_->advance_us(static_cast<int64_t>(settings_.ack_deadline_ms) * 1000);
      return;
    }
    case 10:
    case 11:
    case 12:
    case 13:
      return settle();
    default:
      return fetch();
  }
}

TEST_P(ConsumerModel, IsWhatTheLogDoes) {
  const uint64_t chosen = seed("ConsumerModel");
  random_.seed(chosen);
  settings_ = {.mode = GetParam(),
               .select = Selection::stream("s"),
               .ack_deadline_ms = 10'000,
               .attempts_max = 3,
               .unacked_max = 60};
  append_some();
  ASSERT_TRUE(log().create_consumer("c", settings_));
  join();
  const uint64_t steps = number_from("STRANDLINE_MODEL_STEPS", 1'500);
  for (uint64_t i = 0; i < steps && !HasFailure(); ++i) {
    SCOPED_TRACE("STRANDLINE_SEED=" + std::to_string(chosen) + ", step " + std::to_string(i));
    step();
    bury();
    look_around();
  }
}

INSTANTIATE_TEST_SUITE_P(Groups, ConsumerModel, testing::Values(Mode::shared, Mode::keyed),
                         [](const auto& mode) { return std::string(name_of(mode.param)); });

}  // namespace
}  // namespace strandline::tests
