// Compaction by key, as docs/lifecycle.md promises it.
#include <map>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using enum PolicyField;

class CompactionByKey : public LogTest {
 protected:
  CompactionByKey() { options.clock = clock_; }

  void ask_for(const std::string& key, std::optional<uint64_t> delay_s = {}) {
    PolicyChange change{{compaction, key}};
    if (delay_s) change[tombstone_delay_s] = *delay_s;
    ASSERT_TRUE(log().change_policy("", std::move(change)));
  }
  // An event of a key; without data it is a tombstone.
  void put(const std::string& key, const std::string& data) {
    NewEvent event{.type = "set", .subject = key};
    if (!data.empty()) {
      event.form = DataForm::text;
      event.data = data;
    }
    ASSERT_TRUE(log().append(Append{.stream = "s", .batch = *Batch::of({event})}));
  }
  uint64_t compact() {
    const auto gone = log().compact("s");
    EXPECT_TRUE(gone) << gone.error().message;
    return gone.value_or(0);
  }
  // "a=1 b=2": what each key is for whoever reads from the start.
  std::string values() {
    std::map<std::string, std::string> values;
    auto cursor = *log().read({.select = Selection::stream("s")});
    while (auto delivery = *cursor->next()) {
      const auto* events = std::get_if<Events>(&*delivery);
      for (uint32_t i = 0; events && i < events->count(); ++i) {
        const Event event = (*events)[i];
        values[std::string(event.subject())] = std::string(event.data());
      }
    }
    std::string out;
    for (const auto& [key, value] : values) out += (out.empty() ? "" : " ") + key + "=" + value;
    return out;
  }
  std::string told() {
    std::string out;
    auto cursor = *log().read({.select = Selection::stream("s")});
    while (auto delivery = *cursor->next()) {
      if (!out.empty()) out += ' ';
      if (const auto* gap = std::get_if<Gap>(&*delivery)) {
        out += "[" + std::to_string(gap->from) + "," + std::to_string(gap->to) + ")" +
               name_of(gap->reason);
      } else if (const auto* events = std::get_if<Events>(&*delivery)) {
        out += std::to_string(events->first().value) + ".." + std::to_string(events->next().value);
      }
    }
    return out;
  }

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
};

TEST_F(CompactionByKey, KeepsTheNewestOfEachKeyAndEveryOffset) {
  for (const char* key : {"a", "b", "a", "c", "a", "b"}) put(key, std::string(key) + "!");
  put("", "without a key");
  EXPECT_EQ(code_of(log().compact("s")), Code::invalid) << "nobody asked for it";
  ask_for("subject");
  EXPECT_EQ(compact(), 3u);
  EXPECT_EQ(told(), "[0,3)compacted 3..4 4..5 5..6 6..7");
  EXPECT_EQ(values(), "=without a key a=a! b=b! c=c!");
  EXPECT_EQ(compact(), 0u);
  put("c", "newer");
  EXPECT_EQ(compact(), 1u);
  EXPECT_EQ(told(), "[0,4)compacted 4..5 5..6 6..7 7..8");
  reopen();
  EXPECT_EQ(values(), "=without a key a=a! b=b! c=newer");
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(CompactionByKey, ATombstoneRemovesItsKeyAfterItsDelay) {
  ask_for("subject", 60);
  put("a", "1");
  put("b", "2");
  put("a", "");
  EXPECT_EQ(compact(), 1u);
  EXPECT_EQ(values(), "a= b=2") << "whoever reads hears that it is gone";
  clock_->advance_us(61'000'000);
  EXPECT_EQ(compact(), 1u);
  EXPECT_EQ(values(), "b=2");
  EXPECT_EQ(told(), "[0,1)compacted 1..2 [2,3)compacted");
}

TEST_F(CompactionByKey, KeepsWhatAConsumerRetains) {
  ask_for("subject");
  ASSERT_TRUE(log().create_stream("s"));
  ASSERT_TRUE(log().create_consumer(
      "c",
      {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s"), .retain = true}));
  for (int i = 0; i < 4; ++i) put("a", std::to_string(i));
  EXPECT_EQ(compact(), 0u);
  const auto fetched = *log().fetch(Fetch{.consumer = "c", .events_max = 2});
  ASSERT_TRUE(log().settle({.consumer = "c", .epoch = fetched.epoch, .acks = {{0, 2}}}));
  EXPECT_EQ(compact(), 2u);
  EXPECT_EQ(told(), "[0,2)compacted 2..3 3..4");
}

TEST_F(CompactionByKey, AnUnackedEventIsSettledAsGone) {
  ask_for("subject");
  for (int i = 0; i < 3; ++i) put("a", std::to_string(i));
  ASSERT_TRUE(log().create_consumer(
      "c", {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s")}));
  auto fetched = *log().fetch(Fetch{.consumer = "c", .events_max = 2});
  ASSERT_EQ(fetched.given.size(), 2u);
  EXPECT_EQ(compact(), 2u);
  ASSERT_TRUE(log().settle({.consumer = "c", .epoch = fetched.epoch, .nacks = {{.span = {0, 2}}}}));
  fetched = *log().fetch(Fetch{.consumer = "c", .epoch = fetched.epoch, .events_max = 9});
  ASSERT_EQ(fetched.given.size(), 1u);
  EXPECT_EQ(fetched.given[0].position, 2u);
}

TEST_F(CompactionByKey, IsNotDoneUnderALegalHoldNorToAnAuditedStream) {
  ask_for("subject");
  for (int i = 0; i < 3; ++i) put("a", std::to_string(i));
  ASSERT_TRUE(log().hold({.name = "case", .scope = {.name = "s"}, .reason = "a case"}));
  EXPECT_EQ(compact(), 0u);
  EXPECT_EQ(code_of(log().erase({.select = Selection::stream("s")})), Code::held);
  ASSERT_TRUE(log().release_hold("case"));
  EXPECT_EQ(compact(), 2u);
}

TEST_F(CompactionByKey, HappensByItself) {
  ask_for("subject");
  for (int i = 0; i < 5; ++i) put("a", std::to_string(i));
  EXPECT_TRUE(eventually([&] { return told() == "[0,4)compacted 4..5"; }));
}

TEST_F(CompactionByKey, GoesBeyondSegments) {
  ask_for("subject");
  for (int i = 0; i < 30; ++i) {
    put("k" + std::to_string(i % 3), std::to_string(i));
    if (i % 10 == 9) {
      ASSERT_TRUE(log().roll());
    }
  }
  EXPECT_EQ(compact(), 27u);
  EXPECT_EQ(values(), "k0=27 k1=28 k2=29");
  EXPECT_EQ(told(), "[0,27)compacted 27..28 28..29 29..30");
  ASSERT_TRUE(eventually([&] { return log().counters().index_backlog == 0; }));
  EXPECT_TRUE(log().verify().findings.empty());
  reopen();
  EXPECT_EQ(values(), "k0=27 k1=28 k2=29");
}

}  // namespace
}  // namespace strandline::tests
