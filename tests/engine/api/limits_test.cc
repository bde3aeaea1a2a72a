// Everything has a limit, and says so at once when it is reached. Nothing is applied.
#include <future>

#include "tests/support/disk/fault_file_system.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using Bounds = LogTest;

TEST_F(Bounds, AnEventMayBeAsLargeAsItsLimitAndNoLarger) {
  Limits limits;
  const std::string fits(limits.event_bytes_max - 1024, 'x');
  EXPECT_TRUE(Batch::of({{.type = "t", .form = DataForm::text, .data = fits}}, limits));
  const std::string large(limits.event_bytes_max + 1, 'x');
  const auto refused = Batch::of({{.type = "t", .form = DataForm::text, .data = large}}, limits);
  ASSERT_EQ(code_of(refused), Code::too_large);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(std::to_string(limits.event_bytes_max)));
}

TEST_F(Bounds, ABatchIsBoundedByEventsAndByBytes) {
  Limits limits;
  limits.batch_events_max = 10;
  BatchBuilder builder(limits);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(builder.add({.type = "t"}));
  EXPECT_EQ(code_of(builder.add({.type = "t"})), Code::too_large);
  EXPECT_EQ(builder.count(), 10u);  // as it was
  ASSERT_TRUE(builder.finish());
  EXPECT_EQ(builder.count(), 0u);

  limits = {};
  limits.batch_bytes_max = 100'000;
  BatchBuilder small(limits);
  const std::string data(30'000, 'x');
  const NewEvent event{.type = "t", .form = DataForm::text, .data = data};
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(small.add(event));
  EXPECT_EQ(code_of(small.add(event)), Code::too_large);
  const auto batch = small.finish();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->count(), 3u);
}

TEST_F(Bounds, NamesFollowTheirRule) {
  const std::string longest(255, 'n');
  EXPECT_TRUE(check_name(longest, {}));
  EXPECT_TRUE(check_name("bestellungen/größe ✓", {}));
  for (const char* good : {"...", ".a", "a.", "./", "../a"})
    EXPECT_TRUE(check_name(good, {})) << good;
  for (const std::string& bad :
       {std::string(), longest + "n", std::string("$all"), std::string("$mine"), std::string("."),
        std::string(".."), std::string("a\nb"), std::string("a\0b", 3), std::string("\x7f"),
        std::string("\xff\xfe"), std::string("\xc0\xaf"), std::string("\xed\xa0\x80")}) {
    EXPECT_EQ(code_of(check_name(bad, {})), Code::invalid) << bad;
    EXPECT_FALSE(log().append(Append{.stream = bad, .batch = batch_of_type("t")})) << bad;
    EXPECT_FALSE(log().create_stream(bad)) << bad;
  }
  EXPECT_EQ(log().durable_next(), Sequence{0});
  EXPECT_EQ(append(longest).first, Offset{0});
}

TEST_F(Bounds, AFullQueueAnswersBusyAtOnceAndAppliesNothing) {
  const auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  options.limits.queue_appends_max = 100;
  options.limits.unsynced_bytes_max = 64 << 10;
  options.limits.commit_group_bytes_max = 64 << 10;
  append("s");
  faults->hold();
  std::atomic<uint64_t> answered = 0, applied = 0, busy = 0;
  uint64_t sent = 0;
  const std::string data(8 << 10, 'x');
  while (busy == 0 && sent < 10'000) {
    ++sent;
    log().append(
        Append{.stream = "s",
               .batch = Batch::of({{.type = "t", .form = DataForm::text, .data = data}}).value()},
        [&](Result<Appended> result) {
          if (result) ++applied;
          if (!result && result.error().code == Code::busy) ++busy;
          ++answered;
        });
  }
  EXPECT_EQ(busy, 1u);
  EXPECT_GE(sent, 100u);
  EXPECT_LT(sent, 1000u);
  faults->release();
  EXPECT_TRUE(eventually([&] { return answered == sent; }));
  EXPECT_EQ(applied, sent - 1);
  EXPECT_EQ(describe("s").tail, Offset{1 + applied});
  const auto again = log().append(Append{.stream = "s", .batch = batch_of_type("t")});
  EXPECT_TRUE(again);
  close();
}

TEST_F(Bounds, TheQueueIsBoundedInBytesToo) {
  const auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  options.limits.queue_bytes_max = 256 << 10;
  options.limits.unsynced_bytes_max = 64 << 10;
  options.limits.commit_group_bytes_max = 64 << 10;
  append("s");
  faults->hold();
  std::atomic<uint64_t> answered = 0, busy = 0;
  uint64_t sent = 0;
  const std::string data(16 << 10, 'x');
  while (busy == 0 && sent < 1000) {
    ++sent;
    log().append(
        Append{.stream = "s",
               .batch = Batch::of({{.type = "t", .form = DataForm::text, .data = data}}).value()},
        [&](Result<Appended> result) {
          if (!result && result.error().code == Code::busy) ++busy;
          ++answered;
        });
    EXPECT_LE(log().counters().queue_bytes, options.limits.queue_bytes_max);
  }
  EXPECT_EQ(busy, 1u);
  EXPECT_LT(sent, 100u);
  faults->release();
  EXPECT_TRUE(eventually([&] { return answered == sent; }));
  close();
}

TEST_F(Bounds, AnAtomicAppendIsBounded) {
  options.limits.append_streams_max = 3;
  AppendMany many;
  for (int i = 0; i < 4; ++i) {
    many.parts.push_back({.stream = "s" + std::to_string(i), .batch = batch_of_type("t")});
  }
  EXPECT_EQ(code_of(log().append(many)), Code::too_large);
  EXPECT_EQ(log().durable_next(), Sequence{0});
  many.parts.pop_back();
  EXPECT_TRUE(log().append(many));
}

TEST_F(Bounds, AnEmptyAtomicAppendIsInvalid) {
  EXPECT_EQ(code_of(log().append(AppendMany{})), Code::invalid);
}

TEST_F(Bounds, StreamsAreBounded) {
  options.limits.streams_max = 3;
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(log().create_stream(name));
  EXPECT_EQ(code_of(log().create_stream("d")), Code::too_large);
  EXPECT_EQ(code_of(log().append(Append{.stream = "d", .batch = batch_of_type("t")})),
            Code::too_large);
  EXPECT_TRUE(log().append(Append{.stream = "a", .batch = batch_of_type("t")}));
}

TEST_F(Bounds, ADiskThatIsNearlyFullRefusesBeforeItIsFull) {
  append("s");
  close();
  options.disk_reserve_bytes = uint64_t{1} << 60;
  const auto refused = log().append(Append{.stream = "s", .batch = batch("s", Offset{1}, 1)});
  EXPECT_EQ(code_of(refused), Code::disk_full);
  expect_stream("s", 0, 1);
  EXPECT_FALSE(log().sealed());
}

}  // namespace
}  // namespace strandline::tests
