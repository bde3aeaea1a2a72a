#include "engine/store.h"

#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/listener.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdarg>
#include <mutex>

#include "engine/mutation.h"
#include "engine/ordered_names.h"
#include "engine/store_options.h"
#include "engine/wal_end.h"

namespace strandline {
namespace {

constexpr std::array<const char*, kFamilies> kFamilyNames = {"events", "streams", "segments",
                                                             "consumers"};

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Passes on what RocksDB warns of, and drops its chatter.
class WarningLogger : public rocksdb::Logger {
 public:
  explicit WarningLogger(std::function<void(const std::string&)> sink)
      : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), sink_(std::move(sink)) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    if (!sink_) return;
    char line[1024];
    vsnprintf(line, sizeof line, format, arguments);
    sink_(line);
  }

 private:
  std::function<void(const std::string&)> sink_;
};

// After a failed write RocksDB would try to recover by itself, which can abort the process: the log
// is sealed instead, and recovers when it is reopened.
class FailureListener : public rocksdb::EventListener {
 public:
  FailureListener(std::function<void(const std::string&)> on_failure,
                  std::function<void(const std::string&)> on_warning)
      : on_failure_(std::move(on_failure)), on_warning_(std::move(on_warning)) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsCorruption()) {
      // Damage that a compaction meets is in old data: its readers get a gap, and nothing that is
      // written now is at risk.
      if (on_warning_) on_warning_("compaction met damage: " + status->ToString());
      *status = rocksdb::Status::OK();
      return;
    }
    if (mutated(Mutation::writing_on_after_wal_error) ||
        mutated(Mutation::offset_reused_after_failed_write)) {
      *status = rocksdb::Status::OK();
      return;
    }
    on_failure_(status->ToString());
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  std::function<void(const std::string&)> on_failure_;
  std::function<void(const std::string&)> on_warning_;
};

Error error_of(const rocksdb::Status& status, const std::string& doing) {
  const std::string text = status.ToString();
  Code code = Code::io;
  if (status.IsCorruption()) code = Code::corrupt;
  if (status.IsIOError() && (text.find("lock file") != std::string::npos ||
                             text.find("lock hold by") != std::string::npos)) {
    return {.code = Code::locked,
            .message = doing +
                       ": another process (or another log in this one) owns this directory, and "
                       "one at a time may write to it"};
  }
  return {.code = code, .message = doing + ": " + text};
}

}  // namespace

struct Store::Parts {
  std::atomic<uint64_t> first_live{0};
  std::atomic<uint64_t> durable{0};  // RocksDB's last sequence number that was fsynced
  std::shared_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families{};
  rocksdb::ColumnFamilyHandle* default_family = nullptr;
  std::filesystem::path secondary;  // an observer's scratch directory
  std::mutex mutex;                 // guards spare
  // Write batches that were written, kept for the memory they hold: a fresh one grows to a megabyte
  // by doubling, through pages that the system has to map each time.
  std::vector<std::unique_ptr<rocksdb::WriteBatch>> spare;

  rocksdb::ColumnFamilyHandle* family(Family f) const { return families[static_cast<size_t>(f)]; }
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

Store::Store(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Store::~Store() {
  for (auto* handle : parts_->families) {
    if (handle) parts_->db->DestroyColumnFamilyHandle(handle);
  }
  if (parts_->default_family) parts_->db->DestroyColumnFamilyHandle(parts_->default_family);
  parts_->db.reset();
  std::error_code ignored;
  if (!parts_->secondary.empty()) std::filesystem::remove_all(parts_->secondary, ignored);
}

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& directory,
                                           const Options& options,
                                           std::function<void(const std::string&)> on_failure) {
  auto parts = std::make_unique<Parts>();
  rocksdb::DBOptions database = database_options(options);
  database.info_log = std::make_shared<WarningLogger>(options.on_warning);
  database.listeners = {
      std::make_shared<FailureListener>(std::move(on_failure), options.on_warning)};
  parts->env = rocksdb::NewCompositeEnv(with_ordered_names(
      options.file_system ? std::static_pointer_cast<rocksdb::FileSystem>(options.file_system)
                          : rocksdb::FileSystem::Default()));
  database.env = parts->env.get();
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors = {
      {rocksdb::kDefaultColumnFamilyName, records_options(options)}};
  for (const char* name : kFamilyNames) {
    const bool events = std::string_view(name) == "events";
    descriptors.emplace_back(
        name, events ? events_options(options, &parts->first_live) : records_options(options));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status;
  if (options.mode == Options::Mode::observer) {
    // A secondary reads the owner's files and keeps its own info log elsewhere.
    std::string scratch = (std::filesystem::temp_directory_path() / "strandline-XXXXXX").string();
    if (!mkdtemp(scratch.data())) return fail(Code::io, "no temporary directory: " + scratch);
    parts->secondary = scratch;
    status = rocksdb::DB::OpenAsSecondary(database, directory.string(), scratch, descriptors,
                                          &handles, &db);
    if (!status.ok()) std::filesystem::remove_all(parts->secondary);
  } else {
    status = rocksdb::DB::Open(database, directory.string(), descriptors, &handles, &db);
  }
  if (!status.ok()) {
    return std::unexpected(error_of(status, "opening the store in " + directory.string()));
  }
  parts->db.reset(db);
  parts->default_family = handles[0];
  parts->durable = db->GetLatestSequenceNumber();
  std::copy(handles.begin() + 1, handles.end(), parts->families.begin());
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
  changes.batch_->PutLogData(wal_mark(parts_->durable));
  const rocksdb::Status status = parts_->db->Write(write, changes.batch_.get());
  if (!status.ok()) return std::unexpected(error_of(status, "writing to the WAL"));
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
  const rocksdb::Status status = parts_->db->SyncWAL();
  if (!status.ok()) return std::unexpected(error_of(status, "fsync of the WAL"));
  uint64_t durable = parts_->durable;
  while (durable < written && !parts_->durable.compare_exchange_weak(durable, written)) {
  }
  return {};
}

Result<std::optional<std::string>> Store::get(Family family, std::string_view key) const {
  std::string value;
  const rocksdb::Status status =
      parts_->db->Get(rocksdb::ReadOptions(), parts_->family(family), slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(error_of(status, "reading"));
  return value;
}

StoreIterator Store::iterate(Family family) const {
  return StoreIterator(std::unique_ptr<rocksdb::Iterator>(
      parts_->db->NewIterator(rocksdb::ReadOptions(), parts_->family(family))));
}

Status Store::flush() {
  if (auto ok = sync(); !ok) return ok;
  rocksdb::FlushOptions flush;
  flush.wait = false;
  flush.allow_write_stall = true;
  for (auto* family : parts_->families) {
    const rocksdb::Status status = parts_->db->Flush(flush, family);
    if (status.IsTryAgain()) return fail(Code::busy, "earlier flushes are not done yet");
    if (!status.ok()) return std::unexpected(error_of(status, "flushing"));
  }
  return {};
}

void Store::set_first_live(SegmentId segment) { parts_->first_live = segment.value; }

Status Store::drop_events_below(SegmentId first_live) {
  auto* events = parts_->family(Family::events);
  const std::string end = be64(first_live.value);
  const rocksdb::Slice limit = slice(end);
  rocksdb::Status status =
      rocksdb::DeleteFilesInRange(parts_->db.get(), events, nullptr, &limit, false);
  if (!status.ok()) return std::unexpected(error_of(status, "deleting a segment's files"));
  // What shared a file with a segment that stays, or is still in memory: compacted away.
  StoreIterator left = iterate(Family::events);
  left.seek_to_first();
  if (!left.valid() || left.key() >= std::string_view(end)) return {};
  status = parts_->db->CompactRange(rocksdb::CompactRangeOptions(), events, nullptr, &limit);
  if (!status.ok()) return std::unexpected(error_of(status, "compacting a dropped segment"));
  return {};
}

uint64_t Store::disk_bytes() const {
  uint64_t sum = 0;
  for (auto* handle : parts_->families) {
    uint64_t bytes = 0;
    parts_->db->GetIntProperty(handle, rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
    sum += bytes;
  }
  rocksdb::VectorLogPtr wals;
  if (parts_->db->GetSortedWalFiles(wals).ok()) {
    for (const auto& wal : wals) sum += wal->SizeFileBytes();
  }
  return sum;
}

}  // namespace strandline
