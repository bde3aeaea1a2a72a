// Many connections, and readers that do not read: a real server and, in a process of their own, its
// clients (support/swarm.h).
//
// Small here. At length: STRANDLINE_FOLLOWERS=10000 (and half as many slow heads),
// STRANDLINE_FROZEN_S=1800.
#include <sstream>
#include <thread>

#include "server/server.h"
#include "tests/support/log/log_test.h"
#include "tests/support/process/child.h"
#include "tests/support/process/process_facts.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

constexpr size_t kMiB = 1 << 20;
// At length, thousands of clients share two cores with the server.
constexpr std::chrono::milliseconds kLong = 10min;

#ifdef STRANDLINE_SANITIZED
constexpr bool kSanitized = true;  // memory and time are not what they are otherwise
constexpr int kStorms = 1;         // more are for memory's sake
#else
constexpr bool kSanitized = false;
constexpr int kStorms = 3;
#endif

class Swarmed : public ::testing::Test {
 protected:
  Swarmed()
      : server_(directory_ / "data", {"--batch-cache-size", "512K", "--block-cache-size", "1M"}) {}

  // Clients of a stream of their own, which has ten events.
  Process swarm(const std::string& stream, size_t followers, size_t frozen, size_t slow) {
    stream_ = stream;
    next_ = bytes_ = 0;
    HttpClient client = server_.client();
    append(client, 10);
    return Process(
        child_command({"swarm", server_.address().host, server_.address().port, stream,
                       std::to_string(followers), std::to_string(frozen), std::to_string(slow)}));
  }
  void append(HttpClient& client, uint64_t count) {
    const std::string events = json_events(stream_, next_, count);
    const Response response = client.post("/v1/streams/" + stream_ + "/events", events);
    ASSERT_EQ(response.status, 201u) << response.body;
    next_ += count;
    bytes_ += events.size();
  }
  void append_end() {
    const Response response =
        server_.client().post("/v1/streams/" + stream_ + "/events", R"({"type":"end"})");
    ASSERT_EQ(response.status, 201u) << response.body;
  }

  // Followers, half as many slow heads, and churn, while events are appended.
  struct Storm {
    size_t idle_bytes = 0;   // of the server's memory, with the followers
    size_t storm_bytes = 0;  // and with all the others
    std::vector<uint64_t> done;
  };
  Storm storm(const std::string& stream, size_t followers);

  size_t memory() { return memory_bytes(server_.process().pid()); }
  size_t files() { return open_files(server_.process().pid()); }

  TemporaryDirectory directory_;
  ServerProcess server_;
  std::string stream_;
  uint64_t next_ = 0;
  size_t bytes_ = 0;  // appended; a follower is shown somewhat more
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

Swarmed::Storm Swarmed::storm(const std::string& stream, size_t followers) {
  Storm storm;
  Process clients = swarm(stream, followers, 0, followers / 2);
  expect_line(clients, "following");
  storm.idle_bytes = memory();
  EXPECT_GE(files(), followers);

  clients.signal(SIGUSR1);
  std::jthread appending([&](std::stop_token stop) {
    HttpClient client = server_.client();
    // So few that what the log keeps of them is small beside what the followers take.
    while (!stop.stop_requested() && next_ < followers / 2) append(client, 1);
  });
  expect_line(clients, "storm");
  appending.request_stop();
  appending.join();
  storm.storm_bytes = memory();
  append_end();
  expect_line(clients, "healthy");
  storm.done = expect_line(clients, "done");
  EXPECT_EQ(clients.wait(), 0);
  return storm;
}

TEST_F(Swarmed, FollowersSlowHeadsAndChurnLeaveNoGapAndNoTrace) {
  const size_t followers = number_from("STRANDLINE_FOLLOWERS", 500);
  // What a server takes once, on the first of everything, is not the crowd's.
  const size_t files_first = files();
  storm("warm", 50);
  ASSERT_TRUE(eventually([&] { return files() <= files_first; }));
  const size_t before = memory();

  // The first crowd leaves what Asio and the allocator keep for the next, which then takes it
  // again. After the others only the log (its memtable, its window) and a page here and there may
  // have grown: by less than the sessions of one storm take, and there have been two since.
  Storm first, last;
  size_t left = 0;
  for (int i = 0; i < kStorms; ++i) {
    last = storm("s" + std::to_string(i), followers);
    EXPECT_TRUE(eventually([&] { return files() <= files_first; }))
        << files() << " files are open, and " << files_first << " were";
    if (i > 0) continue;
    first = last;
    left = memory();
    // The server's sweep, twice a second, gives memory back.
    eventually([&] { return (left = std::min(left, memory())) == 0; }, 1s);
  }
  const size_t rest = 2 * kMiB + followers * 4096;
  if (!kSanitized) {
    EXPECT_TRUE(eventually([&] { return memory() < left + rest; }, 20s))
        << memory() << " bytes after " << kStorms << " storms, and " << left << " after the first";
  }
  EXPECT_EQ(server_.client().get("/healthz").status, 200u);
  std::cout << "Swarmed: " << followers << " followers, "
            << static_cast<int64_t>(first.idle_bytes - before) / static_cast<int64_t>(followers)
            << " bytes of memory each while idle; " << next_
            << " events to each; slow heads answered, late, clients vanished: "
            << testing::PrintToString(last.done)
            << "; KiB before, idle, in the first storm, after it, after the last: " << before / 1024
            << ", " << first.idle_bytes / 1024 << ", " << first.storm_bytes / 1024 << ", "
            << left / 1024 << ", " << memory() / 1024 << std::endl;
}

TEST_F(Swarmed, FrozenFollowersCostNobodyAndLoseNothing) {
  const uint64_t seconds = number_from("STRANDLINE_FROZEN_S", 20);
  constexpr size_t kFollowers = 100, kFrozen = 10;
  Process clients = swarm("s", kFollowers, kFrozen, 0);
  expect_line(clients, "following");
  ASSERT_FALSE(HasFailure());
  const size_t before = memory();

  // 20 appends a second, of 50 events, of about 450 bytes as they are shown.
  constexpr auto kPace = kSanitized ? 250ms : 50ms;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  HttpClient client = server_.client();
  for (auto due = std::chrono::steady_clock::now(); due < end; due += kPace) {
    const auto wait = due - std::chrono::steady_clock::now();
    poll(nullptr, 0, static_cast<int>(std::max<int64_t>(wait / 1ms, 0)));
    append(client, 50);
    ASSERT_FALSE(HasFailure());
  }
  append_end();
  const auto healthy = expect_line(clients, "healthy");
  ASSERT_EQ(healthy.size(), 3u);
  // A frozen follower may hold output_bytes_max and an event more, twice over while it grows; the
  // log, what was appended, until that makes a memtable, and another while the first is written.
  // The rest is for its window and cache, and for those that read.
  const size_t may_hold = kFrozen * 2 * server::ServerOptions{}.output_bytes_max +
                          std::min(bytes_, 2 * 64 * kMiB) + 8 * kMiB;
  const size_t most = memory_bytes(server_.process().pid(), "VmHWM");
  if (!kSanitized) {
    EXPECT_LT(most, before + may_hold);
    EXPECT_GT(kFrozen * bytes_, 2 * may_hold) << "too little load to tell a server without bounds";
    EXPECT_LT(healthy[1], 1'000'000u) << "p99 of the lag, in microseconds";
  }
  // Each of them reads once in a second at least, if that is its lag.
  EXPECT_GE(healthy[0], (kFollowers - kFrozen) * (kSanitized ? 1 : seconds))
      << "samples of the lag";

  clients.signal(SIGUSR2);
  expect_line(clients, "done");  // each of them every event, in order
  EXPECT_EQ(clients.wait(), 0);
  std::cout << "Swarmed: " << next_ << " events to " << kFollowers << " followers, " << kFrozen
            << " of them frozen for " << seconds << " s; lag p99 " << healthy[1] << " us, most "
            << healthy[2] << " us, " << healthy[0] << " samples; memory " << before / 1024
            << " KiB before, " << most / 1024 << " KiB at most, the cap "
            << (before + may_hold) / 1024 << " KiB; " << bytes_ / 1024 << " KiB appended"
            << std::endl;
}

}  // namespace
}  // namespace strandline::tests
