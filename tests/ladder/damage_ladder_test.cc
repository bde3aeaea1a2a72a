// Damage at rest, at random: whatever happens to one file of a log, it is refused, or opened and
// reported with its place; wrong bytes are never delivered, and what is whole is still readable.
//
// STRANDLINE_DAMAGE_CASES=N makes it longer; STRANDLINE_SEED replays all, and
// STRANDLINE_DAMAGE_CASE=K with it the K-th alone, told in full.
#include <atomic>
#include <functional>
#include <mutex>
#include <random>
#include <regex>
#include <thread>

#include "tests/support/disk/decay.h"
#include "tests/support/log/log_test.h"
#include "tests/support/log/specimen.h"
#include "tests/support/log/verdict.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class DamageAtRest : public ::testing::Test {
 protected:
  struct Tally {
    uint64_t cases = 0, refused = 0, harmless = 0, reported = 0, short_within_mark = 0;
    uint64_t accepted = 0, batches_lost_most = 0;
  };

  // In a folder of its own, so that several can be under way.
  void run_case(uint64_t seed, uint64_t number, const fs::path& folder, bool tell);
  // Opened without a flag: says what is wrong with what it shows.
  std::vector<std::string> opened(Log& log, const Specimen& specimen, const Decay& decay);
  std::vector<std::string> refused(const Error& error, const fs::path& copy,
                                   const Specimen& specimen, const Decay& decay);
  // What holds of every log that opens, with the flag or without.
  std::vector<std::string> bounded(const Verdict& verdict, const Specimen& specimen,
                                   const Decay& decay, bool whole);
  void count(const Decay& decay, const std::function<void(Tally&)>& add) {
    std::lock_guard lock(mutex_);
    add(tallies_[name_of(decay.file)]);
  }

  const TemporaryDirectory directory_{"/dev/shm"};
  const std::vector<Specimen> specimens_ = make_specimens(directory_ / "specimens");
  std::mutex mutex_;  // guards all below, and what is printed
  std::map<std::string, Tally> tallies_;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "  " + line + "\n";
  return text;
}

void DamageAtRest::run_case(uint64_t seed, uint64_t number, const fs::path& folder, bool tell) {
  std::mt19937_64 random(seed * 1'000'003 + number);
  const Specimen& specimen = specimens_[random() % specimens_.size()];
  const fs::path copy = folder / "copy", second = folder / "second";
  std::optional<Decay> done;
  while (!done) {
    done = decay(specimen.directory, specimen.earlier, copy, random);
  }
  count(*done, [](Tally& tally) { ++tally.cases; });
  copy_live(copy, second);
  std::vector<std::string> wrong;
  std::string outcome;
  {
    auto log = Log::open(copy, specimen_options());
    if (log) {
      wrong = opened(**log, specimen, *done);
      outcome = "opened";
    } else {
      count(*done, [](Tally& tally) { ++tally.refused; });
      outcome = std::string("refused: ") + name_of(log.error().code) + ": " + log.error().message;
      wrong = refused(log.error(), second, specimen, *done);
    }
  }
  if (tell || !wrong.empty()) {
    std::lock_guard lock(mutex_);
    std::cout << "case " << number << ": " << specimen.name << ", " << done->told() << "\n  "
              << outcome << "\n"
              << joined(wrong);
    EXPECT_TRUE(wrong.empty()) << "case " << number << ", " << specimen.name << ": "
                               << done->told();
  }
  fs::remove_all(copy);
  fs::remove_all(second);
}

std::vector<std::string> DamageAtRest::opened(Log& log, const Specimen& specimen,
                                              const Decay& decay) {
  const Verdict verdict = judge(log, specimen.truth);
  std::vector<std::string> wrong = bounded(verdict, specimen, decay, !decay.holds_events());
  for (const std::string& detail : verdict.details) {
    if (decay.is_named_in(detail)) continue;
    wrong.push_back("a gap does not name the file: " + detail);
    break;
  }
  if (!verdict.gone.empty()) wrong.push_back("streams are gone: " + verdict.gone[0]);
  if (!verdict.came_back.empty()) wrong.push_back("it came back: " + verdict.came_back[0]);
  for (const Truth::Position& one : verdict.positions) {
    if (decay.holds_events() && specimen.truth.late.contains(one)) continue;
    wrong.push_back("a position is lost: " + one.first + " in " + one.second);
  }
  if (verdict.short_by > 0) {
    if (specimen.truth.next - verdict.short_by < specimen.truth.mark) {
      wrong.push_back("silently shorter than the head mark");
    }
    if (!decay.touches_wal()) wrong.push_back("shorter, and the WAL is whole");
  }
  count(decay, [&](Tally& tally) {
    tally.short_within_mark += verdict.short_by > 0;
    ++(verdict.findings > 0 ? tally.reported : tally.harmless);
  });
  const auto next = log.describe("orders")->tail;
  if (auto more = log.append(Append{.stream = "orders", .batch = batch("orders", next, 2)});
      !more) {
    wrong.push_back("an append is refused: " + more.error().message);
  }
  return wrong;
}

// `whole`: nothing is damaged that holds events or tells where they are.
std::vector<std::string> DamageAtRest::bounded(const Verdict& verdict, const Specimen& specimen,
                                               const Decay& decay, bool whole) {
  std::vector<std::string> wrong = verdict.wrong;
  const auto costs_at_most = [&](uint64_t batches) {
    if (verdict.lost_batches <= batches) return;
    wrong.push_back("it costs " + std::to_string(verdict.lost_batches) + " batches");
    wrong.insert(wrong.end(), verdict.details.begin(), verdict.details.end());
  };
  if (whole) costs_at_most(0);
  // A bit costs at most the block that it is in; no batch in a specimen takes less of one.
  constexpr uint64_t kBlockBytes = 16 << 10, kBatchBytesMin = 150;
  constexpr uint64_t kBlockBatches = kBlockBytes / kBatchBytesMin + 1;
  if (decay.bits > 0) costs_at_most(decay.bits * kBlockBatches);
  // Where both lists are damaged nobody knows which tables there were.
  const bool unlisted = decay.is_of_both_lists();
  for (const auto& [sequence, event] : specimen.truth.order) {
    const auto tables = specimen.tables.find(sequence);
    const bool damaged = tables == specimen.tables.end()
                             ? decay.touches_wal()
                             : std::ranges::all_of(tables->second, [&](const std::string& table) {
                                 return decay.touches(table);
                               });
    if (damaged || unlisted || verdict.read.contains(sequence)) continue;
    wrong.push_back(event.first + " at " + std::to_string(event.second) +
                    " is not in what is damaged, and is not read");
    break;
  }
  if (whole && verdict.lost_in_order > 0) wrong.push_back("the order has gaps");
  if (whole && verdict.short_by > 0) wrong.push_back("the order is shorter");
  if (whole && !verdict.gone.empty()) wrong.push_back("streams are gone: " + verdict.gone[0]);
  if (whole && !verdict.came_back.empty()) {
    wrong.push_back("it came back: " + verdict.came_back[0]);
  }
  if (whole && !verdict.positions.empty()) {
    wrong.push_back("a position is lost, of " + verdict.positions[0].first);
  }
  if (decay.is_of_a_page()) {
    // No block in a specimen is smaller than this, compressed.
    constexpr uint64_t kPageBytes = 4096, kCompressedBytesMin = 1024;
    costs_at_most((kPageBytes / kCompressedBytesMin + 2) * kBlockBatches);
    count(decay, [&](Tally& tally) {
      tally.batches_lost_most = std::max(tally.batches_lost_most, verdict.lost_batches);
    });
  }
  return wrong;
}

// A FORMAT that reads as another version's may be just that.
bool is_of_another_version(const fs::path& directory) {
  static const std::regex kLine("strandline [0-9]+\n");
  return fs::exists(directory / "FORMAT") &&
         std::regex_match(read_file(directory / "FORMAT"), kLine) &&
         read_file(directory / "FORMAT") != "strandline " + std::to_string(kFormatVersion) + "\n";
}

std::vector<std::string> DamageAtRest::refused(const Error& error, const fs::path& copy,
                                               const Specimen& specimen, const Decay& decay) {
  std::vector<std::string> wrong;
  if (!decay.is_named_in(error.message)) wrong.push_back("the refusal does not name the file");
  Options options = specimen_options();
  options.accept_loss = true;
  const bool foreign = is_of_another_version(copy);
  // Where a page of a MANIFEST and one of its copy changed places, both may be damaged in one
  // place.
  static const std::regex kTwice("and (so is its copy|its copy leads no further)");
  const bool twice = decay.is_of_both_lists() && std::regex_search(error.message, kTwice);
  auto log = Log::open(copy, options);
  if (!log) {
    if (!foreign && !twice) {
      wrong.push_back("it cannot be opened with accept_loss either: " + log.error().message);
    }
    return wrong;
  }
  if (foreign) wrong.push_back("another version's log was opened");
  count(decay, [](Tally& tally) { ++tally.accepted; });
  const Verdict verdict = judge(**log, specimen.truth);
  if (!decay.is_named_in((*log)->recovery().loss)) {
    wrong.push_back("the loss report does not name the file: " + (*log)->recovery().loss);
  }
  const auto more = bounded(verdict, specimen, decay, !decay.holds_events() && !twice);
  wrong.insert(wrong.end(), more.begin(), more.end());
  // What was accepted is over: the log opens again, and loses nothing more.
  log->reset();
  auto again = Log::open(copy, specimen_options());
  if (!again) {
    wrong.push_back("it does not open again: " + again.error().message);
  } else if (const Verdict later = judge(**again, specimen.truth);
             later.lost_events != verdict.lost_events || later.short_by != verdict.short_by) {
    wrong.push_back("it loses more when it is opened again");
  }
  return wrong;
}

TEST_F(DamageAtRest, IsRefusedOrReportedAndWrongBytesAreNeverDelivered) {
  const uint64_t chosen = seed("DamageAtRest");
  const uint64_t one = number_from("STRANDLINE_DAMAGE_CASE", UINT64_MAX);
  if (one != UINT64_MAX) return run_case(chosen, one, directory_ / "one", true);
  const uint64_t cases = number_from("STRANDLINE_DAMAGE_CASES", 500);
  std::atomic<uint64_t> next{0};
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(2u, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back([&, folder = directory_ / std::to_string(i)] {
      for (uint64_t number; (number = next++) < cases;) run_case(chosen, number, folder, false);
    });
  }
  threads.clear();
  for (const auto& [file, tally] : tallies_) {
    std::cout << file << ": " << tally.cases << " cases, " << tally.refused << " refused ("
              << tally.accepted << " opened with accept_loss), " << tally.reported << " reported, "
              << tally.harmless << " without effect, " << tally.short_within_mark
              << " short within the head mark, a page cost " << tally.batches_lost_most
              << " batches at most\n";
  }
}

}  // namespace
}  // namespace strandline::tests
