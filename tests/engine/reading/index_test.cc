// The index of types and subjects: a filtered reader is given what a scan would give it, from
// wherever it begins, whatever was truncated, deleted, dropped or lost; and it reads what it finds.
#include <fmt/format.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "engine/format/index_record.h"
#include "engine/store/store.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class Indexed : public LogTest {
 protected:
  Indexed() {
    options.stripe_bytes_max = 512 << 10;
    options.segment_bytes_max = 2 << 20;
    options.batch_cache_bytes = 64 << 10;
  }

  struct Appended {
    std::string stream;
    uint64_t offset;
    std::string type, subject;
  };

  // One event at a time, 200 to an append, each into a stream chosen at random.
  void fill(uint64_t events, uint32_t streams = 100, uint64_t random_seed = 1) {
    std::mt19937_64 random(random_seed);
    while (events > 0) {
      AppendMany many;
      std::vector<Appended> these;
      std::map<std::string, uint64_t> taken;
      for (uint64_t i = 0; i < std::min<uint64_t>(events, 200); ++i) {
        Appended one{.stream = fmt::format("s-{}", random() % streams)};
        one.offset = next_[one.stream] + taken[one.stream]++;
        const uint64_t n = order_.size() + i;
        one.type = n % 397 == 200 ? "rare.one" : n % 699 == 300 ? "rare.two" : "common";
        if (n % 5 != 0) one.subject = n % 7 == 0 ? "everybody" : fmt::format("c-{}", n / 3);
        many.parts.push_back({.stream = one.stream, .batch = batch_of(one)});
        these.push_back(std::move(one));
      }
      events -= these.size();
      const auto done = log().append(std::move(many));
      ASSERT_TRUE(done) << done.error().message;
      for (Appended& one : these) {
        next_[one.stream] = one.offset + 1;
        order_.push_back(std::move(one));
      }
    }
  }
  static Batch batch_of(const Appended& one) {
    const std::string data(120, static_cast<char>('a' + one.offset % 26));
    return Batch::of(
               {{.type = one.type, .subject = one.subject, .form = DataForm::binary, .data = data}})
        .value();
  }

  void wait_until_indexed() {
    ASSERT_TRUE(eventually([&] { return log().counters().index_backlog == 0; }));
  }
  uint64_t batches_read() {
    const Counters counters = log().counters();
    return counters.store_batches_read;
  }
  uint64_t stripes_read() { return log().counters().stripes_read; }

  // What an own list of what was appended says that a reader is given: positions, ascending.
  std::vector<uint64_t> expected(const ReadOptions& read, uint64_t from) {
    std::vector<uint64_t> found;
    const bool one = read.select.kind == Selection::Kind::stream;
    for (uint64_t sequence = 0; sequence < order_.size(); ++sequence) {
      const Appended& event = order_[sequence];
      const auto& names = read.select.names;
      const bool selected =
          read.select.kind == Selection::Kind::all ||
          (read.select.kind == Selection::Kind::prefix ? event.stream.starts_with(names[0])
                                                       : std::ranges::count(names, event.stream));
      if (!selected || !read.filter().matches(event.type, event.subject)) continue;
      if (sequence < dropped_ || event.offset < start_[event.stream]) continue;
      const uint64_t position = one ? event.offset : sequence;
      if (position >= from) found.push_back(position);
    }
    return found;
  }
  std::vector<uint64_t> given(ReadOptions read) {
    const bool one = read.select.kind == Selection::Kind::stream;
    const Transcript seen = read_all(log(), std::move(read));
    return one ? seen.offsets() : seen.sequences();
  }
  // From the beginning, from a few places, the last few, and backwards.
  void expect_as_scanned(ReadOptions read) {
    SCOPED_TRACE(testing::PrintToString(read.select.names));
    const bool one = read.select.kind == Selection::Kind::stream;
    const uint64_t tail = one ? next_[read.select.names[0]] : order_.size();
    for (const uint64_t from : {uint64_t{0}, tail / 2 + 17}) {
      if (from > tail) continue;
      read.from = From::position(from);
      ASSERT_EQ(given(read), expected(read, from)) << "from " << from;
    }
    const auto all = expected(read, 0);
    if (read.filter().empty()) return;  // without one, what is gone counts, too
    for (const size_t last : {size_t{3}, all.size() + 1}) {
      read.from = From::last(last);
      ASSERT_EQ(
          given(read),
          std::vector(all.end() - static_cast<ptrdiff_t>(std::min(last, all.size())), all.end()))
          << "the last " << last;
    }
    if (!one) return;
    read.backward = true;
    read.from = From::latest();
    ASSERT_EQ(given(read), std::vector(all.rbegin(), all.rend()));
  }
  void expect_all_as_scanned() {
    std::vector<std::string> some;
    for (int n = 0; n < 90; n += 7) some.push_back(fmt::format("s-{}", n));
    std::erase_if(some, [&](const std::string& name) { return !log().describe(name); });
    ASSERT_FALSE(some.empty());
    const std::vector<Selection> selections = {Selection::all(), Selection::prefix("s-1"),
                                               Selection::list(some), Selection::stream(some[0])};
    for (const Selection& select : selections) {
      for (const std::vector<std::string>& types :
           {std::vector<std::string>{"rare.one"}, {"rare.*"}, {}}) {
        expect_as_scanned({.select = select, .types = types});
        expect_as_scanned({.select = select, .types = types, .subjects = {{"c-600", "c-0"}}});
      }
      expect_as_scanned({.select = select, .types = {{"rare.*"}}, .subjects = {{"everybody"}}});
      expect_as_scanned({.select = select, .subjects = {{"c-19*"}}});
    }
  }

  std::map<std::string, uint64_t> next_;
  std::map<std::string, uint64_t> start_;
  std::vector<Appended> order_;  // by sequence
  uint64_t dropped_ = 0;         // below this sequence
};

TEST_F(Indexed, AFilterIsGivenWhatAScanGives) {
  fill(12'000);
  wait_until_indexed();
  expect_all_as_scanned();
  reopen();
  expect_all_as_scanned();
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(Indexed, WhatItCostsIsWhatItFinds) {
  fill(20'000);
  wait_until_indexed();
  reopen();
  // Past what is open, of which there is no index.
  const auto segments = log().segments();
  ASSERT_GE(segments.size(), 3u);
  const uint64_t sealed = segments.back().first.value;
  for (const bool indexed_type : {true, false}) {
    ReadOptions read{.events_max = 5};
    if (indexed_type) read.types = TextFilter({"rare.one"});
    if (!indexed_type)
      read.subjects =
          TextFilter({order_[sealed / 2].subject.empty() ? order_[sealed / 2 + 1].subject
                                                         : order_[sealed / 2].subject});
    const uint64_t before = batches_read(), stripes = stripes_read();
    auto cursor = log().read(read).value();
    size_t found = 0;
    while (cursor->position() < sealed) {
      const auto delivery = cursor->next().value();
      if (!delivery) break;
      if (const auto* events = std::get_if<Events>(&*delivery)) found += events->count();
    }
    EXPECT_GT(found, 0u);
    EXPECT_EQ(stripes_read(), stripes);
    EXPECT_LT(batches_read() - before, 3'000u) << "of 20,000";
  }
  // Of what is nowhere nothing is read but the open stripe.
  const uint64_t before = log().counters().store_bytes_read;
  auto cursor = log().read({.types = {{"none"}}}).value();
  while (cursor->position() < sealed) ASSERT_TRUE(cursor->next().value());
  EXPECT_LT(log().counters().store_bytes_read - before, options.stripe_bytes_max);
}

TEST_F(Indexed, AFilteredFollowerSaysWhereItIs) {
  fill(12'000);
  wait_until_indexed();
  reopen();
  auto subscription = log().subscribe({.types = {{"none"}}}).value();
  const Transcript seen = drain(subscription);
  EXPECT_TRUE(seen.events.empty());
  EXPECT_GT(seen.moves, 0u);
  EXPECT_EQ(subscription.position(), order_.size());
  auto rare = log().subscribe({.types = {{"rare.*"}}}).value();
  const size_t before = drain(rare).events.size();
  EXPECT_EQ(before, expected({.types = {{"rare.*"}}}, 0).size());
  fill(3'000, 100, 2);
  while (rare.position() < order_.size()) await(rare);
}

TEST_F(Indexed, WhatIsTruncatedDeletedOrDroppedIsNotGiven) {
  fill(20'000);
  wait_until_indexed();
  ASSERT_TRUE(log().truncate("s-7", Offset(next_["s-7"] / 2)));
  start_["s-7"] = next_["s-7"] / 2;
  ASSERT_TRUE(log().delete_stream("s-14"));
  start_["s-14"] = next_["s-14"];
  expect_all_as_scanned();
  const auto oldest = log().segments().front();
  ASSERT_TRUE(log().drop_segment(oldest.id));
  dropped_ = oldest.next.value;
  expect_all_as_scanned();
  reopen();
  expect_all_as_scanned();
  // Nothing of it is kept.
  ASSERT_TRUE(eventually([&] { return log().counters().index_backlog == 0; }));
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(Indexed, ManyTypesAreLookedUpAsSubjectsAre) {
  AppendMany many;
  for (uint64_t n = 0; n < 9'000; ++n) {
    Appended one{.stream = fmt::format("s-{}", n % 90), .type = fmt::format("type-{}", n)};
    one.offset = next_[one.stream]++;
    many.parts.push_back({.stream = one.stream, .batch = batch_of(one)});
    order_.push_back(std::move(one));
    if (many.parts.size() < 1'000) continue;
    ASSERT_TRUE(log().append(std::exchange(many, {})));
  }
  wait_until_indexed();
  reopen();
  expect_as_scanned({.types = {{"type-3333"}}});
  expect_as_scanned({.types = {{"type-3333", "type-8000", "none"}}});
  expect_as_scanned({.types = {{"type-33*"}}});
  expect_as_scanned({.select = Selection::stream("s-1"), .types = {{"type-1", "type-901"}}});
  EXPECT_TRUE(log().verify().findings.empty());
}

// As a crash between the sealing of a stripe and its index leaves it.
TEST_F(Indexed, AStripeWithoutOneIsScannedAndThenIndexed) {
  fill(12'000);
  close();
  options.mode = Options::Mode::observer;
  expect_all_as_scanned();
  options.mode = Options::Mode::owner;
  reopen();
  wait_until_indexed();
  expect_all_as_scanned();
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(Indexed, AnIndexThatIsDamagedCostsNoEvent) {
  fill(12'000);
  wait_until_indexed();
  ASSERT_TRUE(log().roll());  // into tables
  reopen();
  close();
  size_t damaged = 0;
  for (const fs::path& table : files_below(data() / "store", ".sst")) {
    rocksdb::SstFileReader reader{rocksdb::Options()};
    if (!reader.Open(table.string()).ok()) continue;
    if (reader.GetTableProperties()->column_family_name != "index") continue;
    const uint64_t bytes = reader.GetTableProperties()->data_size;
    std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
    for (uint64_t at = 100; at < bytes; at += 4'096) {
      file.seekg(static_cast<std::streamoff>(at));
      const auto byte = static_cast<char>(file.get() ^ 1);
      file.seekp(static_cast<std::streamoff>(at));
      file.put(byte);
    }
    ++damaged;
  }
  ASSERT_GT(damaged, 0u);
  expect_all_as_scanned();
  EXPECT_FALSE(log().verify().findings.empty());
  options.accept_loss = true;
  reopen();
  options.accept_loss = false;
  expect_all_as_scanned();
  wait_until_indexed();
  reopen();
  expect_all_as_scanned();
  EXPECT_TRUE(log().verify().findings.empty());
}

// A record that is missing, and not damaged: nothing is passed over because of it.
TEST_F(Indexed, ARecordThatIsMissingIsToldAndItsStripeScanned) {
  fill(12'000);
  wait_until_indexed();
  close();
  {
    auto closed = ClosedStore::prepare(data() / "store", options, [](const std::string&) {});
    auto store = closed->open().value();
    Changes changes = store->changes();
    const Term term = term_of(TermKind::subject, "c-600");
    StoreIterator it = store->iterate(Family::index);
    uint8_t bucket;
    StripeId stripe;
    size_t removed = 0;
    for (it.seek(index_key(term.bucket, StripeId(0)));
         it.valid() && decode_terms_key(it.key(), bucket, stripe) && bucket == term.bucket;
         it.next(), ++removed) {
      changes.erase(Family::index, it.key());
    }
    ASSERT_GT(removed, 3u);
    ASSERT_TRUE(store->write(std::move(changes)));
    ASSERT_TRUE(store->sync());
  }
  expect_as_scanned({.subjects = {{"c-600"}}});
  expect_as_scanned({.select = Selection::prefix("s-1"), .subjects = {{"c-600", "c-900"}}});
  EXPECT_FALSE(log().verify().findings.empty());
}

// Damage among the events: a filtered reader hears of it where something that matches may be.
TEST_F(Indexed, EventsThatAreDamagedAreStillToldAndTheRestIsGiven) {
  fill(12'000);
  wait_until_indexed();
  ASSERT_TRUE(log().roll());
  reopen();
  close();
  for (const fs::path& table : files_below(data() / "store", ".sst")) {
    rocksdb::SstFileReader reader{rocksdb::Options()};
    if (!reader.Open(table.string()).ok()) continue;
    if (reader.GetTableProperties()->column_family_name != "events") continue;
    std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(reader.GetTableProperties()->data_size / 2));
    file.put('\x5A');
  }
  const Transcript whole = read_all(log(), {});
  std::set<uint64_t> readable;
  for (const Seen& seen : whole.events) readable.insert(seen.sequence);
  ASSERT_LT(readable.size(), order_.size());
  for (const std::vector<std::string>& types : {std::vector<std::string>{"rare.one"}, {"rare.*"}}) {
    auto wanted = expected({.types = types}, 0);
    std::erase_if(wanted, [&](uint64_t sequence) { return !readable.contains(sequence); });
    EXPECT_EQ(given({.types = types}), wanted);
  }
}

class IndexModel : public Indexed {};

TEST_F(IndexModel, HistoriesAreReadAsTheyWere) {
  std::mt19937_64 random(seed("index model"));
  options.stripe_bytes_max = 256 << 10;
  options.segment_bytes_max = 1 << 20;
  for (uint64_t step = 0; step < number_from("STRANDLINE_INDEX_STEPS", 20); ++step) {
    const auto choice = random() % 10;
    if (choice < 5 || order_.empty()) {
      fill(1 + random() % 2'000, 1 + static_cast<uint32_t>(random() % 100), random());
    } else if (choice == 5) {
      const std::string& name = order_[random() % order_.size()].stream;
      if (!log().describe(name)) continue;
      const uint64_t before = start_[name] + random() % (next_[name] - start_[name] + 1);
      ASSERT_TRUE(log().truncate(name, Offset(before)));
      start_[name] = before;
    } else if (choice == 6) {
      const std::string& name = order_[random() % order_.size()].stream;
      if (!log().delete_stream(name)) continue;
      start_[name] = next_[name];
    } else if (choice == 7 && log().segments().size() > 2) {
      const auto oldest = log().segments().front();
      ASSERT_TRUE(log().drop_segment(oldest.id));
      dropped_ = oldest.next.value;
    } else if (choice == 8) {
      reopen();
    } else {
      (void)log().roll();
    }
    if (random() % 3 == 0) wait_until_indexed();
    for (int reads = 0; reads < 3; ++reads) {
      ReadOptions read;
      const std::string& name = order_[random() % order_.size()].stream;
      if (random() % 3 == 0) read.select = Selection::prefix(name.substr(0, 3));
      if (random() % 3 == 0 && log().describe(name)) read.select = Selection::stream(name);
      if (random() % 2 == 0) read.types = TextFilter({random() % 2 == 0 ? "rare.*" : "rare.two"});
      if (random() % 2 == 0) {
        const std::string& subject = order_[random() % order_.size()].subject;
        if (!subject.empty()) read.subjects = TextFilter({subject, "everybody"});
      }
      ASSERT_NO_FATAL_FAILURE(expect_as_scanned(read)) << "step " << step;
    }
  }
  EXPECT_TRUE(log().verify().findings.empty());
}

}  // namespace
}  // namespace strandline::tests
