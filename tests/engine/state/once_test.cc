// once(consumer, id): whether an id was processed already, durably, for a time; marked alone, or
// in the same commit as what came of it.
#include <future>

#include "tests/support/disk/fault_file_system.h"
#include "tests/support/disk/older_list.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Once : public LogTest {
 protected:
  Once() { options.clock = clock_; }
  void pass(int64_t seconds) { clock_->advance_us(seconds * 1'000'000); }

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
};

TEST_F(Once, TheFirstIsTrueAndTheNextAreNot) {
  EXPECT_FALSE(log().was_processed("c", "x").value());
  EXPECT_TRUE(log().once("c", "x", 60).value());
  EXPECT_FALSE(log().once("c", "x", 60).value());
  EXPECT_TRUE(log().was_processed("c", "x").value());
  reopen();
  EXPECT_TRUE(log().was_processed("c", "x").value());
  EXPECT_FALSE(log().once("c", "x", 60).value());
  EXPECT_TRUE(log().once("c", "y", 60).value()) << "another id";
  EXPECT_TRUE(log().once("d", "x", 60).value()) << "another consumer";
}

TEST_F(Once, MarksExpire) {
  ASSERT_TRUE(log().once("c", "x", 60).value());
  pass(59);
  EXPECT_FALSE(log().once("c", "x", 60).value());
  pass(1);
  EXPECT_FALSE(log().was_processed("c", "x").value());
  EXPECT_TRUE(log().once("c", "x", 60).value());
  pass(30);
  append("s");  // whose group purges what has expired, and not what lives again
  EXPECT_TRUE(log().was_processed("c", "x").value());
}

// More than one group purges, so that a mark is made again while its old life waits for that.
TEST_F(Once, MarksThatAreMadeAgainOutliveThePurgeOfTheirFormerLives) {
  AppendMany many;
  for (int i = 0; i < 2000; ++i) many.once.push_back({"c", std::to_string(i), 60});
  ASSERT_TRUE(log().append(many));
  pass(60);
  ASSERT_TRUE(log().once("c", "1999", 60).value());
  for (int i = 0; i < 20; ++i) append("s");
  EXPECT_TRUE(log().was_processed("c", "1999").value());
  EXPECT_FALSE(log().was_processed("c", "0").value());
  reopen();
  EXPECT_FALSE(log().once("c", "1999", 60).value());
}

TEST_F(Once, AnAppendAndItsMarkAreThereBothOrNeither) {
  AppendMany step{.parts = {{.stream = "out", .batch = batch("out", Offset{0}, 2)}},
                  .once = {{.consumer = "c", .id = "x", .ttl_s = 60}}};
  ASSERT_TRUE(log().append(step));
  const auto again = log().append(step);
  ASSERT_EQ(code_of(again), Code::exists);
  EXPECT_THAT(again.error().message,
              testing::AllOf(testing::HasSubstr("\"c\""), testing::HasSubstr("\"x\"")));
  expect_stream("out", 0, 2);
  // Refused for another reason, it marks nothing.
  step.once[0].id = "y";
  step.parts[0].expected = Offset{0};
  EXPECT_EQ(code_of(log().append(step)), Code::conflict);
  EXPECT_FALSE(log().was_processed("c", "y").value());
  // And of two marks, one of which is there, neither is made.
  AppendMany two{.once = {{.consumer = "c", .id = "z"}, {.consumer = "c", .id = "x"}}};
  EXPECT_EQ(code_of(log().append(two)), Code::exists);
  EXPECT_FALSE(log().was_processed("c", "z").value());
  two.once[1].id = "z";
  EXPECT_EQ(code_of(log().append(two)), Code::exists);
}

TEST_F(Once, IsNotSeenBeforeItIsDurable) {
  const auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  append("s");
  faults->hold();
  const uint64_t syncs = faults->syncs();
  std::promise<void> promise;
  AppendMany many{.once = {{.consumer = "c", .id = "x"}}};
  log().append(many, [&](const auto&) { promise.set_value(); });
  // It is written when the group's fsync begins.
  EXPECT_TRUE(eventually([&] { return faults->syncs() > syncs; }));
  EXPECT_FALSE(log().was_processed("c", "x").value());
  faults->release();
  promise.get_future().wait();
  EXPECT_TRUE(log().was_processed("c", "x").value());
}

TEST_F(Once, OfManyAtOnceOneIsTheFirst) {
  Log& shared = log();
  std::atomic<int> first = 0;
  {
    std::vector<std::jthread> racers;
    for (int r = 0; r < 4; ++r) {
      racers.emplace_back([&] {
        for (int i = 0; i < 100; ++i) {
          if (shared.once("c", std::to_string(i), 60).value()) ++first;
        }
      });
    }
  }
  EXPECT_EQ(first, 100);
}

// From tables that an older list names, and from newer ones: the mark is there once, and the ends
// of both its lives are in the index.
TEST_F(Once, OfTwoLivesThatALossPutsTogetherTheLaterOneIsKept) {
  append("s");
  ASSERT_TRUE(log().once("c", "x", 60).value());
  reopen();
  const OlderList older(data());
  pass(3600);
  ASSERT_TRUE(log().once("c", "x", 60).value());
  reopen();
  close();
  older.put_back();
  options.accept_loss = true;
  EXPECT_TRUE(log().was_processed("c", "x").value());
  pass(59);
  append("s");  // purges the former life
  EXPECT_TRUE(log().was_processed("c", "x").value());
  EXPECT_FALSE(log().once("c", "x", 60).value());
  pass(3601);  // the log's own time may be that of the older tables
  EXPECT_TRUE(log().once("c", "x", 60).value());
}

// Of what was there when none was, and of newer tables: they are counted again, and purged.
TEST_F(Once, MarksThatALossPutsBackAreCountedAndExpire) {
  append("s");
  ASSERT_TRUE(log().once("c", "w", 60).value());
  pass(60);
  append("s");  // purges
  reopen();
  const OlderList older(data());
  for (const char* id : {"x", "y", "z"}) ASSERT_TRUE(log().once("c", id, 60).value());
  reopen();
  close();
  older.put_back();
  options.accept_loss = true;
  options.limits.expiring_max = 3;
  EXPECT_TRUE(log().was_processed("c", "z").value());
  EXPECT_EQ(code_of(log().once("c", "more", 60)), Code::limit) << "three are there";
  pass(60);
  append("s");
  for (const char* id : {"x", "y", "z"}) EXPECT_TRUE(log().once("c", id, 60).value());
  EXPECT_EQ(code_of(log().once("c", "more", 60)), Code::limit);
}

TEST_F(Once, NamesAndTimesAreChecked) {
  EXPECT_EQ(code_of(log().once("$c", "x", 60)), Code::invalid);
  for (const char* id : {"", ".", ".."}) {
    EXPECT_EQ(code_of(log().once("c", id, 60)), Code::invalid) << id;
  }
  EXPECT_EQ(code_of(log().once("c", std::string(256, 'x'), 60)), Code::invalid);
  EXPECT_EQ(code_of(log().once("c", "x", 0)), Code::invalid);
  EXPECT_EQ(code_of(log().once("c", "x", UINT64_MAX)), Code::invalid);
  EXPECT_TRUE(log().once("c", std::string(255, 'x'), options.limits.once_ttl_s_max).value());
}

}  // namespace
}  // namespace strandline::tests
