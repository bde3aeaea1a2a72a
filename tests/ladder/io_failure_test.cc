// The k-th operation on the disk fails, for every k and in every way: nothing is acknowledged that
// is not durable, the log seals and says why, reads go on, and on a healthy disk it opens again
// with INV kept, both as the process left it and as a power cut would.
//
// A case is a life (from nothing, or from what a crash left), a kind of operation, a way to fail
// and a k. STRANDLINE_FAULTS says how many cases ("all" of them: 0), STRANDLINE_SEED replays the
// lives, and STRANDLINE_FAULT replays one case.
#include <fmt/ranges.h>
#include <rocksdb/env.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/support/disk/power_cut.h"
#include "tests/support/log/exercise.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

enum class Failure { eio_once, eio_for_good, no_space, half_a_write, pages_dropped };
constexpr const char* kFailures[] = {"EIO once", "EIO for good", "ENOSPC", "half a write",
                                     "pages dropped"};
constexpr Fault kFaults[] = {Fault::eio, Fault::eio, Fault::no_space, Fault::half,
                             Fault::drop_pages};
constexpr uint64_t kFailureCount = 5;

struct Case {
  bool from_crash;  // the log exists, and its owner was killed
  bool reads;       // which operations are counted
  Failure mode;
  uint64_t k;

  // As STRANDLINE_FAULT names it.
  std::string numbers() const {
    return fmt::format("{}:{}:{}:{}", int(from_crash), int(reads), int(mode), k);
  }
  static Case of(const std::string& numbers) {
    unsigned from_crash = 0, reads = 0, mode = 0;
    unsigned long k = 0;
    if (std::sscanf(numbers.c_str(), "%u:%u:%u:%lu", &from_crash, &reads, &mode, &k) != 4 ||
        mode >= kFailureCount) {
      throw std::runtime_error("STRANDLINE_FAULT is like 0:0:1:17, not " + numbers);
    }
    return {from_crash != 0, reads != 0, static_cast<Failure>(mode), k};
  }
  std::string name() const {
    return fmt::format("{}, {} {} fails: {}", from_crash ? "from a crash" : "from nothing",
                       reads ? "read" : "write-side operation", k,
                       kFailures[static_cast<size_t>(mode)]);
  }
};

// What is said if the process aborts in the middle of a case.
// More than there are cores: RocksDB sleeps for a second when a flush fails.
constexpr unsigned kWorkers = 12;
char under_way[kWorkers][64];
uint64_t running_seed;
void say_what_ran(int) {
  const std::string line =
      fmt::format("aborted; STRANDLINE_SEED={}; under way were the STRANDLINE_FAULTs {}\n",
                  running_seed, fmt::join(under_way, " "));
  (void)!write(2, line.data(), line.size());
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

class Faults {
  static constexpr int kLivesCounted = 4;

 public:
  explicit Faults(uint64_t seed) : seed_(seed) {
    auto disk = std::make_shared<RecordedDisk>(DiskImage{}, seed);
    Exercise before(disk, seed + 1, "before");
    if (auto ok = before.open(); !ok) throw std::runtime_error(ok.error().message);
    before.steps(60);
    before.settle();
    crashed_ = disk->recording();
    crashed_image_ = disk->image();
    before.close();
    for (const bool from_crash : {false, true}) {
      for (const bool reads : {false, true}) {
        Case none{.from_crash = from_crash, .reads = reads, .mode = Failure::eio_once, .k = 0};
        // Threads take turns as they like: the shortest of several lives has what all have.
        uint64_t& fewest = counted_[from_crash][reads] = UINT64_MAX;
        for (int life = 0; life < kLivesCounted; ++life) {
          run(none);
          fewest = std::min<uint64_t>(fewest, seen_);
        }
      }
    }
  }

  // Every case there is: for writes each mode, for reads the errors only.
  std::vector<Case> cases() const {
    std::vector<Case> all;
    for (const bool from_crash : {false, true}) {
      for (const bool reads : {false, true}) {
        for (uint64_t k = 1; k <= counted_[from_crash][reads]; ++k) {
          for (uint64_t mode = 0; mode < (reads ? 2 : kFailureCount); ++mode) {
            all.push_back({from_crash, reads, static_cast<Failure>(mode), k});
          }
        }
      }
    }
    return all;
  }

  // What is wrong, or nothing.
  std::string run(const Case& one) {
    auto disk =
        std::make_shared<RecordedDisk>(one.from_crash ? crashed_image_ : DiskImage{}, seed_);
    if (one.from_crash) disk->inherit_notes(crashed_, crashed_.ops.size());
    struct State {
      std::atomic<uint64_t> seen{0};
      std::atomic<bool> fired{false};
      std::atomic<bool> wal{false};  // what failed was a write or sync of a WAL
      std::string path;              // written before `fired` is
    } state;
    disk->on_access([&](const Access& access) {
      if (access.reads() != one.reads) return Fault::none;
      ++state.seen;
      const bool fails = state.seen == one.k || (one.mode == Failure::eio_for_good && state.fired);
      if (!fails) return Fault::none;
      if (!state.fired) state.path = access.path;
      state.fired = true;
      if (access.writes_wal()) state.wal = true;
      return kFaults[static_cast<size_t>(one.mode)];
    });
    std::string wrong;
    const auto check = [&](bool holds, const std::string& what) {
      if (!holds && wrong.empty())
        wrong = fmt::format("{} ({}): {}", one.name(), state.fired ? state.path : "", what);
    };
    const auto join = [](const std::vector<std::string>& found) {
      std::string all;
      for (const std::string& line : found) all += "\n  " + line;
      return all;
    };
    {
      Exercise life(disk, seed_ + 2, "during");
      const Status opened = life.open();
      if (!opened) {
        check(state.fired, "refused on a healthy disk: " + opened.error().message);
        check(opened.error().message.find("/disk") != std::string::npos || state.path == "/",
              "a refusal that names no file: " + opened.error().message);
        ++refused;
      } else {
        life.steps(40);
        life.settle();
        const auto why = life.log().sealed();
        if (why) ++sealed;
        check(!state.wal || why, "a write of the WAL failed, and the log is not sealed");
        check(!why || state.fired, "sealed on a healthy disk: " + why.value_or(""));
        check(!why || why->find("this disk was told to") != std::string::npos,
              "the seal does not say why: " + why.value_or(""));
        if (why) {
          const uint64_t before = life.log().durable_next().value;
          life.steps(5);
          life.settle();
          check(life.log().durable_next().value == before, "the tail moved after the seal");
          const auto refused = life.log().append(
              Append{.stream = "s0", .batch = batch("s0", std::vector<std::string>{"after"})});
          check(!refused && refused.error().code == Code::sealed, "an append after the seal");
        }
        if (!one.reads) {
          const auto recording = disk->recording();
          const auto found =
              Account(recording, recording.ops.size()).violations(stored_in(life.log()));
          check(found.empty(), "while it is sealed:" + join(found));
        }
      }
      seen_ = state.seen.load();
      // It is closed on the disk that fails, as it would be.
      life.close();
    }
    disk->on_access(nullptr);
    if (one.k != 0 && !state.fired) {
      ++idle;
      return wrong;
    }
    const Recording recording = disk->recording();
    const Account account(recording, recording.ops.size());
    sent_too_late += account.sent_too_late();
    std::mt19937_64 random(seed_ + one.k);
    const PowerCut cut = cut_power(recording, recording.ops.size(), random);
    for (const bool power : {false, true}) {
      if (power && cut.garbage) continue;
      const std::string when = power ? "after a power cut" : "on a healthy disk";
      auto left = std::make_shared<RecordedDisk>(power ? cut.image : disk->image(), seed_);
      left->inherit_notes(recording, recording.ops.size());
      Exercise life(left, seed_ + 3, power ? "cut" : "healthy");
      if (const Status opened = life.open(); !opened) {
        const std::string& why = opened.error().message;
        check(power && cut.excuses(why), fmt::format("{}: refused: {}\n{}", when, why, cut.story));
        continue;
      }
      const auto found = account.violations(stored_in(life.log()));
      check(found.empty(), when + ":" + join(found));
      check(!life.log().sealed(), when + ": sealed");
      life.send_again(account.produced());
      life.steps(3);
      life.settle();
      check(!life.log().sealed(), when + ": sealed by an append");
      const Recording again = left->recording();
      const auto then = Account(again, again.ops.size()).violations(stored_in(life.log()));
      check(then.empty(), when + ", all sent again:" + join(then));
    }
    return wrong;
  }

  // Cases in which the log sealed, refused to open, or came to its end before the k-th operation;
  // and appends that were sent after the WAL had failed.
  std::atomic<uint64_t> sealed{0}, refused{0}, idle{0}, sent_too_late{0};

 private:
  const uint64_t seed_;
  Recording crashed_;
  DiskImage crashed_image_;
  std::atomic<uint64_t> seen_{0};  // by the last run
  uint64_t counted_[2][2] = {};    // by from_crash and reads
};

TEST(IoFailure, TheKthOperationFailsAndNothingAcknowledgedIsLost) {
  const uint64_t chosen = seed("IoFailure");
  running_seed = chosen;
  const auto begun = std::chrono::steady_clock::now();
  Faults faults(chosen);
  const std::vector<Case> all = faults.cases();
  // All logs of the process share them, and one whose flush has failed holds a thread for a second.
  for (const auto pool : {rocksdb::Env::LOW, rocksdb::Env::HIGH}) {
    rocksdb::Env::Default()->SetBackgroundThreads(2 * kWorkers, pool);
  }
  const uint64_t asked = number_from("STRANDLINE_FAULTS", 1'000);
  std::vector<Case> chosen_cases;
  if (const char* only = std::getenv("STRANDLINE_FAULT")) {
    chosen_cases = {Case::of(only)};
  } else {
    // Spread over all of them, beginning anywhere.
    const uint64_t wanted = asked == 0 ? all.size() : std::min<uint64_t>(asked, all.size());
    for (uint64_t i = 0; i < wanted; ++i) {
      chosen_cases.push_back(all[(chosen + i * all.size() / wanted) % all.size()]);
    }
  }
  std::atomic<uint64_t> next{0}, done{0};
  std::mutex mutex;  // guards failures
  std::vector<std::string> failures;
  const auto before = std::signal(SIGABRT, say_what_ran);
  const auto work = [&](unsigned worker) {
    for (uint64_t i = next++; i < chosen_cases.size(); i = next++) {
      const Case& one = chosen_cases[i];
      one.numbers().copy(under_way[worker], sizeof under_way[worker] - 1);
      std::string wrong;
      try {
        wrong = faults.run(one);
      } catch (const std::exception& error) {
        wrong = one.name() + ": " + error.what();
      }
      ++done;
      const std::lock_guard lock(mutex);
      if (!wrong.empty()) {
        failures.push_back(fmt::format(
            "{}\n  to replay: STRANDLINE_SEED={} STRANDLINE_FAULT={} ./dev test 'IoFailure.*'",
            wrong, chosen, one.numbers()));
      }
      if (failures.size() >= 5) return;
    }
  };
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < kWorkers; ++i) workers.emplace_back(work, i);
  }
  std::signal(SIGABRT, before);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  std::cout << fmt::format(
                   "IoFailure: {} of {} cases, {} sealed, {} refused to open, {} ended before the "
                   "fault, {} appends sent after the WAL had failed, {} ms",
                   done.load(), all.size(), faults.sealed.load(), faults.refused.load(),
                   faults.idle.load(), faults.sent_too_late.load(), took.count())
            << std::endl;
  for (const std::string& failure : failures) ADD_FAILURE() << failure;
  if (chosen_cases.size() < 50) return;
  // A life may still have fewer operations than those in which they were counted: on a busy machine
  // more appends meet in one commit group.
  EXPECT_LE(faults.idle, done / 5 + 3) << "cases in which nothing failed";
  EXPECT_GT(faults.sealed, 0u);
  EXPECT_GT(faults.refused, 0u);
  EXPECT_GT(faults.sent_too_late, 0u);
}

}  // namespace
}  // namespace strandline::tests
