#include "engine/store/store.h"

#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <thread>

#include "engine/base/mutation.h"
#include "engine/disk/access.h"
#include "engine/disk/disk.h"
#include "engine/store/deletion.h"
#include "engine/store/flushes.h"
#include "engine/store/store_error.h"
#include "engine/store/store_file_system.h"
#include "engine/store/store_listener.h"
#include "engine/store/store_options.h"
#include "engine/store/store_snapshot.h"
#include "engine/store/table_check.h"
#include "engine/store/wal_records.h"

namespace strandline {
namespace {

const std::string kWriting = "writing to the WAL: ";

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace

struct Store::Parts {
  std::atomic<uint64_t> first_live{0};
  std::atomic<uint64_t> durable{0};  // RocksDB's last sequence number that was fsynced
  uint64_t before_wal = 0;           // and the last before the newest WAL began; the writer's
  std::string sign;                  // of its marks in the WAL
  const std::shared_ptr<WalGate> gate = std::make_shared<WalGate>();
  const std::shared_ptr<ListWatch> list = std::make_shared<ListWatch>();
  std::shared_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families{};
  rocksdb::ColumnFamilyHandle* default_family = nullptr;
  Flushes flushes{kFlushesUnderWay};
  std::mutex mutex;  // guards spare
  // Write batches that were written, kept for the memory they hold: a fresh one grows to a megabyte
  // by doubling, through pages that the system has to map each time.
  std::vector<std::unique_ptr<rocksdb::WriteBatch>> spare;

  bool paused = false;
  std::thread pausing;

  // A compaction that has met damage would meet it again, once a second, for ever. Without
  // compactions level 0 grows, readers have more files to look into, and appends go on unslowed:
  // RocksDB holds nobody back for a compaction that it is told not to make.
  void pause_compactions(const std::string& why,
                         const std::function<void(const std::string&)>& warn) {
    std::lock_guard lock(mutex);
    if (std::exchange(paused, true)) return;
    if (warn) {
      warn("compaction met damage, and waits until the log is reopened with accept_loss: " + why);
    }
    // Not on RocksDB's own thread, which may hold what this needs.
    if (db) pausing = std::thread([this] { stop_compactions(); });
  }
  void stop_compactions() {
    (void)db->SetOptions(family(Family::events), {{"disable_auto_compactions", "true"}});
  }

  std::optional<uint64_t> newest_wal() const {
    std::unique_ptr<rocksdb::LogFile> wal;
    if (!db->GetCurrentWalFile(&wal).ok() || !wal) return std::nullopt;
    return wal->LogNumber();
  }

  rocksdb::ColumnFamilyHandle* family(Family f) const { return families[static_cast<size_t>(f)]; }
  StoreIterator iterate(Family f, const rocksdb::ReadOptions& options) const {
    auto* handle = family(f);
    return StoreIterator(std::unique_ptr<rocksdb::Iterator>(
        handle ? db->NewIterator(options, handle) : rocksdb::NewEmptyIterator()));
  }
};

Changes::Changes() = default;
Changes::~Changes() = default;
Changes::Changes(Changes&&) noexcept = default;
void Changes::put(Family family, std::string_view key, std::string_view value) {
  batch_->Put(store_->parts_->family(family), slice(key), slice(value));
}
void Changes::erase(Family family, std::string_view key) {
  batch_->Delete(store_->parts_->family(family), slice(key));
}
bool Changes::empty() const { return batch_->Count() == 0; }
size_t Changes::bytes() const { return batch_->GetDataSize(); }

StoreIterator::StoreIterator(std::unique_ptr<rocksdb::Iterator> iterator)
    : iterator_(std::move(iterator)) {}
StoreIterator::StoreIterator(StoreIterator&&) noexcept = default;
StoreIterator& StoreIterator::operator=(StoreIterator&&) noexcept = default;
StoreIterator::~StoreIterator() = default;
void StoreIterator::seek(std::string_view key) { iterator_->Seek(slice(key)); }
void StoreIterator::seek_for_prev(std::string_view key) { iterator_->SeekForPrev(slice(key)); }
void StoreIterator::seek_to_first() { iterator_->SeekToFirst(); }
void StoreIterator::next() { iterator_->Next(); }
bool StoreIterator::valid() const { return iterator_->Valid(); }
std::string_view StoreIterator::key() const { return view(iterator_->key()); }
std::string_view StoreIterator::value() const { return view(iterator_->value()); }
std::optional<std::string> StoreIterator::damage() const {
  const rocksdb::Status status = iterator_->status();
  if (status.ok() || mutated(Mutation::iterator_status_ignored)) return std::nullopt;
  return status.ToString();
}
bool StoreIterator::io_failed() const { return iterator_->status().IsIOError(); }

Store::Store(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Store::~Store() {
  finish();
  for (auto* handle : parts_->families) {
    if (handle) parts_->db->DestroyColumnFamilyHandle(handle);
  }
  if (parts_->default_family) parts_->db->DestroyColumnFamilyHandle(parts_->default_family);
  parts_->db.reset();
}

struct ClosedStore::Parts {
  std::filesystem::path directory;
  bool owner;
  std::unique_ptr<Store::Parts> store = std::make_unique<Store::Parts>();
  std::shared_ptr<StoreSnapshot> snapshot;  // an observer's
  rocksdb::DBOptions database;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;  // all of them
};

ClosedStore::ClosedStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ClosedStore::ClosedStore(ClosedStore&&) noexcept = default;
ClosedStore::~ClosedStore() = default;
const std::filesystem::path& ClosedStore::directory() const { return parts_->directory; }
const rocksdb::DBOptions& ClosedStore::database() const { return parts_->database; }
const std::vector<rocksdb::ColumnFamilyDescriptor>& ClosedStore::families() const {
  return parts_->families;
}

Result<ClosedStore> ClosedStore::prepare(const std::filesystem::path& directory,
                                         const Options& options,
                                         std::function<void(const std::string&)> on_failure) {
  auto closed = std::make_unique<Parts>(Parts{
      .directory = directory, .owner = options.mode == Options::Mode::owner, .snapshot = nullptr});
  Store::Parts* const parts = closed->store.get();
  rocksdb::DBOptions& database = closed->database = database_options(options, directory);
  database.info_log = std::make_shared<WarningLogger>(options.on_warning);
  database.listeners = {std::make_shared<FailureListener>(
      [gate = parts->gate, on_failure = std::move(on_failure)](const std::string& why) {
        const auto first = gate->failed();
        on_failure(first ? kWriting + *first : why);
      },
      [parts, warn = options.on_warning](const std::string& why) {
        parts->pause_compactions(why, warn);
      })};
  auto files = options.file_system
                   ? std::static_pointer_cast<rocksdb::FileSystem>(options.file_system)
                   : rocksdb::FileSystem::Default();
  if (!closed->owner) {
    auto taken = StoreSnapshot::take(files, directory);
    if (!taken) return std::unexpected(std::move(taken.error()));
    files = closed->snapshot = std::move(*taken);
  }
  parts->env = rocksdb::NewCompositeEnv(store_file_system(files, parts->gate, parts->list));
  database.env = parts->env.get();
  closed->families = {{rocksdb::kDefaultColumnFamilyName, records_options(options)}};
  for (const char* name : kFamilyNames) {
    closed->families.emplace_back(name, family_options(name, options, &parts->first_live));
  }
  return ClosedStore(std::move(closed));
}

Result<std::unique_ptr<Store>> ClosedStore::open() {
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const std::string directory = parts_->directory.string();
  const rocksdb::Status status =
      parts_->owner
          ? rocksdb::DB::Open(parts_->database, directory, parts_->families, &handles, &db)
          : rocksdb::DB::OpenForReadOnly(parts_->database, directory, parts_->families, &handles,
                                         &db);
  if (!status.ok()) {
    Error error = error_of(status, "opening the store in " + directory);
    if (status.IsNoSpace()) error.code = Code::disk_full;
    return std::unexpected(std::move(error));
  }
  if (parts_->snapshot) parts_->snapshot->release();
  auto parts = std::move(parts_->store);
  parts->list->opened();
  parts->default_family = handles[0];
  parts->durable = parts->before_wal = db->GetLatestSequenceNumber();
  if (std::string identity; db->GetDbIdentity(identity).ok()) parts->sign = sign_of(identity);
  std::copy(handles.begin() + 1, handles.end(), parts->families.begin());
  {
    std::lock_guard lock(parts->mutex);
    parts->db.reset(db);
    if (parts->paused) parts->stop_compactions();
  }
  return std::unique_ptr<Store>(new Store(std::move(parts)));
}

Changes Store::changes() {
  Changes changes;
  changes.store_ = this;
  std::lock_guard lock(parts_->mutex);
  if (parts_->spare.empty()) {
    changes.batch_ = std::make_unique<rocksdb::WriteBatch>();
  } else {
    changes.batch_ = std::move(parts_->spare.back());
    parts_->spare.pop_back();
  }
  return changes;
}

Status Store::write(Changes changes) {
  rocksdb::WriteOptions write;
  write.sync = false;
  changes.batch_->PutLogData(encode({parts_->durable, parts_->before_wal}, parts_->sign));
  const rocksdb::Status status = parts_->db->Write(write, changes.batch_.get());
  if (!status.ok()) {
    return fail(Code::io, kWriting + parts_->gate->failed().value_or(status.ToString()));
  }
  constexpr size_t kSpareMax = 4, kSpareBytesMax = 8 << 20;
  changes.batch_->Clear();
  std::lock_guard lock(parts_->mutex);
  if (parts_->spare.size() < kSpareMax && changes.batch_->Data().capacity() <= kSpareBytesMax) {
    parts_->spare.push_back(std::move(changes.batch_));
  }
  return {};
}

Status Store::sync() {
  if (mutated(Mutation::sync_dropped)) return {};
  const uint64_t written = parts_->db->GetLatestSequenceNumber();
  if (const auto failed = parts_->gate->enter_sync()) return fail(Code::io, kWriting + *failed);
  const rocksdb::Status status = parts_->db->SyncWAL();
  parts_->gate->leave_sync();
  if (!status.ok()) return std::unexpected(error_of(status, "fsync of the WAL"));
  // An fsync of another thread's that this one waited for may have failed. The kernel says so once,
  // and drops the pages: this one's success says nothing of them.
  if (const auto failed = parts_->gate->failed()) return fail(Code::io, kWriting + *failed);
  uint64_t durable = parts_->durable;
  while (durable < written && !parts_->durable.compare_exchange_weak(durable, written)) {
  }
  return {};
}

uint64_t Store::durable_changes() const { return parts_->durable; }
uint64_t Store::newest_wal() const { return parts_->newest_wal().value_or(0); }
std::optional<std::string> Store::lost_wal() const {
  // RocksDB asks for the file's size by its name. Another thread may move it on to the next WAL in
  // between, and remove this one: then the second look finds that next one.
  for (const int look : {1, 2}) {
    std::unique_ptr<rocksdb::LogFile> wal;
    const rocksdb::Status status = parts_->db->GetCurrentWalFile(&wal);
    if (!status.IsPathNotFound() && !status.IsNotFound()) break;
    if (look == 2) return "the WAL was removed while the log was open: " + status.ToString();
  }
  return std::nullopt;
}
ListEnd Store::list_end() const { return parts_->list->durable(); }

Result<std::optional<std::string>> Store::get(Family family, std::string_view key) const {
  std::string value;
  auto* handle = parts_->family(family);
  if (!handle) return std::nullopt;
  const rocksdb::Status status =
      parts_->db->Get(rocksdb::ReadOptions(), handle, slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(error_of(status, "reading"));
  return value;
}

StoreIterator Store::iterate(Family family) const {
  // Records are read from end to end, once, when a log opens: kept in the cache, they would only
  // stand in the way of events, and take as much memory as the cache has.
  rocksdb::ReadOptions options;
  options.fill_cache =
      family == Family::events || family == Family::segments || family == Family::index;
  return parts_->iterate(family, options);
}

StoreIterator Store::read_through(Family family) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = 1 << 20;
  return parts_->iterate(family, options);
}

Status Store::flush(SegmentId open) {
  if (auto ok = sync(); !ok) return ok;
  const std::optional<uint64_t> wal = parts_->newest_wal();
  const auto note_new_wal = [&] {
    if (parts_->newest_wal() != wal) parts_->before_wal = parts_->db->GetLatestSequenceNumber();
  };
  rocksdb::FlushOptions flush;
  flush.wait = false;
  flush.allow_write_stall = true;
  for (auto* family : parts_->families) {
    const rocksdb::Status status = parts_->db->Flush(flush, family);
    note_new_wal();
    if (status.IsTryAgain()) return fail(Code::busy, "earlier flushes are not done yet");
    if (!status.ok()) return std::unexpected(error_of(status, "flushing"));
  }
  parts_->flushes.begin(open);
  return {};
}

uint64_t Store::flushes_begun() const { return parts_->flushes.begun(); }

bool Store::may_be_in_memory(SegmentId segment) const {
  return parts_->flushes.may_be_in_memory(segment);
}

void Store::set_first_live(SegmentId segment) { parts_->first_live = segment.value; }
Status Store::drop_events_below(SegmentId first_live) {
  const rocksdb::Status status = delete_below(*parts_->db, parts_->family(Family::events),
                                              be64(first_stripe(first_live).value),
                                              parts_->flushes.may_be_writing(first_live));
  if (!status.ok()) return std::unexpected(error_of(status, "deleting a segment's events"));
  return {};
}

void Store::finish() {
  // No compaction fails from here on; one that just has is heard.
  rocksdb::CancelAllBackgroundWork(parts_->db.get(), true);
  if (parts_->pausing.joinable()) parts_->pausing.join();
}

void Store::freeze() { parts_->gate->freeze(); }

std::vector<std::pair<std::string, std::string>> Store::check_tables() const {
  std::vector<rocksdb::LiveFileMetaData> live;
  parts_->db->GetLiveFilesMetaData(&live);
  std::vector<std::pair<std::string, std::string>> wrong;
  for (const auto& table : live) {
    const auto family = std::ranges::find(kFamilyNames, table.column_family_name);
    if (family == kFamilyNames.end()) continue;
    auto* handle = parts_->families[static_cast<size_t>(family - kFamilyNames.begin())];
    const std::filesystem::path file = table.db_path + table.name;
    std::string why = wrong_in(file, parts_->db->GetOptions(handle), true);
    if (const auto withheld = withheld_in(why)) {
      why = "not checked: " + inaccessible(why, *withheld).message;
    }
    std::error_code gone;  // compacted meanwhile
    if (!why.empty() && std::filesystem::exists(file, gone)) {
      wrong.emplace_back(file.string(), std::move(why));
    }
  }
  return wrong;
}

std::vector<std::filesystem::path> Store::event_tables(const EventKey& from,
                                                       const EventKey& to) const {
  std::vector<rocksdb::LiveFileMetaData> live;
  parts_->db->GetLiveFilesMetaData(&live);
  const std::string low = encode(from), high = encode(to);
  std::vector<std::filesystem::path> tables;
  for (const auto& table : live) {
    if (table.column_family_name == "events" && table.largestkey >= low &&
        table.smallestkey <= high) {
      tables.push_back(table.db_path + table.name);
    }
  }
  return tables;
}

uint64_t Store::unflushed_bytes() const {
  uint64_t bytes = 0;
  parts_->db->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &bytes);
  return bytes;
}

uint64_t Store::disk_bytes() const {
  constexpr auto& kBytes = rocksdb::DB::Properties::kTotalSstFilesSize;
  uint64_t sum = 0, bytes = 0;
  for (auto* handle : parts_->families) {
    if (handle && parts_->db->GetIntProperty(handle, kBytes, &bytes)) sum += bytes;
  }
  rocksdb::VectorLogPtr wals;
  if (parts_->db->GetSortedWalFiles(wals).ok()) {
    for (const auto& wal : wals) sum += wal->SizeFileBytes();
  }
  return sum;
}

}  // namespace strandline
