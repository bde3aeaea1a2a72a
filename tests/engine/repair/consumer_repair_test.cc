// Named consumers after a loss that was accepted: damaged records of theirs do not keep the log
// from opening, what is left of them is removed, and nobody stands beyond a tail that went back.
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include "tests/support/disk/fault_file_system.h"
#include "tests/support/disk/older_list.h"
#include "tests/support/log/consumer_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class ConsumerRepair : public ConsumerTest {
 protected:
  fs::path newest_table(const std::string& family) {
    fs::path newest;
    for (const fs::path& table : files_below(data(), ".sst")) {
      rocksdb::SstFileReader reader{rocksdb::Options()};
      if (!reader.Open(table.string()).ok()) continue;
      const bool is_of_it = reader.GetTableProperties()->column_family_name == family;
      if (is_of_it && table.filename() > newest.filename()) newest = table;
    }
    EXPECT_FALSE(newest.empty()) << "no table of " << family;
    return newest;
  }
  // Its first block, which is all that a small table has, no longer matches its checksum.
  static void spoil(const fs::path& table) {
    std::string bytes = read_file(table);
    bytes.at(10) ^= 1;
    write_file(table, bytes);
  }
  static void cut_off(const fs::path& table) { write_file(table, read_file(table).substr(0, 16)); }

  // Refused first, then opened all the same; what was lost by it.
  std::string accept_loss() {
    const auto strict = Log::open(data(), options);
    EXPECT_EQ(code_of(strict), Code::corrupt);
    options.accept_loss = true;
    return reopen().recovery().loss;
  }
  // The same, cut off before it is over: the next opening goes on with it.
  void begin_to_accept_loss() {
    Options failing = options;
    const auto faults = std::make_shared<FaultFileSystem>();
    faults->fail();
    failing.file_system = FaultFileSystem::as_option(faults);
    failing.accept_loss = true;
    ASSERT_EQ(code_of(Log::open(data(), failing)), Code::io);
  }
  // It is over, and nothing more is lost.
  void reopen_without_loss() {
    options.accept_loss = false;
    EXPECT_EQ(reopen().recovery().loss, "");
  }
};

TEST_F(ConsumerRepair, WhatIsLeftOfAConsumerWhoseDefinitionIsLostIsRemoved) {
  append("s", 10);
  create(Mode::shared, {.attempts_max = 1});
  reopen();  // its definition is in this table
  close();
  const fs::path table = newest_table("consumers");
  const uint64_t a = join();
  fetch(a, 4);
  ASSERT_TRUE(ack(a, 0, 1));
  ASSERT_TRUE(nack(a, 1));
  EXPECT_EQ(positions(fetch(a, 1)), range(4, 5));
  ASSERT_TRUE(eventually([&] { return info().dead_lettered == 1; }));
  ASSERT_TRUE(log().create_consumer("d", {.mode = Mode::shared, .select = Selection::stream("s")}));
  reopen();  // and all else in another
  close();
  ASSERT_NE(newest_table("consumers"), table);
  spoil(table);
  const std::string loss = accept_loss();
  // Its state, its unacked and its dead letter.
  EXPECT_THAT(loss, testing::HasSubstr("3 records of consumers whose definition is lost"));
  for (const bool reopened : {false, true}) {
    if (reopened) reopen_without_loss();
    EXPECT_EQ(code_of(log().describe_consumer("c")), Code::not_found);
    EXPECT_EQ(log().describe_consumer("d")->unacked, 0u);
  }
  // One of this name begins anew, and finds nothing of what is lost.
  create(Mode::shared);
  EXPECT_EQ(info().unacked, 0u);
  EXPECT_EQ(info().dead_lettered, 0u);
  EXPECT_EQ(positions(fetch(join())), range(0, 10));
  EXPECT_EQ(reopen().describe_consumer("c")->unacked, 10u);
}

TEST_F(ConsumerRepair, WhoStoodBeyondTheTailIsBackAtIt) {
  append("s", 5);
  reopen();  // what is kept
  append("s", 5);
  create(Mode::shared, {.attempts_max = 2});
  const uint64_t a = join();
  fetch(a);
  ASSERT_TRUE(ack(a, 0, 2));
  for (int attempt = 1; attempt <= 2; ++attempt) {
    ASSERT_TRUE(nack(a, 3));
    ASSERT_TRUE(nack(a, 7));
    fetch(a);
  }
  ASSERT_TRUE(eventually([&] { return info().dead_lettered == 2; }));
  ASSERT_TRUE(log().create_consumer("x", {.select = Selection::stream("s")}));
  const uint64_t x = log().join("x")->epoch;
  ASSERT_TRUE(log().commit({.consumer = "x", .stream = "s", .next = 9, .epoch = x}));
  reopen();  // what is lost, and the consumers
  close();
  cut_off(newest_table("events"));
  cut_off(newest_table("streams"));
  cut_off(newest_table("segments"));  // which says of each stream how far it went
  const std::string loss = accept_loss();
  EXPECT_THAT(loss, testing::HasSubstr("consumer \"c\" stood beyond the tail, and is back at 5"));
  EXPECT_THAT(loss, testing::HasSubstr("consumer \"x\" stood beyond the tail, and is back at 5"));
  for (const bool reopened : {false, true}) {
    if (reopened) reopen_without_loss();
    ASSERT_EQ(describe("s").tail, Offset{5});
    EXPECT_EQ(info().next, 5u);
    EXPECT_EQ(info().position, 2u);
    EXPECT_EQ(info().unacked, 2u) << "2 and 4, which are still there";
    EXPECT_EQ(info().dead_lettered, 1u) << "3";
    EXPECT_EQ(log().describe_consumer("x")->position, 5u);
  }
  // Those who saw what is lost join again, before they say anything of what is there now.
  append("s", 5);
  EXPECT_EQ(code_of(ack(a, 4, 5)), Code::fenced);
  EXPECT_EQ(code_of(log().commit({.consumer = "x", .stream = "s", .next = 10, .epoch = x})),
            Code::fenced);
  EXPECT_THAT(positions(fetch(join())), testing::ElementsAre(2, 4, 5, 6, 7, 8, 9));
  const Fetched again = log().fetch(Fetch{.consumer = "x"}).value();
  EXPECT_EQ(positions(again), range(5, 10));
}

// The attempts at an event that is lost are none at the one that takes its place, whether the
// consumer stood beyond the tail (7) or at it (5).
class AttemptsAtWhatIsLost : public ConsumerRepair, public testing::WithParamInterface<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(From, AttemptsAtWhatIsLost, testing::Values(5, 7));

TEST_P(AttemptsAtWhatIsLost, OfAnExclusiveConsumerAreForgotten) {
  append("s", 5);
  reopen();  // what is kept
  append("s", 5);
  create(Mode::exclusive, {.attempts_max = 1});
  const uint64_t a = join();
  ASSERT_TRUE(log().commit({.consumer = "c", .stream = "s", .next = GetParam(), .epoch = a}));
  EXPECT_EQ(positions(fetch(a, 1)), range(GetParam(), GetParam() + 1)) << "its last attempt";
  reopen();  // what is lost, and the consumers
  close();
  cut_off(newest_table("events"));
  cut_off(newest_table("streams"));
  cut_off(newest_table("segments"));
  accept_loss();
  reopen_without_loss();
  ASSERT_EQ(describe("s").tail, Offset{5});
  EXPECT_EQ(info().position, 5u);
  append("s", 5);
  const uint64_t b = join();
  EXPECT_EQ(positions(fetch(b)), range(5, 10));
  ASSERT_TRUE(log().commit({.consumer = "c", .stream = "s", .next = 10, .epoch = b}));
  EXPECT_EQ(info().dead_lettered, 0u);
  EXPECT_EQ(code_of(log().describe("dead-letters/c")), Code::not_found);
}

// Of a consumer that is gone nothing is left but that its epochs were given.
TEST_F(ConsumerRepair, AnEpochThatWasGivenIsNotGivenAgain) {
  const ConsumerSettings gone{.select = Selection::stream("s")};
  uint64_t given = 0;
  const auto come_and_go = [&] {
    ASSERT_TRUE(log().create_consumer("gone", gone));
    for (int i = 0; i < 20; ++i) given = log().join("gone")->epoch;
    ASSERT_TRUE(log().delete_consumer("gone"));
  };
  append("s", 5);
  come_and_go();
  reopen();
  const OlderList older(data());
  come_and_go();
  reopen();
  close();
  older.put_back();
  // What one with accept_loss began another finishes; but HEAD knows of more than was put back.
  begin_to_accept_loss();
  const auto refused = Log::open(data(), options);
  ASSERT_EQ(code_of(refused), Code::corrupt);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("HEAD"));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("were put back"));
  EXPECT_THAT(accept_loss(), testing::HasSubstr("were put back"));
  ASSERT_TRUE(log().create_consumer("gone", gone));
  EXPECT_GT(log().join("gone")->epoch, given);
}

class RecordsOfDifferentTimes : public ConsumerRepair, public testing::WithParamInterface<int> {};
std::string attempt_of(const testing::TestParamInfo<int>& one) {
  return one.param == 0 ? "Finished" : one.param == 1 ? "Resumed" : "ResumedWithTheFlag";
}
INSTANTIATE_TEST_SUITE_P(Mending, RecordsOfDifferentTimes, testing::Range(0, 3), attempt_of);

// Those in tables that an older list does not name are newer than those in the tables that it does.
TEST_P(RecordsOfDifferentTimes, KeepNothingBackAndGiveNothingTwice) {
  const auto send = [&](uint64_t sequence) {
    const auto sent = log().append({.stream = "p",
                                    .batch = batch("p", Offset{sequence}, 1),
                                    .producer = Producer{.id = "me", .sequence = sequence}});
    EXPECT_TRUE(sent) << sent.error().message;
    return sent && sent->retried;
  };
  append("s", 200);
  create(Mode::shared, {.attempts_max = 2});
  fetch(join(), 70);
  for (uint64_t i = 0; i < 5; ++i) EXPECT_FALSE(send(i));
  reopen();
  const OlderList older(data());
  for (int i = 0; i < 3; ++i) join();
  const uint64_t later = join();
  EXPECT_EQ(positions(fetch(later, 170)), range(0, 170));
  ASSERT_TRUE(nack(later, 5));
  EXPECT_EQ(positions(fetch(later, 1)), range(170, 171));
  ASSERT_TRUE(eventually([&] { return info().dead_lettered == 1; }));
  for (uint64_t i = 5; i < 10; ++i) EXPECT_FALSE(send(i));
  reopen();
  close();
  older.put_back();

  std::string loss;
  if (GetParam() > 0) {
    // Any opening goes on with what one with accept_loss began.
    begin_to_accept_loss();
    options.accept_loss = GetParam() > 1;
    loss = reopen().recovery().loss;
  } else {
    loss = accept_loss();
  }
  EXPECT_THAT(loss, testing::HasSubstr("consumer \"c\": 44 records"));
  for (const bool reopened : {false, true}) {
    if (reopened) reopen_without_loss();
    for (uint64_t i = 0; i < 10; ++i) EXPECT_TRUE(send(i)) << i;
    EXPECT_EQ(send(10), reopened);
    expect_stream("p", 0, 11);
  }
  EXPECT_EQ(code_of(ack(later, 70, 170)), Code::fenced);
  clock_->advance_us(3'600'000'000);
  const uint64_t again = join();
  EXPECT_GT(again, later);
  EXPECT_EQ(info().dead_lettered, 1u);
  EXPECT_EQ(log().replay("c", 10).value_or(0), 1u);
  const std::vector<uint64_t> got = positions(fetch(again, 500));
  EXPECT_EQ(std::set<uint64_t>(got.begin(), got.end()).size(), 200u);
  EXPECT_EQ(got.size(), 200u);
}

}  // namespace
}  // namespace strandline::tests
