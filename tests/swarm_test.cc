// Many connections, and readers that do not read: a real server and, in a process of their own, its
// clients (support/swarm.h).
//
// Small here. At length: STRANDLINE_FOLLOWERS=10000 (and half as many slow heads),
// STRANDLINE_FROZEN_S=1800.
#include <sstream>
#include <thread>

#include "server/server.h"
#include "tests/support/child.h"
#include "tests/support/log_test.h"
#include "tests/support/process_facts.h"
#include "tests/support/server_process.h"

namespace strandline::tests {
namespace {

constexpr size_t kMiB = 1 << 20;
// At length, thousands of clients share two cores with the server.
constexpr std::chrono::milliseconds kLong = 10min;

class Swarmed : public ::testing::Test {
 protected:
  Swarmed() : server_(directory_ / "data", {"--window-bytes", "4M", "--block-cache-bytes", "8M"}) {
    append(10);
  }

  Process swarm(size_t followers, size_t frozen, size_t slow) {
    return Process(
        child_command({"swarm", server_.address().host, server_.address().port, "s",
                       std::to_string(followers), std::to_string(frozen), std::to_string(slow)}));
  }
  void append(uint64_t count) {
    HttpClient client = server_.client();
    append(client, count);
  }
  void append(HttpClient& client, uint64_t count) {
    const Response response = client.post("/v1/streams/s/events", json_events("s", next_, count));
    ASSERT_EQ(response.status, 201u) << response.body;
    next_ += count;
  }
  void append_end() {
    ASSERT_EQ(server_.client().post("/v1/streams/s/events", R"({"type":"end"})").status, 201u);
  }
  pid_t pid() { return server_.process().pid(); }

  TemporaryDirectory directory_;
  ServerProcess server_;
  uint64_t next_ = 0;
};

// The line begins with this word; what follows it.
std::vector<uint64_t> expect_line(Process& process, const std::string& word) {
  const auto line = process.line(kLong);
  EXPECT_TRUE(line && line->starts_with(word)) << line.value_or("the swarm ended");
  std::vector<uint64_t> numbers;
  std::istringstream words(line.value_or(""));
  for (std::string part; words >> part;) {
    if (std::isdigit(static_cast<unsigned char>(part[0]))) numbers.push_back(std::stoull(part));
  }
  return numbers;
}

TEST_F(Swarmed, FollowersSlowHeadsAndChurnLeaveNoGapAndNoTrace) {
  const size_t followers = number_from("STRANDLINE_FOLLOWERS", 500);
  const size_t files = open_files(pid()), memory = memory_bytes(pid());
  Process clients = swarm(followers, 0, followers / 2);
  expect_line(clients, "following");
  ASSERT_FALSE(HasFailure());
  const size_t with_followers = memory_bytes(pid());
  EXPECT_GE(open_files(pid()), followers);

  clients.signal(SIGUSR1);
  std::jthread appending([&](std::stop_token stop) {
    HttpClient client = server_.client();
    while (!stop.stop_requested() && next_ < 20'000) append(client, 5);
  });
  expect_line(clients, "storm");
  appending.request_stop();
  appending.join();
  const size_t in_the_storm = memory_bytes(pid());
  append_end();
  expect_line(clients, "healthy");
  const auto done = expect_line(clients, "done");
  EXPECT_EQ(clients.wait(), 0);

  EXPECT_TRUE(eventually([&] { return open_files(pid()) <= files; }))
      << open_files(pid()) << " files are open, and " << files << " were";
  // What stays is the log's: its memtable and its window.
  const size_t log_bytes = 32 * kMiB;
  EXPECT_TRUE(eventually([&] { return memory_bytes(pid()) < memory + log_bytes; }))
      << memory_bytes(pid()) << " bytes, and it was " << memory;
  EXPECT_EQ(server_.client().get("/healthz").status, 200u);
  std::cout << "Swarmed: " << followers << " followers at " << (with_followers - memory) / followers
            << " bytes of memory each while idle; " << next_ << " events to each, "
            << testing::PrintToString(done)
            << " slow heads answered, late, clients vanished; memory before, with followers, in "
               "the storm, after: "
            << memory / 1024 << ", " << with_followers / 1024 << ", " << in_the_storm / 1024 << ", "
            << memory_bytes(pid()) / 1024 << " KiB" << std::endl;
}

TEST_F(Swarmed, FrozenFollowersCostNobodyAndLoseNothing) {
  const uint64_t seconds = number_from("STRANDLINE_FROZEN_S", 8);
  constexpr size_t kFollowers = 100, kFrozen = 10;
  Process clients = swarm(kFollowers, kFrozen, 0);
  expect_line(clients, "following");
  ASSERT_FALSE(HasFailure());
  const size_t memory = memory_bytes(pid());

  // 50 appends a second, of 50 events, of 400 bytes as they are shown.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  HttpClient client = server_.client();
  for (auto due = std::chrono::steady_clock::now(); due < end; due += 20ms) {
    const auto wait = due - std::chrono::steady_clock::now();
    poll(nullptr, 0, static_cast<int>(std::max<int64_t>(wait / 1ms, 0)));
    append(client, 50);
    ASSERT_FALSE(HasFailure());
  }
  append_end();
  const auto healthy = expect_line(clients, "healthy");
  ASSERT_EQ(healthy.size(), 3u);
  // What a connection may hold: output_bytes_max and an event more, twice over while it grows; and
  // the log's own, with its memtable.
  const size_t cap =
      memory + kFollowers * 2 * server::ServerOptions{}.output_bytes_max + (4 + 8 + 64) * kMiB;
  const size_t most = memory_bytes(pid(), "VmHWM");
  EXPECT_LT(most, cap);
  EXPECT_LT(healthy[1], 1'000'000u) << "p99 of the lag, in microseconds";

  clients.signal(SIGUSR2);
  expect_line(clients, "done");  // each of them every event, in order
  EXPECT_EQ(clients.wait(), 0);
  std::cout << "Swarmed: " << next_ << " events to " << kFollowers << " followers, " << kFrozen
            << " of them frozen for " << seconds << " s; lag p99 " << healthy[1] << " us, most "
            << healthy[2] << " us; memory " << memory / 1024 << " KiB before, " << most / 1024
            << " KiB at most, the cap " << cap / 1024 << " KiB" << std::endl;
}

}  // namespace
}  // namespace strandline::tests
