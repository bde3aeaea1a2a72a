#include "tests/support/log/specimen.h"

#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>

#include <stdexcept>

#include "engine/api/clock.h"
#include "engine/disk/head_mark.h"
#include "engine/format/stored_batch.h"
#include "engine/store/wal_records.h"
#include "tests/support/disk/light_file_system.h"
#include "tests/support/log/directory.h"
#include "tests/support/log/payload.h"
#include "tests/support/process/deadline.h"

namespace strandline::tests {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kBegin = 1'700'000'000'000'000;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error("specimen: " + result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::unique_ptr<Log> open(const fs::path& directory, const std::shared_ptr<Clock>& clock) {
  Options options = specimen_options();
  options.clock = clock;
  return must(Log::open(directory, options));
}

// `rounds` batches for each of three streams, of one to eight events, and now and then one of a few
// others.
void append(Log& log, ManualClock& clock, uint64_t rounds) {
  const auto to = [&](const std::string& stream, uint32_t count) {
    const auto info = log.describe(stream);
    const Offset next = info ? info->tail : Offset{0};
    clock.advance_us(1'000);
    must(log.append(Append{.stream = stream, .batch = batch(stream, next, count)}));
  };
  for (uint64_t i = 0; i < rounds; ++i) {
    for (const std::string stream : {"orders", "audit", "users.seen"}) {
      to(stream, 1 + hash_of(stream + std::to_string(i)) % 8);
    }
    if (i % 4 == 0) to("tenant." + std::to_string(i % 16), 1 + i % 3);
  }
}

void commit(Log& log, const std::string& consumer, const std::string& stream, uint64_t next) {
  must(log.commit(Commit{.consumer = consumer, .stream = stream, .next = next}));
}

// Until no file comes or goes: what a compaction will do is done.
void settle(const fs::path& directory) {
  int quiet = 0;
  auto before = files_below(directory, ".sst");
  const bool settled = eventually([&] {
    auto now = files_below(directory, ".sst");
    quiet = now == before ? quiet + 1 : 0;
    before = std::move(now);
    return quiet > 40;
  });
  if (!settled) throw std::runtime_error("specimen: its files never settle");
}

// RocksDB's number of the last change in the newest WAL.
uint64_t last_change(const fs::path& directory) {
  fs::path newest;
  for (const fs::path& wal : files_below(directory, ".log")) {
    if (fs::file_size(wal) > 0) newest = wal;
  }
  const std::string bytes = read_file(newest);
  uint64_t last = 0;
  for (size_t at = 0; const auto record = record_at(bytes, at);) {
    if (record->begins()) last = span_of(record->payload)->next() - 1;
    at = past_trailer(bytes, record->end);
  }
  return last;
}

void await_mark(const fs::path& directory) {
  const uint64_t last = last_change(directory);
  const bool renewed = eventually([&] {
    const auto head = HeadMark::read(Disk(specimen_options()), directory);
    return head && *head && (*head)->changes >= last;
  });
  if (!renewed) throw std::runtime_error("specimen: its head mark is never renewed");
}

// Those that the MANIFEST lists: a copy of a running log may hold others, of a flush or a
// compaction that was under way.
std::set<std::string> listed_tables(const fs::path& store) {
  rocksdb::DBOptions options;
  options.track_and_verify_wals_in_manifest = true;  // without it RocksDB would write
  std::vector<std::string> names;
  rocksdb::Status status = rocksdb::DB::ListColumnFamilies(options, store, &names);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  if (status.ok())
    status = rocksdb::DB::OpenForReadOnly(options, store, families, &handles, &opened);
  if (!status.ok()) throw std::runtime_error("specimen: " + status.ToString());
  const std::unique_ptr<rocksdb::DB> db(opened);
  std::vector<rocksdb::LiveFileMetaData> live;
  db->GetLiveFilesMetaData(&live);
  for (auto* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
  std::set<std::string> tables;
  for (const auto& table : live) tables.insert(fs::path(table.name).filename().string());
  return tables;
}

// Read past the engine: it is what the engine's reading is held against.
std::map<uint64_t, std::set<std::string>> tables_of(const Specimen& specimen) {
  std::map<uint64_t, std::set<std::string>> tables;
  for (const std::string& name : listed_tables(specimen.directory / "store")) {
    const fs::path table = specimen.directory / "store" / name;
    rocksdb::SstFileReader reader{rocksdb::Options()};
    if (!reader.Open(table.string()).ok()) throw std::runtime_error("specimen: " + table.string());
    if (reader.GetTableProperties()->column_family_name != "events") continue;
    const std::unique_ptr<rocksdb::Iterator> at(reader.NewIterator({}));
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      const std::string_view stored = at->value().ToStringView();
      const bool ranges = stored[1] != 0;  // the log's own record
      const auto count = get_le<uint32_t>(stored, 4);
      const auto first = get_le<uint64_t>(stored, 8), sequence = get_le<uint64_t>(stored, 16);
      for (uint32_t i = 0; i < count && !ranges; ++i) {
        const auto event = specimen.truth.order.find(sequence + i);
        if (event == specimen.truth.order.end()) continue;  // truncated or dropped
        if (event->second.second != first + i) throw std::runtime_error("specimen: not one part");
        tables[sequence + i].insert(name);
      }
    }
    if (!at->status().ok()) throw std::runtime_error("specimen: " + at->status().ToString());
  }
  return tables;
}

}  // namespace

Options specimen_options() {
  Options options;
  options.batch_cache_bytes = 1 << 20;
  options.block_cache_bytes = 4 << 20;
  options.disk_reserve_bytes = 1 << 20;
  options.file_system = light_file_system();
  return options;
}

std::vector<Specimen> make_specimens(const fs::path& below) {
  const fs::path live = below / "live", earlier = below / "earlier";
  const fs::path closed = below / "closed", crashed = below / "crashed";
  const fs::path midway = below / "midway", marked = below / "marked";
  const auto clock = std::make_shared<ManualClock>(Timestamp{kBegin});
  auto log = open(live, clock);
  append(*log, *clock, 4);
  must(log->roll());  // this segment is dropped further down
  append(*log, *clock, 6);
  must(log->create_stream("notes", {.description = "created, and never written to"}));
  must(log->append(Append{.stream = "gone", .batch = batch("gone", Offset{0}, 5)}));
  commit(*log, "billing", "orders", 7);
  must(log->roll());
  append(*log, *clock, 6);
  must(log->delete_stream("gone"));
  log.reset();
  log = open(live, clock);  // two flushed files: a compaction into level 1
  settle(live);
  append(*log, *clock, 2);
  copy_live(live, earlier);
  must(log->drop_segment(log->segments().front().id));
  append(*log, *clock, 5);
  must(log->truncate("audit", Offset{30}));
  commit(*log, "billing", "orders", 60);
  commit(*log, "billing", "audit", 31);
  commit(*log, "mirror", "$all", 100);
  must(log->roll());
  append(*log, *clock, 4);
  log.reset();
  log = open(live, clock);
  settle(live);
  Truth truth = truth_of(*log);
  log.reset();
  copy_live(live, closed);
  truth.mark = truth.next;  // closing renews it
  std::vector<Specimen> specimens = {
      {.name = "closed", .directory = closed, .earlier = earlier, .truth = std::move(truth)}};

  log = open(live, clock);
  append(*log, *clock, 6);
  copy_live(live, midway);
  must(log->roll());
  append(*log, *clock, 6);
  commit(*log, "billing", "orders", 90);
  copy_live(live, crashed);
  truth = truth_of(*log);
  await_mark(live);
  copy_live(live, marked);
  truth.mark = truth.next;
  Truth unmarked = truth;
  unmarked.mark = specimens[0].truth.next;  // as of opening; perhaps renewed since
  unmarked.late = {{"billing", "orders"}};
  specimens.push_back(
      {.name = "crashed", .directory = crashed, .earlier = midway, .truth = std::move(unmarked)});
  specimens.push_back(
      {.name = "marked", .directory = marked, .earlier = midway, .truth = std::move(truth)});
  for (Specimen& specimen : specimens) specimen.tables = tables_of(specimen);
  return specimens;
}

Truth truth_of(const Log& log) {
  Truth truth;
  for (const StreamInfo& info : log.list("", "", SIZE_MAX)) {
    Truth::Stream& stream = truth.streams[info.name];
    stream.start = info.start.value;
    stream.tail = info.tail.value;
    auto cursor = must(log.read({.select = Selection::stream(info.name)}));
    while (auto delivery = must(cursor->next())) {
      const auto* events = std::get_if<Events>(&*delivery);
      if (!events) throw std::runtime_error("specimen: something else than events");
      stream.batches.emplace_back(events->first().value, events->next().value);
      for (const Event event : *events) {
        stream.sequences[event.offset.value] = event.sequence.value;
        truth.order[event.sequence.value] = {info.name, event.offset.value};
      }
    }
  }
  for (const auto& one : log.positions("", SIZE_MAX)) {
    truth.positions[{one.consumer, one.stream}] = one.next;
  }
  const auto whole = must(log.available(kAllName));
  truth.start = whole.start;
  truth.next = whole.tail;
  return truth;
}

}  // namespace strandline::tests
