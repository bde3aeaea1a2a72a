// docs/lifecycle.md, cell by cell: for each state of an event what a reader, a retry of its append,
// a consumer, `verify` and a repair make of it. Damage has its own ladder.
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include "engine/format/rebuilt_batch.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

enum class EventState { live, erased, without_data, compacted, dropped };

const char* word_for(EventState state) {
  switch (state) {
    case EventState::live:
      return "live";
    case EventState::erased:
      return "erased";
    case EventState::without_data:
      return "without_data";
    case EventState::compacted:
      return "compacted";
    case EventState::dropped:
      return "dropped";
  }
  return "?";
}

// Events 0 and 1 of `s` in a segment, 2 in one of its own, 3 and 4 behind it. Event 2 is brought
// into the state.
class Lifecycle : public LogTest, public testing::WithParamInterface<EventState> {
 protected:
  static NewEvent event(std::string_view subject) {
    return {.type = "t", .subject = subject, .form = DataForm::text, .data = "some data"};
  }
  static Append middle() {
    return {.stream = "s",
            .batch = *Batch::of({event("k")}),
            .producer = Producer{.id = "p", .epoch = 1, .sequence = 0}};
  }
  void add(std::string_view subject) {
    ASSERT_TRUE(log().append(Append{.stream = "s", .batch = *Batch::of({event(subject)})}));
  }
  void fill() {
    add("a");
    add("b");
    ASSERT_TRUE(log().roll());
    ASSERT_TRUE(log().append(middle()));
    segment_ = *log().roll();
    add("k");
    add("c");
  }
  void change() {
    const EraseRequest request{.select = Selection::stream("s"),
                               .offsets = {{Offset(2), Offset(3)}},
                               .data_only = GetParam() == EventState::without_data};
    switch (GetParam()) {
      case EventState::live:
        return;
      case EventState::erased:
      case EventState::without_data: {
        const auto erased = log().erase(request);
        ASSERT_TRUE(erased) << erased.error().message;
        EXPECT_EQ(erased->events, 1u);
        EXPECT_TRUE(erased->gone);
        return;
      }
      case EventState::compacted:
        ASSERT_TRUE(log().change_policy("", {{PolicyField::compaction, std::string("subject")}}));
        EXPECT_TRUE(log().compact("s"));
        return;
      case EventState::dropped:
        ASSERT_TRUE(log().drop_segment(segment_));
        return;
    }
  }
  bool is_delivered() const {
    return GetParam() == EventState::live || GetParam() == EventState::without_data;
  }
  std::string expected_middle() const {
    if (GetParam() == EventState::live) return "2";
    if (GetParam() == EventState::without_data) return "2-";
    return std::string("[2,3)") + word_for(GetParam());
  }
  static std::string told(const Log& log, ReadOptions read) {
    std::string out;
    auto cursor = *log.read(std::move(read));
    while (auto delivery = *cursor->next()) {
      if (const auto* gap = std::get_if<Gap>(&*delivery)) {
        out += " [" + std::to_string(gap->from) + "," + std::to_string(gap->to) + ")" +
               name_of(gap->reason);
      }
      const auto* events = std::get_if<Events>(&*delivery);
      for (uint32_t i = 0; events && i < events->count(); ++i) {
        const Event event = (*events)[i];
        bool marked = false;
        event.for_each_attribute(
            [&](const Attribute& one) { marked |= one.name == kErasedAttribute; });
        EXPECT_EQ(marked, event.data().empty());
        out += " " + std::to_string(event.offset.value) + (marked ? "-" : "");
      }
    }
    return out.empty() ? out : out.substr(1);
  }
  void expect_whole() {
    const Verified verified = log().verify();
    EXPECT_TRUE(verified.findings.empty())
        << verified.findings[0].place << ": " << verified.findings[0].what;
  }

  SegmentId segment_;
};

INSTANTIATE_TEST_SUITE_P(Of, Lifecycle,
                         testing::Values(EventState::live, EventState::erased,
                                         EventState::without_data, EventState::compacted,
                                         EventState::dropped),
                         [](const auto& info) { return std::string(word_for(info.param)); });

TEST_P(Lifecycle, AReaderIsToldWhatBecameOfIt) {
  fill();
  change();
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(told(log(), {.select = Selection::stream("s")}), "0 1 " + expected_middle() + " 3 4");
    EXPECT_EQ(told(log(), {.select = Selection::stream("s"), .backward = true}),
              "4 3 " + expected_middle() + " 1 0");
    EXPECT_EQ(told(log(), {.select = Selection::stream("s"), .from = From::position(2)}),
              expected_middle() + " 3 4");
    EXPECT_EQ(told(log(), {}), "0 1 " + expected_middle() + " 3 4") << "sequences are offsets here";
    expect_whole();
  }
}

TEST_P(Lifecycle, ARetryOfItsAppendIsAnsweredAsTheOriginal) {
  fill();
  change();
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    const auto retried = log().append(middle());
    ASSERT_TRUE(retried) << retried.error().message;
    EXPECT_TRUE(retried->retried);
    EXPECT_EQ(retried->first, Offset(2));
  }
  EXPECT_EQ(describe("s").tail, Offset(5));
}

TEST_P(Lifecycle, AConsumerIsGivenItOrItIsSettledAsGone) {
  fill();
  ASSERT_TRUE(log().create_consumer(
      "c", {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s")}));
  auto fetched = *log().fetch(Fetch{.consumer = "c", .events_max = 5});
  ASSERT_EQ(fetched.given.size(), 5u);
  change();
  ASSERT_TRUE(log().settle({.consumer = "c",
                            .epoch = fetched.epoch,
                            .acks = {{0, 2}, {3, 5}},
                            .nacks = {{.span = Span::of(2)}}}));
  fetched = *log().fetch(Fetch{.consumer = "c", .epoch = fetched.epoch, .events_max = 5});
  EXPECT_EQ(fetched.given.size(), is_delivered() ? 1u : 0u);
  if (is_delivered()) {
    ASSERT_TRUE(log().settle({.consumer = "c", .epoch = fetched.epoch, .acks = {Span::of(2)}}));
  }
  EXPECT_TRUE(eventually([&] { return log().describe_consumer("c")->unacked == 0; }));
}

TEST_P(Lifecycle, StaysAsItIsWhenRecordsAreRebuilt) {
  fill();
  change();
  reopen();
  close();
  for (const fs::path& table : files_below(data() / "store", ".sst")) {
    rocksdb::SstFileReader reader{rocksdb::Options()};
    if (!reader.Open(table.string()).ok()) continue;
    if (reader.GetTableProperties()->column_family_name == "streams") fs::remove(table);
  }
  options.accept_loss = true;
  EXPECT_EQ(told(log(), {.select = Selection::stream("lost-1")}),
            "0 1 " + expected_middle() + " 3 4");
  expect_whole();
}

}  // namespace
}  // namespace strandline::tests
