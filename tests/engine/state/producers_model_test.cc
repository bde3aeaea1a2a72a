// Producers against a plain map: random ones, epochs, retries, reopenings and small caches.
//
// STRANDLINE_SEED replays a run; STRANDLINE_MODEL_STEPS makes it longer.
#include <random>

#include "tests/support/log/producers_test.h"

namespace strandline::tests {
namespace {

class ProducersModel : public ProducersTest {};

TEST_F(ProducersModel, AnswerAsAPlainMapWould) {
  struct Plain {
    uint64_t epoch = 0, next = 0;
    bool known = false;
    std::map<std::pair<uint64_t, uint64_t>, Appended> originals;
  };
  std::mt19937_64 random(seed("Producers"));
  const uint64_t steps = number_from("STRANDLINE_MODEL_STEPS", 1500);
  options.limits.producers_cached_max = 3;
  std::map<std::pair<std::string, std::string>, Plain> model;
  std::map<std::string, uint64_t> tails;
  for (uint64_t i = 0; i < steps && !HasFailure(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    clock_->advance_us(1);
    if (random() % 100 == 0) reopen();
    const std::string stream = "s" + std::to_string(random() % 3);
    const std::string producer = "p" + std::to_string(random() % 4);
    Plain& plain = model[{stream, producer}];
    if (random() % 60 == 0 && tails.contains(stream)) {
      ASSERT_TRUE(log().truncate(stream, Offset(tails[stream])));
    }
    // Mostly the next, often an old one, sometimes a wild one.
    uint64_t epoch = plain.epoch, sequence = plain.next;
    const uint64_t roll = random() % 10;
    if (roll >= 4) epoch = plain.epoch + random() % 3 - std::min<uint64_t>(plain.epoch, 1);
    if (roll >= 4) sequence = random() % (plain.next + 2);
    if (roll == 9) sequence = 0;
    const uint32_t count = 1 + static_cast<uint32_t>((epoch * 7 + sequence) % 3);
    const auto result = log().append(request(epoch, sequence, count, producer, stream));
    const auto original = plain.originals.find({epoch, sequence});
    const bool newer = !plain.known || epoch > plain.epoch;
    if (original != plain.originals.end()) {
      expect_original(result, original->second);
    } else if (plain.known && epoch < plain.epoch) {
      expect_refused(result, Code::fenced, plain.epoch);
    } else if (sequence != (newer ? 0 : plain.next)) {
      expect_refused(result, Code::out_of_order, newer ? 0 : plain.next);
    } else {
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_FALSE(result->retried);
      EXPECT_EQ(result->first.value, tails[stream]);
      EXPECT_EQ(result->next.value, tails[stream] + count);
      tails[stream] += count;
      plain.known = true;
      plain.epoch = epoch;
      plain.next = sequence + 1;
      plain.originals.emplace(std::pair(epoch, sequence), *result);
    }
  }
  for (const auto& [stream, tail] : tails) {
    EXPECT_EQ(describe(stream).tail.value, tail);
  }
  EXPECT_TRUE(log().verify().findings.empty());
}

}  // namespace
}  // namespace strandline::tests
