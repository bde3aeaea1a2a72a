// Damage at rest, at random: whatever happens to one file of a log, it is refused, or opened and
// reported with its place; wrong bytes are never delivered, and what is whole is still readable.
//
// STRANDLINE_DAMAGE_CASES=N makes it longer; STRANDLINE_SEED replays all, and
// STRANDLINE_DAMAGE_CASE=K with it the K-th alone, told in full.
#include <random>

#include "tests/support/decay.h"
#include "tests/support/log_test.h"
#include "tests/support/specimen.h"
#include "tests/support/verdict.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class DamageAtRest : public ::testing::Test {
 protected:
  struct Tally {
    uint64_t cases = 0, refused = 0, harmless = 0, reported = 0, short_within_mark = 0;
    uint64_t accepted = 0;
  };

  void run_case(uint64_t seed, uint64_t number, bool tell);
  // Opened without a flag: says what is wrong with what it shows.
  std::vector<std::string> opened(Log& log, const Specimen& specimen, const Decay& decay);
  std::vector<std::string> refused(const Error& error, const fs::path& copy,
                                   const Specimen& specimen, const Decay& decay);

  const TemporaryDirectory directory_{"/dev/shm"};
  const std::vector<Specimen> specimens_ = make_specimens(directory_ / "specimens");
  std::map<std::string, Tally> tallies_;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "  " + line + "\n";
  return text;
}

void DamageAtRest::run_case(uint64_t seed, uint64_t number, bool tell) {
  std::mt19937_64 random(seed * 1'000'003 + number);
  const Specimen& specimen = specimens_[random() % specimens_.size()];
  const fs::path copy = directory_ / "copy", second = directory_ / "second";
  std::optional<Decay> done;
  while (!done) {
    done = decay(specimen.directory, specimen.earlier, copy, random);
  }
  Tally& tally = tallies_[name_of(done->file)];
  ++tally.cases;
  copy_live(copy, second);
  std::vector<std::string> wrong;
  std::string outcome;
  {
    auto log = Log::open(copy, specimen_options());
    if (log) {
      wrong = opened(**log, specimen, *done);
      outcome = "opened";
    } else {
      ++tally.refused;
      outcome = std::string("refused: ") + name_of(log.error().code) + ": " + log.error().message;
      wrong = refused(log.error(), second, specimen, *done);
    }
  }
  if (tell || !wrong.empty()) {
    std::cout << "case " << number << ": " << specimen.name << ", " << done->told() << "\n  "
              << outcome << "\n"
              << joined(wrong);
  }
  EXPECT_TRUE(wrong.empty()) << "case " << number << ", " << specimen.name << ": " << done->told();
  fs::remove_all(copy);
  fs::remove_all(second);
}

std::vector<std::string> DamageAtRest::opened(Log& log, const Specimen& specimen,
                                              const Decay& decay) {
  Tally& tally = tallies_[name_of(decay.file)];
  const Verdict verdict = judge(log, specimen.truth);
  std::vector<std::string> wrong = verdict.wrong;
  if (!verdict.gone.empty()) wrong.push_back("streams are gone: " + verdict.gone[0]);
  // The head mark counts events: a commit of positions at the WAL's very end is not missed by it.
  if (verdict.short_by == 0 && decay.file == Decay::File::wal) {
  } else if (verdict.short_by == 0) {
    for (const std::string& one : verdict.positions) wrong.push_back("a position is lost: " + one);
  } else if (specimen.truth.next - verdict.short_by < specimen.truth.mark) {
    wrong.push_back("silently shorter than the head mark");
  } else {
    ++tally.short_within_mark;
    if (decay.file != Decay::File::wal) wrong.push_back("shorter, and the WAL is whole");
  }
  if (verdict.findings > 0) {
    ++tally.reported;
    if (decay.kind == Decay::Kind::one_bit && verdict.lost_batches > 1) {
      wrong.push_back("one bit costs " + std::to_string(verdict.lost_batches) + " batches");
      wrong.insert(wrong.end(), verdict.details.begin(), verdict.details.end());
    }
  } else {
    ++tally.harmless;
  }
  const auto next = log.describe("orders")->tail;
  if (auto more = log.append(Append{.stream = "orders", .batch = batch("orders", next, 2)});
      !more) {
    wrong.push_back("an append is refused: " + more.error().message);
  }
  return wrong;
}

std::vector<std::string> DamageAtRest::refused(const Error& error, const fs::path& copy,
                                               const Specimen& specimen, const Decay& decay) {
  std::vector<std::string> wrong;
  const auto names = [&](const std::string& name) {
    return error.message.find(name) != std::string::npos;
  };
  // A MANIFEST cut short at a whole record asks for a WAL that is gone: that is what can be named.
  const bool asks = decay.file == Decay::File::manifest && names("Missing WAL");
  if (!asks && !names(decay.name) && (decay.other.empty() || !names(decay.other))) {
    wrong.push_back("the refusal does not name the file");
  }
  if (decay.touches("FORMAT") || decay.touches("OPTIONS")) return wrong;  // not recognized as a log
  Options options = specimen_options();
  options.accept_loss = true;
  auto log = Log::open(copy, options);
  if (!log) {
    // Which tables are the log's is what the MANIFEST says, and CURRENT says which that is.
    const std::string& message = log.error().message;
    const bool lists = decay.touches("MANIFEST") || decay.touches("CURRENT");
    const bool named = message.find("MANIFEST") != std::string::npos ||
                       message.find("CURRENT") != std::string::npos;
    if (!lists || !named) {
      wrong.push_back("it cannot be opened with accept_loss either: " + message);
    }
    return wrong;
  }
  ++tallies_[name_of(decay.file)].accepted;
  const Verdict verdict = judge(**log, specimen.truth);
  const bool below_mark = specimen.truth.next - verdict.short_by < specimen.truth.mark;
  if ((below_mark || verdict.lost_events > 0) && (*log)->recovery().loss.empty()) {
    wrong.push_back("accept_loss reports no loss");
  }
  wrong.insert(wrong.end(), verdict.wrong.begin(), verdict.wrong.end());
  return wrong;
}

TEST_F(DamageAtRest, IsRefusedOrReportedAndWrongBytesAreNeverDelivered) {
  const uint64_t chosen = seed("DamageAtRest");
  const uint64_t one = number_from("STRANDLINE_DAMAGE_CASE", UINT64_MAX);
  if (one != UINT64_MAX) return run_case(chosen, one, true);
  const uint64_t cases = number_from("STRANDLINE_DAMAGE_CASES", 500);
  for (uint64_t i = 0; i < cases; ++i) run_case(chosen, i, false);
  for (const auto& [file, tally] : tallies_) {
    std::cout << file << ": " << tally.cases << " cases, " << tally.refused << " refused ("
              << tally.accepted << " opened with accept_loss), " << tally.reported << " reported, "
              << tally.harmless << " without effect, " << tally.short_within_mark
              << " short within the head mark\n";
  }
}

}  // namespace
}  // namespace strandline::tests
