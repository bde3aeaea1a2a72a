// RocksDB behind one class. Above it there are families, keys, values and this project's errors.
//
// *Durability*: write() hands a batch of changes to the operating system, in one piece; sync()
// makes everything written before it durable. *Threads*: write and sync may run at once, on one
// thread each; reading on any. *Errors*: after any failed write or sync the store cannot be used
// for writing any more: the caller seals the log. Iterators report damage through status(), which
// must be checked whenever an iterator is not valid. *Memory*: an iterator's key and value live
// until it moves.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "engine/api/options.h"
#include "engine/format/keys.h"
#include "engine/format/list_end.h"

namespace rocksdb {
class Iterator;
class WriteBatch;
struct ColumnFamilyDescriptor;
struct DBOptions;
}  // namespace rocksdb

namespace strandline {

// Written since the last flush, at which the writer flushes: what a table file of level 0 holds,
// and about what reopening replays. 16 MB made a commit's waits for a disk that discards deleted
// files shorter (bench/README.md, Soak), and cost a seventh of the engine's appends.
inline constexpr size_t kFlushBytes = 64 << 20;

enum class Family { events, streams, segments, consumers, producers, access, index };
inline constexpr size_t kFamilies = 7;

// One WriteBatch: all of it or nothing.
class Changes {
 public:
  ~Changes();
  Changes(Changes&&) noexcept;
  void put(Family family, std::string_view key, std::string_view value);
  void erase(Family family, std::string_view key);
  bool empty() const;
  size_t bytes() const;

 private:
  friend class Store;
  Changes();

  std::unique_ptr<rocksdb::WriteBatch> batch_;
  class Store* store_ = nullptr;
};

class StoreIterator {
 public:
  explicit StoreIterator(std::unique_ptr<rocksdb::Iterator> iterator);
  StoreIterator(StoreIterator&&) noexcept;
  StoreIterator& operator=(StoreIterator&&) noexcept;
  ~StoreIterator();

  void seek(std::string_view key);           // the first at or after
  void seek_for_prev(std::string_view key);  // the last at or before
  void seek_to_first();
  void next();
  bool valid() const;
  std::string_view key() const;
  std::string_view value() const;
  // What went wrong, if valid() is false for another reason than the end.
  std::optional<std::string> damage() const;
  // Of that: the file system failed, and what is stored may be whole.
  bool io_failed() const;

 private:
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class Store {
 public:
  ~Store();

  Changes changes();
  Status write(Changes changes);
  Status sync();
  // RocksDB's last sequence number that is durable: as of opening, all that it recovered.
  uint64_t durable_changes() const;
  uint64_t newest_wal() const;  // its number, as in its file's name
  ListEnd list_end() const;     // an owner's
  // What was removed of the WAL that is being written, which goes on without its name. An owner's.
  std::optional<std::string> lost_wal() const;

  // What the family holds under a key; nothing if it holds nothing; `corrupt` if it cannot be read.
  Result<std::optional<std::string>> get(Family family, std::string_view key) const;
  StoreIterator iterate(Family family) const;
  // For reading much of it once, in order: what it passes is not kept in the cache.
  StoreIterator read_through(Family family) const;

  // Moves what is in memory towards table files of its own, and the WAL on. Syncs first, so that no
  // WAL is left behind with an end that is not durable while a newer one goes on: after a power cut
  // that would be a hole. RocksDB itself never switches (store_options.cc). Does not wait;
  // `busy` if too many earlier flushes are still under way. `open` is the segment that events go to
  // from here on.
  Status flush(SegmentId open);
  uint64_t flushes_begun() const;  // since it was opened
  // Whether anything of a segment may be in memory that no flush has begun to write.
  bool may_be_in_memory(SegmentId segment) const;
  // Removes every event of the segments below `first_live`, most of them as whole files.
  Status drop_events_below(SegmentId first_live);
  // Compactions leave out what lies below it. Set before events are dropped.
  void set_first_live(SegmentId segment);

  // Ends flushes and compactions under way, and begins no others: the list of tables stays as it
  // is, and reading goes on. For an owner that writes no more.
  void finish();
  // From now on no file is made, renamed or deleted, for the directory is not the log's any more.
  void freeze();

  uint64_t disk_bytes() const;       // of table files and WAL
  uint64_t unflushed_bytes() const;  // in memory and the WAL alone: what flushes will write

  // The table files that may hold keys of [from, to], both included.
  std::vector<std::filesystem::path> event_tables(const EventKey& from, const EventKey& to) const;
  // Reads every block of every table file: those that are not whole, and why.
  std::vector<std::pair<std::string, std::string>> check_tables() const;

 private:
  friend class Changes;
  friend class ClosedStore;
  struct Parts;
  explicit Store(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// A store that is not open yet: its directory, and RocksDB's options for it. Whoever looks for
// damage, or repairs it, uses the same ones (store_repair.h).
class ClosedStore {
 public:
  // Of an observer the files as they are at this moment. `on_failure` is told, on any thread, that
  // a background write failed.
  static Result<ClosedStore> prepare(const std::filesystem::path& directory, const Options& options,
                                     std::function<void(const std::string&)> on_failure);
  ClosedStore(ClosedStore&&) noexcept;
  ~ClosedStore();

  const std::filesystem::path& directory() const;
  const rocksdb::DBOptions& database() const;
  // Those that are there, behind RocksDB's default one.
  const std::vector<rocksdb::ColumnFamilyDescriptor>& families() const;

  // Once it has opened, this is over. *Errors*: RocksDB's own words; refusal_of (store_repair.h)
  // adds the files that it does not name.
  Result<std::unique_ptr<Store>> open();

 private:
  struct Parts;
  explicit ClosedStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace strandline
