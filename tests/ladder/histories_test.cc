// Concurrent conditional appends, reads, followers and commits, while the server is killed, the
// power goes or the disk fails: what every client was answered fits one order, stream by stream.
//
// A few histories here, as many as STRANDLINE_HISTORIES asks for at length. Each has a seed of its
// own; the one that fails is printed with the command that replays it.
#include <fmt/format.h>

#include <atomic>
#include <random>
#include <thread>

#include "tests/support/disk/power_cut.h"
#include "tests/support/disk/recorded_disk.h"
#include "tests/support/log/client.h"
#include "tests/support/log/linearizable.h"
#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

const std::vector<std::string>& streams() {
  static const std::vector<std::string> names = {"a", "b"};
  return names;
}
constexpr int kClients = 6;
constexpr int kOperations = 14;  // of each client, in each life

enum class End { plain, power_cut, disk_error, kill };
constexpr const char* kEndNames[] = {"plain", "power cut", "disk error", "kill"};

// One client's part in one life.
void take_part(Client& client, uint64_t seed, const std::string& name) {
  std::mt19937_64 random(seed);
  uint64_t number = 0;
  const auto new_ids = [&] {
    std::vector<std::string> ids;
    for (uint64_t i = 0, count = 1 + random() % 3; i < count; ++i) {
      ids.push_back(fmt::format("{}:{}", name, number++));
    }
    return ids;
  };
  try {
    for (int i = 0; i < kOperations; ++i) {
      const std::string& stream = streams()[random() % streams().size()];
      const std::string consumer = random() % 4 == 0 ? "slow" : "quick";
      const uint64_t next = client.next(stream), at = client.stands_at(stream, consumer);
      switch (random() % 10) {
        case 0:
        case 1:
        case 2:
        case 3:
          client.append(stream, new_ids(), next);
          break;
        case 4:
          client.append(stream, new_ids());
          break;
        case 5: {
          auto ids = new_ids();
          const Move move{consumer, at, next + ids.size()};
          client.append(stream, std::move(ids), next, move);
          break;
        }
        case 6:
          client.append(stream, {}, {}, Move{consumer, at, std::max(at, next)});
          break;
        case 7:
          client.position(stream, consumer);
          break;
        default:
          client.read(stream, random() % 2 == 0 ? 0 : next);
      }
    }
  } catch (const Gone&) {
    // Killed, or sealed: the next life goes on.
  }
}

class OneRun {
 public:
  explicit OneRun(uint64_t seed) : random_(seed) {}

  // What breaks the promise; empty if it holds.
  std::vector<std::string> run() {
    try {
      if (random_() % 8 == 0) {
        run_on_a_server();
      } else {
        run_on_a_disk();
      }
    } catch (const std::exception& error) {
      wrong_.push_back(error.what());
    }
    for (const auto& [stream, history] : recorder_.histories()) {
      for (const Operation& o : history) unknown += o.outcome == Operation::Outcome::unknown;
      operations += history.size();
      if (const auto found = not_linearizable(history)) wrong_.push_back(stream + ": " + *found);
    }
    return wrong_;
  }

  End end = End::plain;
  uint64_t operations = 0, unknown = 0;

 private:
  void complain(const std::string& what) {
    const std::lock_guard lock(mutex_);
    wrong_.push_back(what);
  }
  void keep_complaints(const Client& client) {
    for (const std::string& what : client.wrong()) complain(what);
  }
  // So that the streams are there for those who follow them.
  void first_words(Client&& first, const std::string& life) {
    for (const std::string& stream : streams()) first.append(stream, {life + stream});
    keep_complaints(first);
  }
  void last_words(Client&& last) {
    for (const std::string& stream : streams()) {
      last.read(stream, 0);
      for (const char* consumer : {"slow", "quick"}) last.position(stream, consumer);
    }
    keep_complaints(last);
  }
  template <class Make>  // std::unique_ptr<Client>(int number)
  void live(const std::string& life, const Make& make, const std::function<void()>& meanwhile) {
    std::vector<std::jthread> clients;
    for (int c = 0; c < kClients; ++c) {
      clients.emplace_back([&, c, seed = random_()] {
        try {
          const auto client = make(c);
          take_part(*client, seed, fmt::format("{}{}", life, c));
          keep_complaints(*client);
        } catch (const ConnectionLost& lost) {
          if (!failing_) complain(lost.what());  // otherwise: gone before this one had come
        } catch (const std::exception& error) {
          complain(error.what());
        }
      });
    }
    meanwhile();
  }
  bool wait_for_operations(size_t more) {
    const size_t wanted = recorder_.operations() + more;
    return eventually([&] { return recorder_.operations() >= wanted; });
  }
  // By a follower, which is given every offset.
  void seen(const std::string& stream, uint64_t since, uint64_t wanted, uint64_t offset,
            std::string id) {
    if (offset != wanted) complain(fmt::format("{}: {} follows {}", stream, offset, wanted));
    recorder_.add(stream, {.kind = Operation::Kind::read,
                           .client = 100,
                           .invoked = since,
                           .number = offset,
                           .ids = {std::move(id)}});
  }

  // --- A log in this process, on a disk that records.

  std::unique_ptr<Log> open(const std::shared_ptr<RecordedDisk>& disk) {
    Options options;
    options.file_system = RecordedDisk::as_option(disk);
    options.batch_cache_bytes = random_() % 2 == 0 ? 1 << 20 : 0;
    options.block_cache_bytes = 1 << 20;
    options.disk_reserve_bytes = 0;
    auto log = Log::open("/disk/log", options);
    if (!log) throw std::runtime_error("open: " + log.error().message);
    return std::move(*log);
  }
  void follow(Log& log, const std::string& stream, const std::atomic<bool>& stop) {
    auto subscription = log.subscribe({.select = Selection::stream(stream)});
    if (!subscription) {
      // A disk that failed before the first append leaves no stream.
      if (!failing_) complain(subscription.error().message);
      return;
    }
    for (uint64_t next = 0; !stop;) {
      const uint64_t since = recorder_.now();
      const auto delivery = subscription->next_for(2ms);
      if (!delivery) return complain(stream + ", followed: " + delivery.error().message);
      if (!*delivery) continue;
      if (const auto* events = std::get_if<Events>(&**delivery)) {
        for (const Event event : *events) {
          seen(stream, since, next++, event.offset.value, std::string(event.id()));
        }
      } else if (const auto* gap = std::get_if<Gap>(&**delivery)) {
        complain(stream + ", followed: a gap, " + gap->detail);
      }
    }
  }
  void live_in(Log& log, const std::string& life, const std::function<void()>& meanwhile) {
    first_words(LogClient(log, recorder_, kClients, failing_), life);
    std::atomic<bool> stop = false;
    std::vector<std::jthread> followers;
    for (const std::string& stream : streams()) {
      followers.emplace_back([&] { follow(log, stream, stop); });
    }
    live(
        life, [&](int c) { return std::make_unique<LogClient>(log, recorder_, c, failing_); },
        meanwhile);
    stop = true;
  }
  void run_on_a_disk() {
    end = std::array{End::plain, End::power_cut, End::disk_error}[random_() % 3];
    auto disk = std::make_shared<RecordedDisk>(DiskImage{}, random_());
    auto log = open(disk);
    failing_ = end == End::disk_error;
    const uint64_t so_many = 1 + random_() % 60;
    if (end == End::power_cut) {
      uint64_t moment = 0;
      size_t instant = 0;
      live_in(*log, "x", [&] {
        wait_for_operations(so_many);
        moment = recorder_.now();  // first: what was answered by then had happened
        instant = disk->instant();
      });
      log.reset();
      recorder_.stop_at(moment);
      disk = std::make_shared<RecordedDisk>(image_after(*disk, instant), random_());
    } else {
      std::atomic<uint64_t> syncs = 0;
      if (end == End::disk_error) {
        const Fault fault = random_() % 2 == 0 ? Fault::eio : Fault::drop_pages;
        disk->on_access([&syncs, so_many, fault](const Access& access) {
          const bool due = access.kind == Access::Kind::sync && access.path.ends_with(".log") &&
                           ++syncs >= so_many;
          return due ? fault : Fault::none;
        });
      }
      try {
        live_in(*log, "x", [] {});
      } catch (const Gone&) {
        if (!failing_) throw;  // otherwise: its very first append met the error
      }
      log.reset();
      disk->on_access(nullptr);
    }
    log = open(disk);
    failing_ = false;
    recorder_.end_life();
    live_in(*log, "y", [] {});
    last_words(LogClient(*log, recorder_, kClients));
  }
  // A page of garbage may make the log refuse to open; that is the power cuts' own test's business.
  DiskImage image_after(const RecordedDisk& disk, size_t instant) {
    const Recording recording = disk.recording();
    for (;;) {
      PowerCut cut = cut_power(recording, instant, random_);
      if (!cut.garbage) return std::move(cut.image);
    }
  }

  // --- A server.

  void follow(HttpStream& feed, const std::string& stream) {
    try {
      for (uint64_t next = 0;;) {
        const uint64_t since = recorder_.now();
        const auto line = feed.line();
        if (!line) return;
        if (line->empty()) continue;
        const Json event = Json::parse(*line);
        const std::string wrong = difference(stream, event);
        if (!wrong.empty()) complain(wrong);
        seen(stream, since, next++, event["offset"].number(), event["id"].str());
      }
    } catch (const ConnectionLost& lost) {
      if (!failing_) complain(stream + ", followed: " + lost.what());  // otherwise: killed
    } catch (const std::exception& error) {
      complain(stream + ", followed: " + error.what());
    }
  }
  void live_at(ServerProcess& server, const std::string& life,
               const std::function<void()>& meanwhile, const std::function<void()>& after) {
    const Address address = server.address();
    first_words(ServerClient(address, recorder_, kClients), life);
    std::vector<std::jthread> followers;
    for (const std::string& stream : streams()) {
      // It is answered before anything befalls the server.
      auto feed = std::make_shared<HttpStream>(
          address, "/v1/streams/" + stream + "/events?follow=true&from=0",
          Headers{{"Accept", "application/x-ndjson"}});
      followers.emplace_back([&, feed] { follow(*feed, stream); });
    }
    live(
        life,
        [&](int c) { return std::make_unique<ServerClient>(address, recorder_, c, failing_); },
        meanwhile);
    after();
  }
  void run_on_a_server() {
    end = End::kill;
    const TemporaryDirectory directory;
    const uint64_t so_many = random_() % 60;
    failing_ = true;
    {
      ServerProcess server(directory / "data");
      const auto kill = [&] {
        wait_for_operations(so_many);
        server.kill();
      };
      live_at(server, "x", kill, [] {});
    }
    ServerProcess server(directory / "data");
    failing_ = false;
    recorder_.end_life();
    const auto finish = [&] {
      last_words(ServerClient(server.address(), recorder_, kClients));
      server.stop();
    };
    live_at(
        server, "y", [] {}, finish);
  }

  std::mt19937_64 random_;
  Recorder recorder_;
  bool failing_ = false;  // this life may end in a failure, which its clients may be told
  std::mutex mutex_;      // guards wrong_
  std::vector<std::string> wrong_;
};

TEST(Histories, OfConcurrentClientsUnderFaultsAreLinearizable) {
  std::mt19937_64 random(seed("Histories"));
  const uint64_t wanted = number_from("STRANDLINE_HISTORIES", 200);
  uint64_t operations = 0, unknown = 0;
  std::map<End, uint64_t> ends;
  // The first has the seed that was given, so that any one can be replayed alone.
  uint64_t one = number_from("STRANDLINE_SEED", random());
  for (uint64_t i = 0; i < wanted; ++i, one = random()) {
    OneRun history(one);
    const auto wrong = history.run();
    ASSERT_TRUE(wrong.empty()) << testing::PrintToString(wrong) << "\nafter a "
                               << kEndNames[static_cast<int>(history.end)]
                               << "; to replay: STRANDLINE_HISTORIES=1 STRANDLINE_SEED=" << one
                               << " ./dev test 'Histories.*'";
    operations += history.operations;
    unknown += history.unknown;
    ++ends[history.end];
  }
  std::cout << fmt::format("Histories: {} of {} operations, {} of unknown outcome", wanted,
                           operations, unknown);
  for (const auto& [end, count] : ends) {
    std::cout << fmt::format(", {} {}", count, kEndNames[static_cast<int>(end)]);
  }
  std::cout << std::endl;
}

// N at once, all with the same expectation, again and again: one wins, and the others are told what
// it made of the stream.
template <class Make>  // std::unique_ptr<Client>(Recorder&, int number)
void expect_one_winner_each(const Make& make, int racers, uint64_t rounds) {
  Recorder recorder;
  std::atomic<int> waiting = 0;
  std::atomic<uint64_t> round = 0;
  std::vector<std::jthread> threads;
  for (int r = 0; r < racers; ++r) {
    threads.emplace_back([&, r] {
      const auto client = make(recorder, r);
      for (uint64_t mine = 0; mine < rounds; ++mine) {
        // All of them are there before any of them begins.
        if (++waiting == racers * static_cast<int>(mine + 1)) ++round;
        while (round <= mine) std::this_thread::yield();
        client->append("s", {fmt::format("{}:{}", r, mine)}, mine);
        if (client->next("s") != mine + 1) ADD_FAILURE() << client->next("s") << " at " << mine;
      }
      EXPECT_EQ(client->wrong(), std::vector<std::string>{});
    });
  }
  threads.clear();
  const auto history = recorder.histories()["s"];
  std::vector<int> winners(rounds, 0);
  for (const Operation& o : history) {
    if (o.outcome == Operation::Outcome::done) ++winners.at(o.number);
  }
  EXPECT_EQ(winners, std::vector<int>(rounds, 1));
  EXPECT_EQ(history.size(), static_cast<size_t>(racers) * rounds);
}

class HistoriesOfRacers : public LogTest {};

TEST_F(HistoriesOfRacers, WithOneExpectationHaveOneWinner) {
  Log& shared = log();
  expect_one_winner_each(
      [&](Recorder& recorder, int r) { return std::make_unique<LogClient>(shared, recorder, r); },
      16, 50);
}

TEST(HistoriesOfServedRacers, WithOneExpectationHaveOneWinner) {
  const TemporaryDirectory directory;
  ServerProcess server(directory / "data");
  expect_one_winner_each(
      [&](Recorder& recorder, int r) {
        return std::make_unique<ServerClient>(server.address(), recorder, r);
      },
      8, 30);
}

}  // namespace
}  // namespace strandline::tests
