// The power goes, at any instant, and the disk keeps what it likes of what was not fsynced: the log
// opens, and keeps INV; and again after a second cut, while it recovered from the first.
//
// A log is exercised on a disk that records (exercise.h), and each state is one that the recording
// allows (power_cut.h). STRANDLINE_STATES says how many, STRANDLINE_SEED replays the choices. A run
// that fails leaves the recording of its state in a file and prints the command that replays that
// very state.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "tests/support/disk/power_cut.h"
#include "tests/support/log/exercise.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kStatesPerRecording = 100;

Recording record_a_life(uint64_t seed) {
  std::mt19937_64 random(seed);
  auto disk = std::make_shared<RecordedDisk>(DiskImage{}, seed);
  Exercise exercise(disk, random(), "a");
  for (uint64_t lives = 1 + random() % 3; lives > 0; --lives) {
    if (const Status opened = exercise.open(); !opened) {
      throw std::runtime_error("a life that cannot begin: " + opened.error().message);
    }
    exercise.steps(static_cast<int>(10 + random() % 60));
    if (random() % 2 == 0) exercise.settle();
    exercise.close();
  }
  return disk->recording();
}

// Any, and more often soon after names have changed: files begin and end there.
size_t an_instant(const Recording& recording, size_t first, std::mt19937_64& random) {
  const size_t instant = first + random() % (recording.ops.size() + 1 - first);
  if (random() % 2 == 0) return instant;
  for (size_t i = instant; i < recording.ops.size(); ++i) {
    if (recording.ops[i].kind == DiskOp::Kind::create) {
      return std::min(i + 1 + random() % 12, recording.ops.size());
    }
  }
  return instant;
}

// Without what differs from one refusal to the next.
std::string kind_of(std::string message) {
  std::string kind;
  for (const char c : message) {
    if (c >= '0' && c <= '9') {
      if (kind.empty() || kind.back() != '#') kind += '#';
    } else {
      kind += c;
    }
  }
  return kind;
}

class Cuts {
 public:
  // Cuts the power somewhere in a recording, opens what is left, looks, goes on, and cuts again.
  // False if INV is broken.
  bool run(const Recording& recording, uint64_t seed, int depth) {
    std::mt19937_64 random(seed);
    // The notes that it begins with are those of the lives before it.
    const size_t first = recording.inherited();
    const size_t instant = an_instant(recording, first, random);
    PowerCut cut = cut_power(recording, instant, random);
    auto disk = std::make_shared<RecordedDisk>(cut.image, seed);
    disk->inherit_notes(recording, instant);
    const Account account(recording, instant);
    ++states;
    Exercise life(disk, random(), depth == 0 ? "b" : "c");
    const auto complain = [&](const std::string& what, const std::vector<std::string>& found) {
      const std::lock_guard lock(mutex);
      if (!broken.empty()) return false;
      const fs::path file = fs::temp_directory_path() / fmt::format("strandline-{}.cut", seed);
      recording.save(file);
      cut.image.write_to(file.string() + ".image");
      broken = fmt::format(
          "{}\n{}\nat instant {} of {}:\n{}to replay this state: STRANDLINE_RECORDING={} "
          "STRANDLINE_STATE={} ./dev test 'PowerLoss.*' (its files are in {}.image)",
          what, testing::PrintToString(found), instant, recording.ops.size(), cut.story,
          file.string(), seed, file.string());
      for (size_t i = instant > 12 ? instant - 12 : 0; i < instant; ++i) {
        broken += "\n  " + describe(recording.ops[i]);
      }
      return false;
    };
    if (const Status opened = life.open(); !opened) {
      refuse(opened.error(), cut);
      if (!cut.excuses(opened.error().message)) {
        return complain("refused: " + opened.error().message, {});
      }
      return true;
    }
    ++opened;
    acknowledged += account.acknowledged_events();
    const Stored stored = stored_in(life.log());
    if (const auto found = account.violations(stored); !found.empty()) {
      return complain("after the power cut", found);
    }
    life.note_shown(stored);
    // Every producer sends all it ever sent again: what was lost is there then, and nothing twice.
    if (random() % 2 == 0) life.send_again(account.produced());
    life.steps(static_cast<int>(random() % 6));
    life.close();
    if (const Status again = life.open(); !again) {
      return complain("refused the second time: " + again.error().message, {});
    }
    const Recording after = disk->recording();
    const Account whole(after, after.ops.size());
    if (const auto found = whole.violations(stored_in(life.log())); !found.empty()) {
      return complain("opened a second time", found);
    }
    life.close();
    return depth > 0 || run(after, random(), depth + 1);
  }

  void refuse(const Error& error, const PowerCut& cut) {
    const std::lock_guard lock(mutex);
    ++refusals[(cut.garbage ? "garbage: " : "") + kind_of(error.message)];
  }

  std::atomic<uint64_t> states{0}, opened{0}, acknowledged{0};
  std::mutex mutex;  // guards what follows
  std::string broken;
  std::map<std::string, uint64_t> refusals;
};

TEST(PowerLoss, EveryStateThatACutMayLeaveKeepsTheInvariant) {
  Cuts cuts;
  const auto begun = std::chrono::steady_clock::now();
  if (const char* file = std::getenv("STRANDLINE_RECORDING")) {
    cuts.run(Recording::load(file), number_from("STRANDLINE_STATE", 0), 1);
    ASSERT_TRUE(cuts.broken.empty()) << cuts.broken;
    return;
  }
  const uint64_t chosen = seed("PowerLoss");
  const uint64_t wanted = number_from("STRANDLINE_STATES", 2'000);
  std::atomic<uint64_t> recordings{0}, operations{0};
  const auto work = [&] {
    while (cuts.states < wanted) {
      {
        const std::lock_guard lock(cuts.mutex);
        if (!cuts.broken.empty()) return;
      }
      std::mt19937_64 random(chosen + 0x9E3779B97F4A7C15ull * ++recordings);
      const Recording recording = record_a_life(random());
      operations += recording.ops.size();
      for (uint64_t i = 0; i < kStatesPerRecording / 2 && cuts.states < wanted; ++i) {
        const uint64_t state = random();
        try {
          if (!cuts.run(recording, state, 0)) return;
        } catch (const std::exception& error) {
          const std::lock_guard lock(cuts.mutex);
          cuts.broken = fmt::format("state {}: {}", state, error.what());
          return;
        }
      }
    }
  };
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < 2 * std::max(2u, std::thread::hardware_concurrency()); ++i) {
    workers.emplace_back(work);
  }
  workers.clear();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  std::cout << fmt::format(
                   "PowerLoss: {} states of {} recordings ({} operations), {} opened, {} refused, "
                   "{} ms",
                   cuts.states.load(), recordings.load(), operations.load(), cuts.opened.load(),
                   cuts.states - cuts.opened, took.count())
            << std::endl;
  for (const auto& [kind, count] : cuts.refusals) {
    std::cout << "PowerLoss: " << count << " refused: " << kind << std::endl;
  }
  ASSERT_TRUE(cuts.broken.empty()) << cuts.broken;
  // One to three states in a thousand are refused.
  EXPECT_GE(cuts.opened + 1, cuts.states * 95 / 100);
  EXPECT_GT(cuts.acknowledged, 0u);
}

}  // namespace
}  // namespace strandline::tests
