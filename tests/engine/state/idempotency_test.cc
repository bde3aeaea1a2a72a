// Idempotency keys: the same key again is answered as the first was, for a time; with another
// fingerprint it is refused.
#include <future>
#include <random>

#include "tests/support/disk/fault_file_system.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class IdempotencyKeys : public LogTest {
 protected:
  IdempotencyKeys() {
    options.clock = clock_;
    options.idempotency_ttl_s = 60;
  }

  Result<std::vector<Appended>> send(const std::string& key, const std::string& fingerprint = "f",
                                     std::vector<std::string> streams = {"s"}) {
    return log().append(request(key, fingerprint, streams));
  }
  static AppendMany request(const std::string& key, const std::string& fingerprint = "f",
                            const std::vector<std::string>& streams = {"s"}) {
    const std::string id = std::to_string(hash_of(key));
    AppendMany many{.idempotency = Idempotency{.key = key, .fingerprint = fingerprint}};
    for (const std::string& stream : streams) {
      many.parts.push_back({.stream = stream, .batch = batch(stream, {id + ".0", id + ".1"})});
    }
    return many;
  }
  void expect_kept(const Result<std::vector<Appended>>& again, const std::vector<Appended>& first) {
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(again->size(), first.size());
    for (size_t i = 0; i < first.size(); ++i) {
      EXPECT_TRUE((*again)[i].retried);
      EXPECT_EQ((*again)[i].stream, first[i].stream);
      EXPECT_EQ((*again)[i].first, first[i].first);
      EXPECT_EQ((*again)[i].next, first[i].next);
      EXPECT_EQ((*again)[i].sequence, first[i].sequence);
      EXPECT_EQ((*again)[i].stored, first[i].stored);
    }
  }
  void pass(int64_t seconds) { clock_->advance_us(seconds * 1'000'000); }
  // Appends until what has expired is purged: nothing is, but by a group.
  void purge() {
    for (int i = 0; i < 20; ++i) append("other");
  }

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
};

TEST_F(IdempotencyKeys, ASecondRequestIsAnsweredAsTheFirst) {
  const auto first = send("k", "f", {"a", "b", "a"});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE((*first)[0].retried);
  pass(1);
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    expect_kept(send("k", "f", {"a", "b", "a"}), *first);
    EXPECT_EQ(describe("a").tail.value, 4u);
    EXPECT_EQ(describe("b").tail.value, 2u);
  }
}

TEST_F(IdempotencyKeys, OfAnotherRequestAreRefused) {
  ASSERT_TRUE(send("k", "one"));
  EXPECT_EQ(code_of(send("k", "two")), Code::reused);
  reopen();
  EXPECT_EQ(code_of(send("k", "two")), Code::reused);
  ASSERT_TRUE(send("k2", "two"));
  EXPECT_EQ(describe("s").tail.value, 4u);
}

TEST_F(IdempotencyKeys, ExpireAndArePurged) {
  ASSERT_TRUE(send("k"));
  pass(59);
  EXPECT_TRUE(send("k")->front().retried);
  pass(1);
  // Whether or not it is purged by now, it is a new request, and may be another.
  const auto again = send("k", "another");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->front().retried);
  pass(30);
  purge();
  EXPECT_TRUE(send("k", "another")->front().retried) << "it lives again";
  reopen();
  EXPECT_TRUE(send("k", "another")->front().retried);
  pass(31);
  purge();
  EXPECT_FALSE(send("k", "third")->front().retried);
}

TEST_F(IdempotencyKeys, LiveThroughACleanCloseNoLongerThanTheyWould) {
  options.idempotency_ttl_s = 120;
  ASSERT_TRUE(send("k"));
  for (int i = 0; i < 3; ++i) {
    pass(39);  // of which no group says anything
    reopen();
  }
  EXPECT_TRUE(send("k")->front().retried) << "117 of its 120 seconds are over";
  reopen();
  pass(3);
  EXPECT_FALSE(send("k")->front().retried);
}

// A crash takes up to a minute back, and no more, however long the log had been open.
TEST_F(IdempotencyKeys, LiveAMinuteLongerAtMostForEachCrash) {
  options.idempotency_ttl_s = 600;
  ASSERT_TRUE(send("k"));
  for (int i = 0; i < 12; ++i) {  // 480 seconds, with a group every 40
    pass(40);
    append("other");
  }
  const auto copy = directory() / "crashed";
  copy_live(data(), copy);
  close();
  const auto crashed = Log::open(copy, options);
  ASSERT_TRUE(crashed) << crashed.error().message;
  const auto again = [&] { return (*crashed)->append(request("k", "another")); };
  pass(119);
  EXPECT_EQ(code_of(again()), Code::reused) << "not before its time";
  pass(61);
  const auto forgotten = again();
  ASSERT_TRUE(forgotten) << forgotten.error().message;
  EXPECT_FALSE(forgotten->front().retried);
}

TEST_F(IdempotencyKeys, AreBoundedAndExpiredOnesMakeRoom) {
  options.limits.expiring_max = 10;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(send("k" + std::to_string(i)));
  EXPECT_EQ(code_of(send("one more")), Code::limit);
  EXPECT_EQ(code_of(log().once("c", "x", 60)), Code::limit);
  reopen();
  EXPECT_EQ(code_of(send("one more")), Code::limit);
  pass(60);
  purge();
  for (int i = 10; i < 20; ++i) ASSERT_TRUE(send("k" + std::to_string(i)));
  EXPECT_EQ(code_of(send("one more")), Code::limit);
}

TEST_F(IdempotencyKeys, ARefusalIsNotKept) {
  AppendMany conditional = request("k");
  conditional.parts[0].expected = Offset{2};
  EXPECT_EQ(code_of(log().append(conditional)), Code::conflict);
  append("s", 2);
  const auto now = log().append(conditional);
  ASSERT_TRUE(now) << now.error().message;
  EXPECT_FALSE(now->front().retried);
  expect_kept(log().append(conditional), *now);  // although its condition fails by now
}

TEST_F(IdempotencyKeys, OfARequestThatIsNotAnsweredYetAreInFlight) {
  const auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  append("s");
  faults->hold();
  const auto start = [&](const AppendMany& many) {
    auto promise = std::make_shared<std::promise<Result<std::vector<Appended>>>>();
    log().append(many, [promise](auto result) { promise->set_value(std::move(result)); });
    return promise->get_future();
  };
  auto answered = start(request("k"));
  // At once, on this thread: the one before is held.
  auto again = start(request("k")), other = start(request("k", "another"));
  EXPECT_EQ(again.wait_for(0s), std::future_status::ready);
  EXPECT_EQ(other.wait_for(0s), std::future_status::ready);
  faults->release();
  EXPECT_EQ(code_of(again.get()), Code::in_flight);
  EXPECT_EQ(code_of(other.get()), Code::reused);
  const auto first = answered.get();
  ASSERT_TRUE(first) << first.error().message;
  expect_kept(send("k"), *first);
}

TEST_F(IdempotencyKeys, AreOneToTwoHundredAndFiftyFiveBytes) {
  for (const std::string& key : {std::string(), std::string(256, 'k'), std::string("a\tb")}) {
    EXPECT_EQ(code_of(send(key)), Code::invalid);
  }
  EXPECT_TRUE(send(std::string(255, 'k')));
}

TEST_F(IdempotencyKeys, OfOneAppendMayBeAProducersToo) {
  Append request{.stream = "s",
                 .batch = batch("s", {"one"}),
                 .producer = Producer{"p", 0, 0},
                 .idempotency = Idempotency{"k", "f"}};
  const auto first = log().append(request);
  ASSERT_TRUE(first);
  EXPECT_TRUE(log().append(request)->retried);
  pass(61);
  purge();
  // The key is forgotten, and the producer's sequence is not.
  const auto later = log().append(request);
  ASSERT_TRUE(later) << later.error().message;
  EXPECT_TRUE(later->retried);
  EXPECT_EQ(later->first, first->first);
}

// Against a plain map: keys and marks that come, expire and come again.
TEST_F(IdempotencyKeys, AnswerAsAPlainMapWould) {
  std::mt19937_64 random(seed("IdempotencyKeys"));
  const uint64_t steps = number_from("STRANDLINE_MODEL_STEPS", 1500);
  struct Kept {
    std::string fingerprint;
    std::vector<Appended> answer;
    int64_t expires_us;
  };
  std::map<std::string, Kept> model;
  std::map<std::string, int64_t> marks;
  uint64_t tail = 0;
  for (uint64_t i = 0; i < steps && !HasFailure(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    clock_->advance_us(static_cast<int64_t>(random() % 8'000'000));
    const int64_t now = clock_->now().us;
    if (random() % 60 == 0) reopen();
    const std::string name = "k" + std::to_string(random() % 12);
    if (random() % 3 == 0) {
      const bool marked = marks.contains(name) && marks[name] > now;
      ASSERT_EQ(log().was_processed("c", name).value(), marked);
      const uint64_t ttl_s = 1 + random() % 90;
      ASSERT_EQ(log().once("c", name, ttl_s).value(), !marked);
      if (!marked) marks[name] = now + static_cast<int64_t>(ttl_s) * 1'000'000;
      continue;
    }
    const std::string fingerprint = random() % 8 == 0 ? "other" : "f";
    const auto result = send(name, fingerprint);
    const auto kept = model.find(name);
    if (kept == model.end() || kept->second.expires_us <= now) {
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_FALSE(result->front().retried);
      EXPECT_EQ(result->front().first.value, tail);
      tail += 2;
      model[name] = {fingerprint, *result, now + 60'000'000};
    } else if (kept->second.fingerprint != fingerprint) {
      EXPECT_EQ(code_of(result), Code::reused);
    } else {
      expect_kept(result, kept->second.answer);
    }
  }
  EXPECT_EQ(describe("s").tail.value, tail);
}

}  // namespace
}  // namespace strandline::tests
