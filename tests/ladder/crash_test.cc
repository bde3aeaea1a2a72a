// Rounds of kill -9 of a real server at a random moment under load; after each, INV.
//
// A few rounds here; `./dev torture --rounds N` runs as many as asked. STRANDLINE_SEED replays.
#include <random>
#include <sstream>

#include "tests/support/http/crowd.h"
#include "tests/support/log/log_test.h"
#include "tests/support/process/child.h"
#include "tests/support/process/held_port.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

// A kill is at a random moment: not after a pause but in the middle of what is going on, told by a
// timer that the kernel keeps.
void wait_for_kill(std::chrono::microseconds moment) {
  const auto end = std::chrono::steady_clock::now() + moment;
  pollfd none{.fd = -1, .events = 0, .revents = 0};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(moment);
  const timespec wait{.tv_sec = seconds.count(), .tv_nsec = (moment - seconds).count() * 1000};
  ppoll(&none, 1, &wait, nullptr);
  while (std::chrono::steady_clock::now() < end) {
  }
}

void kill_after(Process& process, std::chrono::microseconds moment) {
  wait_for_kill(moment);
  process.kill_and_wait();
}

using std::chrono::milliseconds;

constexpr uint64_t kRounds = 30;
// What is promised, on any machine; a sanitizer is no machine.
#ifdef STRANDLINE_SANITIZED
constexpr milliseconds kReadyAgain = 20s;
#else
constexpr milliseconds kReadyAgain = 2s;
#endif

TEST(Crash, KillsOfTheServerUnderLoadKeepTheInvariant) {
  const uint64_t chosen = seed("Crash");
  const uint64_t rounds = number_from("STRANDLINE_ROUNDS", kRounds);
  std::mt19937_64 random(chosen);
  constexpr uint64_t kRoundsPerLog = 10;  // then a fresh one, for every check reads all of it
  constexpr int kAppenders = 64, kFollowers = 8;
  size_t acknowledged = 0, shown = 0;
  milliseconds slowest{0};  // of the servers, to be ready again
  for (uint64_t done = 0; done < rounds;) {
    const TemporaryDirectory directory;
    Ledger ledger;
    const HeldPort port;
    Crowd crowd(ledger, port.address(), random(), kAppenders, kFollowers);
    for (uint64_t round = 0; round < kRoundsPerLog && done < rounds; ++round, ++done) {
      const auto begun = std::chrono::steady_clock::now();
      ServerProcess server(directory / "data", {"--segment-size", "1M"}, port.address().port);
      ASSERT_EQ(server.client().get("/readyz").status, 200u);
      slowest = std::max(slowest, std::chrono::duration_cast<milliseconds>(
                                      std::chrono::steady_clock::now() - begun));
      const Stored stored = stored_at(server.address(), Crowd::consumers());
      auto found = ledger.violations(stored);
      for (auto& miscount : crowd.miscounts(server.address(), stored)) found.push_back(miscount);
      ASSERT_TRUE(found.empty()) << "round " << done << ": " << testing::PrintToString(found);
      crowd.start_appending();
      if (round == 0) {
        ASSERT_TRUE(crowd.wait_for_acknowledged(100));
      }
      wait_for_kill(std::chrono::microseconds(500 + random() % 150'000));
      crowd.end_server([&] { server.kill(); });
      ASSERT_TRUE(crowd.complaints().empty()) << testing::PrintToString(crowd.complaints());
    }
    // The last life: appenders, too, are there before it; all that is there is read by everyone,
    // and the server is stopped as it should be.
    crowd.start_appending();
    ServerProcess server(directory / "data", {}, port.address().port);
    ASSERT_TRUE(crowd.wait_for_acknowledged(100));
    crowd.stop_appending();
    const Stored stored = stored_at(server.address());
    EXPECT_TRUE(eventually([&] {
      return crowd.followers_are_at_tail(stored) || !crowd.complaints().empty();
    })) << "not all followers have been shown all that is there";
    EXPECT_GE(ledger.shown_events(), ledger.acknowledged_events());
    crowd.end_server([&] { EXPECT_EQ(server.stop(), 0) << server.process().errors(); });
    crowd.finish();
    EXPECT_TRUE(crowd.complaints().empty()) << testing::PrintToString(crowd.complaints());
    auto log = Log::open(directory / "data");
    ASSERT_TRUE(log) << log.error().message;
    const auto found = ledger.violations(stored_in(**log));
    EXPECT_TRUE(found.empty()) << testing::PrintToString(found);
    EXPECT_TRUE((*log)->verify().findings.empty());
    acknowledged += ledger.acknowledged_events();
    shown += ledger.shown_events();
  }
  std::cout << "Crash: " << rounds << " rounds, " << acknowledged << " events acknowledged, "
            << shown << " shown, ready again in " << slowest.count() << " ms at most" << std::endl;
  EXPECT_LT(slowest, kReadyAgain);
}

TEST(Crash, KillsOfAnEmbeddedLogLoseNothingAcknowledged) {
  const uint64_t chosen = seed("Crash");
  const uint64_t rounds = number_from("STRANDLINE_ROUNDS", kRounds);
  std::mt19937_64 random(chosen);
  const TemporaryDirectory directory;
  uint64_t acknowledged = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    Process child(child_command(
        {random() % 4 == 0 ? "accepted" : "append", (directory / "data").string(), "s"}));
    ASSERT_EQ(child.line(), "opened");
    kill_after(child, std::chrono::microseconds(500 + random() % 150'000));
    while (const auto line = child.line()) {
      // A line that was cut off by the kill is no acknowledgement that anyone has read.
      std::istringstream words(*line);
      std::string word, stream;
      uint64_t first = 0, next = 0;
      if (words >> word >> stream >> first >> next && next > first) {
        acknowledged = std::max(acknowledged, next);
      }
    }
    auto log = Log::open(directory / "data");
    ASSERT_TRUE(log) << "round " << round << ": " << log.error().message;
    const Stored stored = stored_in(**log);
    EXPECT_TRUE(stored.wrong.empty()) << testing::PrintToString(stored.wrong);
    const auto at = stored.streams.find("s");
    ASSERT_TRUE(at != stored.streams.end() || acknowledged == 0);
    if (at == stored.streams.end()) continue;
    EXPECT_GE(at->second.tail, acknowledged);
    for (size_t i = 0; i < at->second.events.size(); ++i) {
      EXPECT_EQ(at->second.events[i].id, std::to_string(i));
    }
    acknowledged = at->second.tail;
  }
}

TEST(Crash, KillsOfAnEmbeddedLogNeverPartAnAppendFromTheCommitBesideIt) {
  const uint64_t rounds = number_from("STRANDLINE_ROUNDS", kRounds);
  std::mt19937_64 random(seed("Crash"));
  const TemporaryDirectory directory;
  std::map<std::string, uint64_t> acknowledged;
  for (uint64_t round = 0; round < rounds; ++round) {
    Process child(child_command({"counting", (directory / "data").string(), "s"}));
    ASSERT_EQ(child.line(), "opened");
    kill_after(child, std::chrono::microseconds(500 + random() % 50'000));
    while (const auto line = child.line()) {
      std::istringstream words(*line);
      std::string word, stream;
      uint64_t first = 0, next = 0;
      if (words >> word >> stream >> first >> next && next > first) {
        acknowledged[stream] = std::max(acknowledged[stream], next);
      }
    }
    auto log = Log::open(directory / "data");
    ASSERT_TRUE(log) << "round " << round << ": " << log.error().message;
    for (const auto& [stream, next] : acknowledged) {
      const auto info = (*log)->describe(stream);
      ASSERT_TRUE(info) << stream;
      EXPECT_GE(info->tail.value, next) << stream << ", round " << round;
    }
    for (const StreamInfo& info : (*log)->list("", "", 10)) {
      EXPECT_EQ((*log)->position("counter", info.name).value_or(0), info.tail.value)
          << info.name << ", round " << round;
    }
    // The offsets that the children are acknowledged are those of payload.h, every byte of them.
    if (round + 1 == rounds) {
      EXPECT_TRUE(stored_in(**log).wrong.empty());
    }
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

// INV itself, on what it must find: a ledger and a log that disagree.
TEST(Invariant, FindsEachOfItsViolations) {
  const auto stored = [](std::vector<Stored::Entry> events) {
    Stored all;
    all.streams["s"] = {.start = 0, .tail = events.size(), .events = events};
    return all;
  };
  {
    Ledger lost;
    lost.acknowledged(lost.sent("s", {"a"}), 0, 0);
    EXPECT_TRUE(lost.violations(stored({{"a", 0}})).empty());
    EXPECT_FALSE(lost.violations(stored({})).empty());
    EXPECT_FALSE(lost.violations(stored({{"a", 0}, {"a", 1}})).empty());
    EXPECT_FALSE(lost.violations(stored({{"b", 0}, {"a", 1}})).empty());
    EXPECT_FALSE(lost.violations(stored({{"a", 5}})).empty());
  }
  {
    Ledger unknown;
    unknown.sent("s", {"a", "b"});
    EXPECT_TRUE(unknown.violations(stored({})).empty());
    EXPECT_TRUE(unknown.violations(stored({{"a", 0}, {"b", 1}})).empty());
    EXPECT_FALSE(unknown.violations(stored({{"a", 0}})).empty());
    EXPECT_FALSE(unknown.violations(stored({{"a", 0}, {"b", 1}, {"b", 2}})).empty());
  }
  {
    Ledger refused;
    refused.refused(refused.sent("s", {"a"}));
    EXPECT_FALSE(refused.violations(stored({{"a", 0}})).empty());
  }
  {
    Ledger order;
    const auto first = order.sent("s", {"a"});
    order.acknowledged(first, 1, 1);
    order.acknowledged(order.sent("s", {"b"}), 0, 0);
    EXPECT_FALSE(order.violations(stored({{"b", 0}, {"a", 1}})).empty());
  }
  {
    Ledger concurrent;
    const auto a = concurrent.sent("s", {"a"});
    const auto b = concurrent.sent("s", {"b"});
    concurrent.acknowledged(a, 1, 1);
    concurrent.acknowledged(b, 0, 0);
    EXPECT_TRUE(concurrent.violations(stored({{"b", 0}, {"a", 1}})).empty());
  }
  {
    Ledger shown;
    shown.sent("s", {"a"});
    shown.shown("s", 0, "a");
    EXPECT_TRUE(shown.violations(stored({{"a", 0}})).empty());
    EXPECT_FALSE(shown.violations(stored({})).empty());
    EXPECT_FALSE(shown.violations(stored({{"b", 0}})).empty());
    shown.shown("s", 0, "b");
    EXPECT_FALSE(shown.violations(stored({{"a", 0}})).empty());
  }
  {
    Ledger position;
    position.committed("c", "s", 1);
    Stored at_one = stored({{"a", 0}});
    EXPECT_FALSE(position.violations(at_one).empty());
    at_one.positions[{"c", "s"}] = 1;
    EXPECT_TRUE(position.violations(at_one).empty());
    at_one.positions[{"c", "s"}] = 2;
    EXPECT_FALSE(position.violations(at_one).empty());
  }
}

}  // namespace
}  // namespace strandline::tests
