// Retention against a plain map: after each look, and after the disk got its bytes back, each
// stream has exactly what its policy, its holds and its consumers leave it.
#include <map>
#include <random>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class RetentionModel : public LogTest {
 protected:
  struct Known {
    uint64_t start = 0;
    std::vector<int64_t> stored_us;  // of each event, ever
    uint64_t tail() const { return stored_us.size(); }
  };

  RetentionModel() { options.clock = clock_; }

  uint64_t pick(uint64_t n) { return random_() % n; }
  void put(const std::string& name, uint32_t count) {
    append(name, count);
    for (uint32_t i = 0; i < count; ++i) known_[name].stored_us.push_back(clock_->now().us);
  }
  // What the policies leave of a stream: the limits of its own first letter, if it has some.
  void expect_cut(const std::string& name) {
    Known& known = known_[name];
    if (held_ == name) return;
    uint64_t cut = known.start;
    if (const auto most = events_max_.find(name[0]); most != events_max_.end()) {
      cut = std::max(cut, known.tail() - std::min(known.tail(), most->second));
    }
    if (const auto most = age_max_s_.find(name[0]); most != age_max_s_.end()) {
      const int64_t end_us = clock_->now().us - static_cast<int64_t>(most->second) * 1'000'000;
      while (cut < known.tail() && known.stored_us[cut] < end_us) ++cut;
    }
    known.start = cut;
  }
  void compare() {
    for (const auto& [name, known] : known_) {
      const StreamInfo info = describe(name);
      ASSERT_EQ(info.start.value, known.start) << name;
      ASSERT_EQ(info.tail.value, known.tail()) << name;
      expect_stream(name, known.start, known.tail());
    }
    const Transcript all = read_all(log(), {});
    uint64_t kept = 0;
    for (const auto& [name, known] : known_) kept += known.tail() - known.start;
    EXPECT_EQ(all.events.size(), kept);
    for (const SeenGap& gap : all.gaps) EXPECT_NE(gap.gap.reason, GapReason::damaged);
  }
  void step() {
    clock_->advance_us(static_cast<int64_t>(pick(5'000'000)));
    const std::string name =
        std::string(1, static_cast<char>('a' + pick(3))) + std::to_string(pick(3));
    switch (pick(12)) {
      case 0: {
        const uint64_t most = 1 + pick(20);
        events_max_[name[0]] = most;
        ASSERT_TRUE(log().change_policy(name.substr(0, 1), {{PolicyField::events_max, most}}));
        return;
      }
      case 1: {
        const uint64_t most = 1 + pick(60);
        age_max_s_[name[0]] = most;
        ASSERT_TRUE(log().change_policy(name.substr(0, 1), {{PolicyField::age_max_s, most}}));
        return;
      }
      case 2:
        events_max_.erase(name[0]);
        ASSERT_TRUE(
            log().change_policy(name.substr(0, 1), {{PolicyField::events_max, std::nullopt}}));
        return;
      case 3:
        if (held_.empty()) {
          ASSERT_TRUE(log().hold({.name = "h", .scope = {.name = name}, .reason = "r"}));
          held_ = name;
        } else {
          ASSERT_TRUE(log().release_hold("h"));
          held_.clear();
        }
        return;
      case 4:
        (void)log().roll();
        return;
      case 5:
        reopen();
        return compare();
      case 6:
      case 7: {
        const auto done = log().retain_now();
        ASSERT_TRUE(done) << done.error().message;
        for (auto& [stream, known] : known_) expect_cut(stream);
        return compare();
      }
      case 8:
        (void)log().reclaim_now();
        return compare();
      default:
        put(name, 1 + static_cast<uint32_t>(pick(8)));
    }
  }

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
  std::mt19937_64 random_{seed("RetentionModel")};
  std::map<std::string, Known> known_;
  std::map<char, uint64_t> events_max_, age_max_s_;
  std::string held_;
};

TEST_F(RetentionModel, EachStreamHasWhatIsLeftToIt) {
  const uint64_t steps = number_from("STRANDLINE_STEPS", 400);
  for (uint64_t i = 0; i < steps && !HasFatalFailure(); ++i) step();
  compare();
  const auto found = log().verify();
  EXPECT_TRUE(found.findings.empty()) << found.findings.front().what;
}

}  // namespace
}  // namespace strandline::tests
