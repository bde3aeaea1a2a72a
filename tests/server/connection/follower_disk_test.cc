// Followers that read history: the disk keeps nobody up but the one who needs it. A server with one
// thread for all its connections, over tables whose reads can be held back.
#include "tests/support/disk/fault_file_system.h"
#include "tests/support/http/tight_server.h"

namespace strandline::tests {
namespace {

const Headers kAsNdjson = {{"Accept", "application/x-ndjson"}};

class FollowerDisk : public TightServer {
 protected:
  static constexpr uint64_t kEvents = 2000;

  FollowerDisk() {
    options.file_system = FaultFileSystem::as_option(faults);
    // In tables, and no longer in memory.
    append("s", kEvents);
    reopen();
  }
  ~FollowerDisk() override { faults->release(); }

  void expect_all(HttpStream& stream) {
    for (uint64_t offset = 0; offset < kEvents; ++offset) {
      const auto line = stream.line();
      ASSERT_TRUE(line);
      ASSERT_EQ(difference("s", Json::parse(*line)), "") << offset;
    }
  }

  const std::shared_ptr<FaultFileSystem> faults = std::make_shared<FaultFileSystem>();
};

TEST_F(FollowerDisk, OneThatWaitsForItKeepsNobodyElseUp) {
  start({.threads = 1});
  HttpClient other = client();
  append("live", 1);
  HttpStream tail(address(), "/v1/streams/live/events?follow=true&from=earliest", kAsNdjson);
  ASSERT_TRUE(tail.line());
  faults->hold_reads();
  HttpStream all(address(), "/v1/all/events?follow=true&from=earliest", kAsNdjson);
  HttpStream one(address(), "/v1/streams/s/events?follow=true&from=earliest", kAsNdjson);
  EXPECT_EQ(all.status(), 200u) << "its head does not wait";
  ASSERT_TRUE(eventually([&] { return faults->reads_waiting() > 0; }));
  EXPECT_EQ(other.get("/healthz").status, 200u);
  EXPECT_EQ(other.post("/v1/streams/live/events", R"({"type":"t"})").status, 201u);
  ASSERT_TRUE(tail.line()) << "what is in memory is read meanwhile";
  faults->release();
  expect_all(all);
  expect_all(one);
}

TEST_F(FollowerDisk, OneThatLeavesWhileItWaitsHarmsNobody) {
  start({.threads = 1});
  HttpClient other = client();
  faults->hold_reads();
  {
    HttpStream all(address(), "/v1/all/events?follow=true&from=earliest", kAsNdjson);
    ASSERT_TRUE(eventually([&] { return faults->reads_waiting() > 0; }));
  }
  ASSERT_TRUE(eventually([&] {
    return other.get("/metrics").body.find("strandline_http_followers 0") != std::string::npos;
  })) << "its session does not wait for the disk";
  faults->release();
  HttpStream again(address(), "/v1/all/events?follow=true&from=earliest", kAsNdjson);
  expect_all(again);
}

TEST_F(FollowerDisk, AServerThatEndsCutsItOffInTime) {
  start({.threads = 1, .drain_timeout_ms = 100});
  faults->hold_reads();
  HttpStream all(address(), "/v1/all/events?follow=true&from=earliest", kAsNdjson);
  ASSERT_TRUE(eventually([&] { return faults->reads_waiting() > 0; }));
  server_->drain();
  EXPECT_THROW(all.line(), ConnectionLost);
  faults->release();
}

// The same of the engine, for whoever has such a thread.
class MemoryAlone : public LogTest {
 protected:
  // What memory gives without the disk, which fails meanwhile; and whether it then needs it.
  std::pair<Transcript, bool> without_disk(Subscription& subscription) {
    Transcript transcript;
    faults->fail_reads(true);
    while (true) {
      const auto delivery = subscription.next_from_memory().value();
      if (!delivery) break;
      transcript.add(*delivery);
    }
    faults->fail_reads(false);
    return {std::move(transcript), subscription.needs_disk()};
  }

  const std::shared_ptr<FaultFileSystem> faults = std::make_shared<FaultFileSystem>();
};

TEST_F(MemoryAlone, IsReadWithoutTheDiskAndNothingIsMissedOrTwice) {
  options.file_system = FaultFileSystem::as_option(faults);
  append("s", 100);
  append("t", 100);
  reopen();
  for (const Selection& select :
       {Selection::stream("s"), Selection::all(), Selection::list({"s"}), Selection::prefix("s")}) {
    auto subscription = log().subscribe({.select = select}).value();
    EXPECT_TRUE(without_disk(subscription).second);
  }
  for (const Selection& select : {Selection::stream("s"), Selection::all()}) {
    const uint64_t old =
        select.kind == Selection::Kind::all ? log().durable_next().value : describe("s").tail.value;
    auto subscription = log().subscribe({.select = select}).value();
    auto [nothing, needs] = without_disk(subscription);
    EXPECT_TRUE(needs);
    EXPECT_EQ(nothing.offsets().size(), 0u);
    EXPECT_EQ(subscription.position(), 0u);
    // History, by the disk; then what comes is in memory.
    size_t read = 0;
    while (read < old) {
      const auto delivery = subscription.try_next().value();
      ASSERT_TRUE(delivery);
      Transcript transcript;
      transcript.add(*delivery);
      read += transcript.events.size();
    }
    append("s", 50);
    auto [fresh, needs_again] = without_disk(subscription);
    EXPECT_FALSE(needs_again);
    EXPECT_EQ(fresh.events.size(), 50u);
    EXPECT_EQ(fresh.caught_up, 1u);
    EXPECT_EQ(subscription.position(), old + 50);
  }
}

}  // namespace
}  // namespace strandline::tests
