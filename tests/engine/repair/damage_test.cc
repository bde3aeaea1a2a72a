// Corruption is found, contained and named: one bad bit costs at most its batch, as a gap.
#include <rocksdb/db.h>

#include <atomic>

#include "tests/support/log/log_test.h"
#include "tests/support/process/deadline.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class Damage : public LogTest {
 protected:
  static constexpr uint64_t kBatches = 20;
  static constexpr uint64_t kBatch = 5;
  static constexpr uint64_t kEvents = kBatches * kBatch;

  Damage() { options.batch_cache_bytes = 0; }

  // Larger than a table's block, and incompressible, so that each batch stands in a block of its
  // own and its bytes can be found in the file.
  static std::string noise(uint64_t offset) {
    std::string bytes;
    uint64_t state = hash_of("noise " + std::to_string(offset));
    while (bytes.size() < 20'000) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      bytes.push_back(static_cast<char>(state >> 56));
    }
    return bytes;
  }

  void fill() {
    for (uint64_t b = 0; b < kBatches; ++b) {
      BatchBuilder builder;
      for (uint64_t i = 0; i < kBatch; ++i) {
        const std::string bytes = noise(b * kBatch + i);
        const std::string id = std::to_string(b * kBatch + i);
        ASSERT_TRUE(
            builder.add({.type = "noise", .id = id, .form = DataForm::binary, .data = bytes}));
      }
      ASSERT_TRUE(log().append(Append{.stream = "s", .batch = builder.finish().value()}));
    }
    append("t", 10);
    ASSERT_TRUE(log().roll());
    reopen();  // replays and writes table files, if rolling has not
    close();
  }

  // As the closed log is now: refused, with the table's name, and opened without it.
  void expect_taken_out(const fs::path& table, Offset tail) {
    const auto refused = Log::open(data(), options);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, ::testing::HasSubstr(table.string()));
    Options loses = options;
    loses.accept_loss = true;
    const auto opened = Log::open(data(), loses);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ((*opened)->describe("s")->tail, tail);
  }

  // Flips one bit in the stored bytes of this event, in whichever table file has them.
  void flip_bit(uint64_t offset) {
    const std::string wanted = noise(offset).substr(5'000, 64);
    int found = 0;
    for (const fs::path& file : files_below(data(), ".sst")) {
      std::string bytes = read_file(file);
      const size_t at = bytes.find(wanted);
      if (at == std::string::npos) continue;
      ++found;
      bytes[at + 17] ^= 0x08;
      write_file(file, bytes);
    }
    ASSERT_GE(found, 1);
  }

  // Everything but [from, to) is there, with its bytes, and that is a gap for damage.
  void expect_damaged(uint64_t from, uint64_t to) {
    const auto check = [&](Selection select) {
      auto cursor = log().read({.select = std::move(select)}).value();
      uint64_t next = 0;
      int gaps = 0;
      for (;;) {
        const auto delivery = cursor->next();
        ASSERT_TRUE(delivery) << delivery.error().message;
        if (!*delivery) break;
        if (const auto* gap = std::get_if<Gap>(&**delivery)) {
          EXPECT_EQ(gap->reason, GapReason::damaged);
          EXPECT_FALSE(gap->detail.empty());
          EXPECT_EQ(gap->from, next);
          EXPECT_GE(gap->from, from);
          EXPECT_LE(gap->to, to) << gap->detail;
          next = gap->to;
          ++gaps;
        } else if (const auto* events = std::get_if<Events>(&**delivery)) {
          if (events->stream() != "s") continue;
          for (const Event event : *events) {
            EXPECT_EQ(event.offset.value, next++);
            EXPECT_EQ(event.data(), noise(event.offset.value));
          }
        }
      }
      EXPECT_EQ(next, kEvents);
      EXPECT_GE(gaps, 1);
    };
    check(Selection::stream("s"));
    check(Selection::all());
    EXPECT_EQ(read("t").offsets(), range(0, 10));
    const auto verified = log().verify();
    ASSERT_GE(verified.findings.size(), 1u);
    EXPECT_FALSE(verified.findings[0].place.empty());
    EXPECT_FALSE(verified.findings[0].what.empty());
  }

  // For messages: what was reported, and where.
  static std::string told(const Transcript& transcript) {
    std::string text;
    for (const SeenGap& seen : transcript.gaps) {
      text += "[" + std::to_string(seen.gap.from) + ", " + std::to_string(seen.gap.to) + ") " +
              seen.gap.detail + "\n";
    }
    return text;
  }

  // The store itself, through RocksDB, as nothing but an error could change it.
  struct Raw {
    Raw() = default;
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;
    std::unique_ptr<rocksdb::DB> db;
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::ColumnFamilyHandle* events = nullptr;
    ~Raw() {
      for (auto* family : families) (void)db->DestroyColumnFamilyHandle(family);
    }
  };
  std::unique_ptr<Raw> open_raw() {
    fs::path store = data();
    for (const fs::path& file : files_below(data(), "CURRENT")) store = file.parent_path();
    std::vector<std::string> names;
    EXPECT_TRUE(rocksdb::DB::ListColumnFamilies({}, store, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& name : names) {
      descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
    }
    auto raw = std::make_unique<Raw>();
    rocksdb::DB* db = nullptr;
    rocksdb::DBOptions db_options;
    db_options.track_and_verify_wals_in_manifest = true;
    const auto status = rocksdb::DB::Open(db_options, store, descriptors, &raw->families, &db);
    EXPECT_TRUE(status.ok()) << status.ToString();
    raw->db.reset(db);
    for (auto* family : raw->families) {
      if (family->GetName() == "events") raw->events = family;
    }
    return raw;
  }
  // The key of the batch that holds this event, and its value.
  std::pair<std::string, std::string> find_batch(Raw& raw, uint64_t offset) {
    const std::string wanted = noise(offset).substr(5'000, 64);
    const std::unique_ptr<rocksdb::Iterator> at(raw.db->NewIterator({}, raw.events));
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      if (at->value().ToStringView().find(wanted) != std::string_view::npos) {
        return {at->key().ToString(), at->value().ToString()};
      }
    }
    ADD_FAILURE() << "no stored batch holds " << offset;
    return {};
  }
};

TEST_F(Damage, NothingIsFoundWhereThereIsNone) {
  fill();
  const auto verified = log().verify();
  EXPECT_TRUE(verified.findings.empty());
  EXPECT_EQ(verified.events, kEvents + 10);
  EXPECT_EQ(verified.streams, 2u);
  EXPECT_GE(verified.batches, kBatches + 1);
  EXPECT_GT(verified.bytes, kEvents * 20'000);
}

TEST_F(Damage, OneBitInATableFileCostsItsBatch) {
  fill();
  flip_bit(37);
  expect_damaged(35, 40);
}

TEST_F(Damage, TheFirstAndTheLastBatchToo) {
  fill();
  flip_bit(2);
  flip_bit(98);
  auto cursor = log().read({.select = Selection::stream("s")}).value();
  const Transcript transcript = read_all(*cursor);
  ASSERT_EQ(transcript.gaps.size(), 2u) << told(transcript);
  EXPECT_EQ(transcript.gaps[0].gap.from, 0u);
  EXPECT_EQ(transcript.gaps[0].gap.to, 5u);
  EXPECT_EQ(transcript.gaps[1].gap.from, 95u);
  EXPECT_EQ(transcript.gaps[1].gap.to, 100u);
  EXPECT_EQ(transcript.offsets(), range(5, 95));
  EXPECT_EQ(log().append(Append{.stream = "s", .batch = batch_of_type("t")})->first,
            Offset{kEvents});
}

TEST_F(Damage, AValueChangedBelowTheChecksumsOfTheStoreIsFound) {
  // RocksDB's own checksums hold: only the batch's can tell.
  fill();
  for (const size_t place : {size_t{0}, size_t{4}, size_t{9}, size_t{20}, size_t{60'000}}) {
    std::string key, good;
    {
      const auto raw = open_raw();
      std::tie(key, good) = find_batch(*raw, 52);
      std::string bad = good;
      ASSERT_LT(place, bad.size());
      bad[place] ^= 0x01;
      ASSERT_TRUE(raw->db->Put({}, raw->events, key, bad).ok());
    }
    expect_damaged(50, 55);
    close();
    const auto raw = open_raw();
    ASSERT_TRUE(raw->db->Put({}, raw->events, key, good).ok());
  }
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(Damage, ABatchInTheWrongPlaceIsFound) {
  // Whole, with its own good checksum, under another batch's key.
  fill();
  {
    const auto raw = open_raw();
    const auto [key, value] = find_batch(*raw, 52);
    const auto [other_key, other] = find_batch(*raw, 62);
    ASSERT_TRUE(raw->db->Put({}, raw->events, key, other).ok());
  }
  expect_damaged(50, 55);
}

TEST_F(Damage, AMissingBatchIsFound) {
  fill();
  {
    const auto raw = open_raw();
    ASSERT_TRUE(raw->db->Delete({}, raw->events, find_batch(*raw, 52).first).ok());
  }
  expect_damaged(50, 55);
}

TEST_F(Damage, ReadingBackwardsSaysItToo) {
  fill();
  flip_bit(37);
  const Transcript transcript =
      read_all(log(), {.select = Selection::stream("s"), .from = From::latest(), .backward = true});
  ASSERT_EQ(transcript.gaps.size(), 1u) << told(transcript);
  EXPECT_EQ(transcript.gaps[0].gap.from, 35u);
  EXPECT_EQ(transcript.gaps[0].gap.to, 40u);
  EXPECT_EQ(transcript.gaps[0].before, 60u);
  EXPECT_EQ(transcript.events.size(), 95u);
}

TEST_F(Damage, AFollowerIsToldAndGoesOn) {
  fill();
  flip_bit(37);
  auto subscription = log().subscribe({.select = Selection::stream("s")}).value();
  const Transcript transcript = drain(subscription);
  EXPECT_EQ(transcript.gaps.size(), 1u) << told(transcript);
  EXPECT_EQ(transcript.events.size(), 95u);
  ASSERT_TRUE(log().append(Append{.stream = "s", .batch = batch_of_type("t")}));
  EXPECT_EQ(await_events(subscription, 1).offsets(), range(100, 101));
}

// A closed log as it was when it was kept, to be begun from again with one table changed.
struct KeptLog {
  fs::path from, copy, table;
  std::string bytes;  // of the table

  KeptLog(const fs::path& data, const fs::path& kept) : from(data), copy(kept) {
    fs::copy(from, copy, fs::copy_options::recursive);
    table = files_below(copy, ".sst").at(0);
    bytes = read_file(table);
  }
  void put_back(const std::string& table_bytes) const {
    fs::remove_all(from);
    fs::copy(copy, from, fs::copy_options::recursive);
    write_file(from / fs::relative(table, copy), table_bytes);
  }
};

TEST_F(Damage, ATablesEndIsLookedAtBeforeItIsBelieved) {
  // Its footer has no checksum, and the one of its properties is compared too late: RocksDB ends
  // the process where the top bit of their last word, or the footer's version, is turned.
  append("s", 5);
  reopen();
  close();
  const KeptLog whole(data(), directory() / "whole");
  constexpr size_t kEnd = 160;  // footer, meta index, the properties' last word
  ASSERT_GT(whole.bytes.size(), kEnd);
  const size_t step =
      kEnd / std::clamp<size_t>(number_from("STRANDLINE_TABLE_ENDS", kEnd), 1, kEnd);
  for (size_t at = whole.bytes.size() - kEnd; at < whole.bytes.size(); at += step) {
    std::string bad = whole.bytes;
    bad[at] ^= 0x80;
    whole.put_back(bad);
    auto opened = Log::open(data(), options);
    if (!opened) {
      EXPECT_THAT(opened.error().message, ::testing::HasSubstr(whole.table.filename().string()));
      continue;
    }
    auto cursor = (*opened)->read({.select = Selection::stream("s")}).value();
    for (const Transcript transcript = read_all(*cursor); const auto& event : transcript.events) {
      EXPECT_EQ(event.difference, "") << at;
    }
  }
}

TEST_F(Damage, ATableWhoseFooterPointsOutOfItIsTakenOut) {
  // RocksDB asks for as much memory as a handle there says, and the process ends where there is
  // none.
  append("s", 5);
  reopen();
  close();
  const KeptLog whole(data(), directory() / "whole");
  const std::string huge("\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x0F", 10), none(10, '\0');
  for (const std::string& handles : {huge + none, none + huge}) {
    std::string bad = whole.bytes;
    bad.replace(bad.size() - 52, handles.size(), handles);
    whole.put_back(bad);
    expect_taken_out(whole.table.filename(), Offset{5});
  }
}

TEST_F(Damage, ATableIsTakenOutWhateverItsEndSays) {
  // Without the magic number of its footer RocksDB believes the index before it unchecked, and ends
  // the process over a bad one.
  append("s", 5);
  reopen();
  close();
  const KeptLog whole(data(), directory() / "whole");
  constexpr size_t kFooter = 53, kTrailer = 5, kRestarts = 8;
  const size_t end = whole.bytes.size() - kFooter - kTrailer;  // of the index
  for (size_t at = end - kRestarts; at < end; ++at) {
    std::string bad = whole.bytes;
    bad[at] ^= 4;
    bad[bad.size() - 8] ^= 2;
    whole.put_back(bad);
    expect_taken_out(whole.table.filename(), Offset{5});
  }
}

TEST_F(Damage, ACompactionThatMeetsItDoesNotSealTheLog) {
  options.segment_bytes_max = 1 << 20;  // so that two flushed files are compacted, not sixteen
  std::atomic<int> met = 0;
  options.on_warning = [&](const std::string& line) {
    if (line.find("compaction met damage") != std::string::npos) ++met;
  };
  append("s", 100);
  reopen();  // the first flushed file of the segment
  close();
  int spoilt = 0;
  for (const fs::path& file : files_below(data(), ".sst")) {
    std::string bytes = read_file(file);
    const size_t at = bytes.find("STRB");
    if (at == std::string::npos) continue;
    bytes[at] ^= 1;
    write_file(file, bytes);
    ++spoilt;
  }
  ASSERT_EQ(spoilt, 1);
  for (int i = 0; i < 8 && met == 0; ++i) {
    append("t");
    ASSERT_TRUE(log().roll());  // flushes another
  }
  EXPECT_TRUE(eventually([&] { return met > 0; }));
  EXPECT_EQ(log().sealed(), std::nullopt);
  append("t");
  EXPECT_EQ(read("t").events.size(), describe("t").events);
}

}  // namespace
}  // namespace strandline::tests
