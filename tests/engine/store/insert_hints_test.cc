// Which streams RocksDB remembers a place in a memtable for (engine/store/insert_hints.h).
#include "engine/store/insert_hints.h"

#include "engine/format/keys.h"
#include "engine/store/store_options.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Hinted : public testing::Test {
 protected:
  bool insert(uint64_t stream, uint64_t offset) {
    const std::string key = encode(EventKey{StripeId(1), StreamId(stream), Offset(offset)});
    return hints_.InDomain(key);
  }

  const InsertHints hints_{3 * sizeof(uint64_t), 2 * sizeof(uint64_t)};
};

TEST_F(Hinted, AStreamIsOnceFiveOfItsKeysWereInserted) {
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(insert(7, i), i >= 5) << i;
  const std::string key = encode(EventKey{StripeId(1), StreamId(7), Offset(10)});
  EXPECT_EQ(hints_.Transform(key).ToString(), key.substr(0, 16));
  EXPECT_TRUE(insert(7, 11));
  EXPECT_FALSE(insert(8, 0)) << "another stream";
  EXPECT_TRUE(insert(7, 12));
}

TEST_F(Hinted, OfManyStreamsInTurnNextToNoneIs) {
  uint64_t hinted = 0;
  for (uint64_t offset = 0; offset < 10; ++offset) {
    for (uint64_t stream = 0; stream < 100'000; ++stream) hinted += insert(stream, offset);
  }
  EXPECT_LT(hinted, 1000u);
}

TEST_F(Hinted, OfBusyStreamsNextToAllAre) {
  uint64_t hinted = 0;
  for (uint64_t offset = 0; offset < 40; ++offset) {
    hinted = 0;
    for (uint64_t stream = 0; stream < 1000; ++stream) hinted += insert(stream, offset);
  }
  EXPECT_GT(hinted, 900u);
  // Nor do many that pass by once drive them out.
  uint64_t passing = 1000;
  for (uint64_t offset = 40; offset < 60; ++offset) {
    hinted = 0;
    for (uint64_t stream = 0; stream < 1000; ++stream) hinted += insert(stream, offset);
    for (int i = 0; i < 2000; ++i) EXPECT_FALSE(insert(passing++, 0));
  }
  EXPECT_GT(hinted, 900u);
}

TEST_F(Hinted, EventsAndStatesOfStreamsCanBe) {
  const std::atomic<uint64_t> first_live = 0;
  const auto events = events_options({}, &first_live).memtable_insert_with_hint_prefix_extractor;
  const auto records = records_options({}).memtable_insert_with_hint_prefix_extractor;
  const std::string event = encode(EventKey{StripeId(1), StreamId(7), Offset(3)});
  const std::string state = key_of(KeyKind::state, 7);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(events->InDomain(event));
    EXPECT_FALSE(records->InDomain(state));
  }
  EXPECT_TRUE(events->InDomain(event));
  EXPECT_TRUE(records->InDomain(state));
}

TEST_F(Hinted, KeysOfOtherLengthsAreNot) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(hints_.InDomain(""));
    EXPECT_FALSE(hints_.InDomain(std::string(8, 'x')));
    EXPECT_FALSE(hints_.InDomain(std::string(25, 'x')));
  }
}

}  // namespace
}  // namespace strandline::tests
