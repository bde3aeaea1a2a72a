// A disk that is really full: a small file system of its own, filled by appends and by somebody
// else's file, freed, and filled again. STRANDLINE_DISK_FULL_ROUNDS=N makes it longer.
//
// The reserve keeps the log itself from filling the disk; somebody else's file takes the last byte
// all the same, and then RocksDB's own writes are refused by the operating system.
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>

#include "tests/support/log/invariant.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

// Mounts a tmpfs for as long as it lives.
class SmallDisk {
 public:
  SmallDisk(fs::path at, const std::string& size) : at_(std::move(at)) {
    fs::create_directories(at_);
    if (mount("tmpfs", at_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0) {
      refused_ = std::strerror(errno);
    }
  }
  ~SmallDisk() {
    if (refused_.empty()) umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& refused() const { return refused_; }  // why it is not mounted
  uint64_t free_bytes() const {
    struct statvfs space = {};
    statvfs(at_.c_str(), &space);
    return uint64_t{space.f_bavail} * space.f_bsize;
  }
  // Somebody else's file, which leaves this much.
  void fill(uint64_t left) {
    const uint64_t free = free_bytes();
    if (free <= left) return;
    std::ofstream(at_ / "foreign", std::ios::app) << std::string(free - left, 'x');
  }
  // Of that file.
  void give_back(uint64_t bytes) {
    fs::resize_file(at_ / "foreign", fs::file_size(at_ / "foreign") - bytes);
  }
  void clear() { fs::remove(at_ / "foreign"); }

 private:
  fs::path at_;
  std::string refused_;
};

class DiskFull : public LogTest {
 protected:
  static constexpr uint64_t kReserve = 8 << 20;

  DiskFull() : disk(directory() / "small", "64m") {
    options.disk_reserve_bytes = kReserve;
    options.segment_bytes_max = 4 << 20;
    options.limits.commit_group_bytes_max = 256 << 10;
  }
  void SetUp() override {
    if (!disk.refused().empty()) {
      GTEST_SKIP() << "this machine does not let a test mount a file system: " << disk.refused();
    }
  }

  std::vector<std::string> new_ids(int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) ids.push_back(std::to_string(next_id_++));
    return ids;
  }

  // Until the disk is full, in batches of a hundred; false if something else happens first.
  bool append_until_full(Log& log, Ledger& ledger) {
    for (int i = 0; i < 10'000; ++i) {
      const auto ids = new_ids(100);
      const std::string stream = "s" + std::to_string(i % 3);
      const auto ticket = ledger.sent(stream, ids);
      const auto appended = log.append(Append{.stream = stream, .batch = batch(stream, ids)});
      if (appended) {
        ledger.acknowledged(ticket, appended->first.value, appended->sequence.value);
        continue;
      }
      ledger.refused(ticket);
      EXPECT_EQ(code_of(appended), Code::disk_full);
      EXPECT_THAT(appended.error().message, testing::HasSubstr("reserve"));
      return appended.error().code == Code::disk_full;
    }
    ADD_FAILURE() << "it never fills";
    return false;
  }

  // One event, which must be taken.
  void expect_room(Log& log, Ledger& ledger) {
    const auto ids = new_ids(1);
    const auto ticket = ledger.sent("t", ids);
    const auto appended = log.append(Append{.stream = "t", .batch = batch("t", ids)});
    ASSERT_TRUE(appended) << appended.error().message;
    ledger.acknowledged(ticket, appended->first.value, appended->sequence.value);
  }

  // A new log with events that are not in tables yet, where this much of the disk is left.
  std::unique_ptr<Log> open_and_fill(Ledger& ledger, uint64_t left) {
    fs::remove_all(path);
    auto log = Log::open(path, options).value();
    for (int i = 0; i < 20; ++i) {
      const auto ids = new_ids(100);
      const auto ticket = ledger.sent("s", ids);
      const auto appended = log->append(Append{.stream = "s", .batch = batch("s", ids)}).value();
      ledger.acknowledged(ticket, appended.first.value, appended.sequence.value);
    }
    // RocksDB still deletes a file or two after the opening.
    EXPECT_TRUE(eventually([&] {
      disk.fill(left);
      return disk.free_bytes() <= left;
    }));
    return log;
  }

  // It is read while it is sealed; it opens when there is room again, and is whole.
  void expect_sealed_and_whole_when_there_is_room(std::unique_ptr<Log> log, Ledger& ledger) {
    EXPECT_TRUE(eventually([&] { return log->sealed().has_value(); }));
    EXPECT_THAT(log->sealed().value_or(""), testing::HasSubstr("No space left"));
    const auto read = read_all(*log, {.select = Selection::stream("s")});
    EXPECT_EQ(read.offsets(), range(0, 2000));
    log.reset();
    // What is in the WAL alone is written to tables first.
    auto opened = Log::open(path, options);
    EXPECT_EQ(code_of(opened), Code::disk_full);
    if (!opened) {
      EXPECT_THAT(opened.error().message, testing::HasSubstr("No space left"));
    }
    disk.clear();
    opened = Log::open(path, options);
    ASSERT_TRUE(opened) << opened.error().message;
    for (const std::string& one : ledger.violations(stored_in(**opened))) ADD_FAILURE() << one;
    EXPECT_TRUE((*opened)->verify().findings.empty());
    expect_room(**opened, ledger);
  }

  const fs::path path = directory() / "small" / "data";
  SmallDisk disk;
  const uint64_t rounds = number_from("STRANDLINE_DISK_FULL_ROUNDS", 1);
  uint64_t next_id_ = 0;
};

TEST_F(DiskFull, ConsumersGoOnIntoHalfOfTheReserve) {
  auto log = Log::open(path, options).value();
  ASSERT_TRUE(log->append(Append{.stream = "s", .batch = batch("s", Offset{0}, 10)}));
  ASSERT_TRUE(log->create_consumer(
      "c", {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s")}));
  const uint64_t member = log->join("c").value().epoch;
  disk.fill(kReserve * 3 / 4);
  EXPECT_EQ(code_of(log->append(Append{.stream = "s", .batch = batch("s", Offset{10}, 1)})),
            Code::disk_full);
  const auto fetched = log->fetch(Fetch{.consumer = "c", .epoch = member, .events_max = 5});
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->given.size(), 5u);
  const Settle acks{.consumer = "c", .epoch = member, .acks = {{0, 3}}};
  EXPECT_TRUE(log->settle(acks));
  disk.fill(kReserve / 4);
  EXPECT_EQ(code_of(log->fetch(Fetch{.consumer = "c", .epoch = member})), Code::disk_full);
  EXPECT_EQ(code_of(log->settle(acks)), Code::disk_full);
  EXPECT_EQ(log->describe_consumer("c").value().unacked, 2u);
  EXPECT_TRUE(log->delete_consumer("c")) << "what makes room goes on";
}

TEST_F(DiskFull, IsRefusedAsNotAppliedAndOverWhenThereIsRoomAgain) {
  Ledger ledger;
  auto log = Log::open(path, options).value();
  const auto expect_open = [&] {
    EXPECT_EQ(log->sealed(), std::nullopt);
    EXPECT_GE(disk.free_bytes(), kReserve / 4) << "RocksDB was about to meet a full disk";
    const auto tail = log->describe("s0")->tail;
    EXPECT_EQ(read_all(*log, {.select = Selection::stream("s0"), .from = From::last(5)}).offsets(),
              range(tail.value - std::min<uint64_t>(5, tail.value), tail.value));
  };
  const auto expect_invariant = [&] {
    for (const std::string& one : ledger.violations(stored_in(*log))) ADD_FAILURE() << one;
  };
  for (uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    // Somebody else takes what there is, down to a part of the reserve.
    expect_room(*log, ledger);
    disk.fill(kReserve * 3 / 4);
    ASSERT_TRUE(append_until_full(*log, ledger));
    EXPECT_EQ(log->sealed(), std::nullopt);
    disk.clear();
    expect_room(*log, ledger);  // without being reopened
    // Then the log itself.
    ASSERT_TRUE(append_until_full(*log, ledger));
    expect_open();
    // It opens while there is no room for more, and is whole.
    log.reset();
    auto again = Log::open(path, options);
    ASSERT_TRUE(again) << again.error().message;
    log = std::move(*again);
    expect_open();
    expect_invariant();
    EXPECT_TRUE(log->verify().findings.empty());
    // Retention makes room.
    while (disk.free_bytes() < (40 << 20) && log->segments().size() > 1) {
      const auto dropped = log->drop_segment(log->segments().front().id);
      ASSERT_TRUE(dropped) << dropped.error().message;
    }
    // A dropped file's space comes back a piece at a time (engine/store/reclaimer.h).
    ASSERT_TRUE(eventually([&] { return disk.free_bytes() > 2 * kReserve; }));
    expect_room(*log, ledger);
  }
  expect_invariant();
}

TEST_F(DiskFull, IsToldOnceWhenItBeginsAndOnceWhenItEndsThoughNobodyAppends) {
  std::mutex mutex;  // guards told
  std::string told;
  options.on_warning = [&](const std::string& line) {
    const std::lock_guard lock(mutex);
    told += line + "\n";
  };
  const auto times = [&](const std::string& words) {
    const std::lock_guard lock(mutex);
    int count = 0;
    for (size_t at = 0; (at = told.find(words, at)) != std::string::npos; ++at) ++count;
    return count;
  };
  auto log = Log::open(path, options).value();
  ASSERT_TRUE(log->append(Append{.stream = "s", .batch = batch("s", Offset{0}, 1)}));
  EXPECT_EQ(log->appends_refused(), std::nullopt);
  for (int round = 1; round <= 2; ++round) {
    SCOPED_TRACE(round);
    disk.fill(kReserve * 3 / 4);
    ASSERT_TRUE(eventually([&] { return log->appends_refused().has_value(); }));
    EXPECT_EQ(log->appends_refused()->code, Code::disk_full);
    EXPECT_LT(log->counters().disk_free_bytes.value(), kReserve);
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(code_of(log->append(Append{.stream = "s", .batch = batch("s", Offset{1}, 1)})),
                Code::disk_full);
    }
    EXPECT_EQ(times("appends are refused"), round);
    EXPECT_EQ(times("appends are taken again: "), round - 1);
    disk.clear();
    ASSERT_TRUE(eventually([&] { return !log->appends_refused(); }));
    EXPECT_EQ(times("appends are taken again: "), round);
    EXPECT_GT(log->counters().disk_free_bytes.value(), kReserve);
  }
  const std::vector<std::pair<Code, uint64_t>> counted = {{Code::disk_full, 200}};
  EXPECT_EQ(log->counters().appends_refused_by, counted);
}

// At the edge it would otherwise change with each file that comes and goes.
TEST_F(DiskFull, IsOverWhenASixteenthOfTheReserveMoreIsFree) {
  auto log = Log::open(path, options).value();
  disk.fill(kReserve / 2);
  ASSERT_TRUE(eventually([&] { return log->appends_refused().has_value(); }));
  const auto known_free = [&] { return log->counters().disk_free_bytes.value_or(0); };
  disk.give_back(kReserve + kReserve / 32 - known_free());
  ASSERT_TRUE(eventually([&] { return known_free() > kReserve; }));
  EXPECT_EQ(code_of(log->append(Append{.stream = "s", .batch = batch("s", Offset{0}, 1)})),
            Code::disk_full);
  disk.give_back(kReserve / 16);
  ASSERT_TRUE(eventually([&] { return !log->appends_refused(); }));
  EXPECT_TRUE(log->append(Append{.stream = "s", .batch = batch("s", Offset{0}, 1)}));
}

TEST_F(DiskFull, AFlushThatFindsNoRoomSealsTheLogAndLosesNothing) {
  // Not a byte, and enough for the WAL of a few records, but for no table of events.
  for (uint64_t left : {0, 64 << 10}) {
    for (uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
      SCOPED_TRACE("round " + std::to_string(round) + ", " + std::to_string(left) + " bytes left");
      Ledger ledger;
      auto log = open_and_fill(ledger, left);
      const auto ticket = ledger.sent("s", {"refused"});
      EXPECT_EQ(code_of(log->append(Append{.stream = "s", .batch = batch("s", {"refused"})})),
                Code::disk_full);
      ledger.refused(ticket);
      EXPECT_EQ(log->sealed(), std::nullopt);
      // Let in, for making room begins with it; and it flushes.
      const auto rolled = log->roll();
      if (!rolled) {
        EXPECT_THAT(rolled.error().code, testing::AnyOf(Code::outcome_unknown, Code::sealed));
      }
      expect_sealed_and_whole_when_there_is_room(std::move(log), ledger);
    }
  }
}

TEST_F(DiskFull, WithoutAReserveAnAppendFailsAndIsThereOnceOrNotAtAll) {
  options.disk_reserve_bytes = 0;
  for (uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    Ledger ledger;
    auto log = open_and_fill(ledger, 0);
    const auto ids = new_ids(1000);  // more than what is left of the WAL's last page
    ledger.sent("s", ids);
    EXPECT_EQ(code_of(log->append(Append{.stream = "s", .batch = batch("s", ids)})),
              Code::outcome_unknown);
    expect_sealed_and_whole_when_there_is_room(std::move(log), ledger);
  }
}

}  // namespace
}  // namespace strandline::tests
