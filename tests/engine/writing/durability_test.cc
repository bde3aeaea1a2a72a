// Acknowledged means durable; nobody sees what a power cut can take back; a failed write is a
// failed log. The disk is the real one, with a gate on the fsync of the WAL.
#include <future>

#include "tests/support/disk/fault_file_system.h"
#include "tests/support/log/log_test.h"
#include "tests/support/process/child.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

class Durable : public LogTest {
 protected:
  Durable() { options.file_system = FaultFileSystem::as_option(faults_); }
  ~Durable() override {
    faults_->release();
    close();
  }

  std::future<Result<Appended>> start_append(const std::string& stream, uint64_t first,
                                             strandline::Durability durability) {
    auto answer = std::make_shared<std::promise<Result<Appended>>>();
    log().append(
        Append{
            .stream = stream, .batch = batch(stream, Offset{first}, 1), .durability = durability},
        [answer](Result<Appended> result) { answer->set_value(std::move(result)); });
    return answer->get_future();
  }
  // Syncs of the WAL have arrived at the gate, and wait there.
  void expect_a_sync_at_the_gate(uint64_t syncs_before) {
    ASSERT_TRUE(eventually([&] { return faults_->syncs() > syncs_before; }));
  }

  std::shared_ptr<FaultFileSystem> faults_ = std::make_shared<FaultFileSystem>();
};

constexpr auto kFsync = strandline::Durability::fsync;
constexpr auto kAccepted = strandline::Durability::accepted;

TEST_F(Durable, AnAppendIsAcknowledgedAfterItsFsync) {
  append("s");
  const uint64_t before = faults_->syncs();
  faults_->hold();
  auto answer = start_append("s", 1, kFsync);
  expect_a_sync_at_the_gate(before);
  EXPECT_EQ(answer.wait_for(0s), std::future_status::timeout);
  faults_->release();
  ASSERT_TRUE(answer.get());
  expect_stream("s", 0, 2);
}

TEST_F(Durable, NobodyIsShownWhatIsNotDurable) {
  append("s");
  auto subscription = log().subscribe({.select = Selection::stream("s")}).value();
  EXPECT_EQ(drain(subscription).events.size(), 1u);
  const uint64_t before = faults_->syncs();
  faults_->hold();
  auto answer = start_append("s", 1, kFsync);
  expect_a_sync_at_the_gate(before);
  // It is written, and the operating system has it; every way to read must still end before it.
  EXPECT_EQ(describe("s").tail, Offset{1});
  EXPECT_EQ(log().durable_next(), Sequence{1});
  EXPECT_EQ(log().available("s")->tail, 1u);
  EXPECT_EQ(log().available("$all")->tail, 1u);
  expect_stream("s", 0, 1);
  EXPECT_EQ(read_all(log(), {}).events.size(), 1u);
  EXPECT_EQ(drain(subscription).events.size(), 0u);
  EXPECT_EQ(code_of(log().read({.select = Selection::stream("s"), .from = From::position(2)})),
            Code::out_of_range);
  faults_->release();
  EXPECT_EQ(await_events(subscription, 1).offsets(), range(1, 2));
  ASSERT_TRUE(answer.get());
}

TEST_F(Durable, AcceptedIsAcknowledgedBeforeItsFsyncAndShownAfterIt) {
  append("s");
  const uint64_t before = faults_->syncs();
  faults_->hold();
  const auto accepted = start_append("s", 1, kAccepted).get();
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_EQ(accepted->first, Offset{1});
  EXPECT_EQ(accepted->durability, kAccepted);
  expect_stream("s", 0, 1);
  EXPECT_EQ(describe("s").tail, Offset{1});
  expect_a_sync_at_the_gate(before);  // which nobody asked for: the interval did
  faults_->release();
  auto subscription =
      log().subscribe({.select = Selection::stream("s"), .from = From::position(1)}).value();
  EXPECT_EQ(await_events(subscription, 1).offsets(), range(1, 2));
}

TEST_F(Durable, AnFsyncedAppendCarriesTheAcceptedOnesBeforeIt) {
  options.accepted_sync_interval_ms = 3'600'000;
  for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(start_append("s", i, kAccepted).get());
  const auto answer = start_append("s", 10, kFsync).get();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->first, Offset{10});
  expect_stream("s", 0, 11);
}

TEST_F(Durable, AFailedFsyncIsOutcomeUnknownAndSealsTheLog) {
  append("s", 3);
  ASSERT_TRUE(log().create_consumer(
      "c", {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s")}));
  faults_->fail();
  const auto failed = start_append("s", 3, kFsync).get();
  EXPECT_EQ(code_of(failed), Code::outcome_unknown);
  ASSERT_TRUE(log().sealed());
  EXPECT_FALSE(log().sealed()->empty());
  const auto refused = start_append("s", 3, kFsync).get();
  EXPECT_EQ(code_of(refused), Code::sealed);
  EXPECT_EQ(code_of(start_append("s", 3, kAccepted).get()), Code::sealed);
  EXPECT_FALSE(log().create_stream("new"));
  EXPECT_FALSE(log().truncate("s", Offset{1}));
  expect_stream("s", 0, 3);  // reads go on
  EXPECT_EQ(log().describe_consumer("c").value().lag, 3u);
  EXPECT_EQ(log().consumers("", "", 10).value().size(), 1u);
  EXPECT_TRUE(log().dead_letters("c", 0, 10));
  EXPECT_EQ(code_of(log().fetch(Fetch{.consumer = "c"})), Code::sealed);

  close();
  options.file_system = nullptr;
  const uint64_t tail = describe("s").tail.value;
  EXPECT_TRUE(tail == 3 || tail == 4) << tail;
  EXPECT_FALSE(log().sealed());
  expect_stream("s", 0, tail);
  EXPECT_EQ(append("s").first, Offset{tail});
}

TEST_F(Durable, WhatWasWaitingBehindAFailedFsyncIsNotApplied) {
  append("s");
  const uint64_t before = faults_->syncs();
  faults_->hold();
  std::vector<std::future<Result<Appended>>> answers;
  for (uint64_t i = 1; i <= 50; ++i) answers.push_back(start_append("s", i, kFsync));
  expect_a_sync_at_the_gate(before);
  faults_->fail();
  faults_->release();
  uint64_t unknown = 0;
  for (auto& answer : answers) {
    const auto code = code_of(answer.get());
    ASSERT_TRUE(code == Code::outcome_unknown || code == Code::sealed);
    unknown += code == Code::outcome_unknown ? 1 : 0;
  }
  EXPECT_GE(unknown, 1u);
  expect_stream("s", 0, 1);
  close();
  options.file_system = nullptr;
  const uint64_t tail = describe("s").tail.value;
  EXPECT_LE(tail, 1 + unknown);
  expect_stream("s", 0, tail);
}

// The child says what was acknowledged; after it was killed, all of that must be there.
void expect_acknowledged_survives(const std::filesystem::path& data, const std::string& mode,
                                  const std::vector<std::string>& streams, uint64_t lines) {
  for (const std::string& stream : streams) {
    Process child(child_command({mode, data.string(), stream}));
    ASSERT_EQ(child.line(), "opened");
    uint64_t acknowledged = 0;
    for (uint64_t i = 0; i < lines; ++i) {
      const auto line = child.line();
      ASSERT_TRUE(line);
      acknowledged = std::stoull(line->substr(line->rfind(' ') + 1));
    }
    EXPECT_EQ(child.kill_and_wait(), -SIGKILL);
    while (const auto line = child.line()) {
      if (line->starts_with("acknowledged")) {
        acknowledged = std::stoull(line->substr(line->rfind(' ') + 1));
      }
    }
    auto log = Log::open(data);
    ASSERT_TRUE(log) << log.error().message;
    const auto info = (*log)->describe(stream);
    ASSERT_TRUE(info);
    EXPECT_GE(info->tail.value, acknowledged);
    const Transcript transcript = read_all(**log, {.select = Selection::stream(stream)});
    EXPECT_EQ(transcript.offsets(), range(0, info->tail.value));
    EXPECT_TRUE(transcript.gaps.empty());
    for (const Seen& seen : transcript.events) {
      EXPECT_EQ(seen.id, std::to_string(seen.offset));
      EXPECT_EQ(seen.difference, "");
    }
    EXPECT_TRUE((*log)->verify().findings.empty());
  }
}

TEST_F(Durable, AcknowledgedAppendSurvivesKill) {
  for (const uint64_t lines : {1, 10, 300}) {
    expect_acknowledged_survives(data(), "append", {"a", "b"}, lines);
  }
}

TEST_F(Durable, AcceptedAppendSurvivesAKilledProcess) {
  // Handed to the operating system: it takes a power cut to lose it, not a kill.
  expect_acknowledged_survives(data(), "accepted", {"a", "b"}, 100);
}

}  // namespace
}  // namespace strandline::tests
