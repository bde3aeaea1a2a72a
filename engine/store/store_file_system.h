// The file system under the store, with seven things that RocksDB leaves to chance, or does in
// vain.
//
// *The list of tables*: whatever is written to a MANIFEST is written to a copy beside it, too, and
// fsynced there right after (table_list.h). A copy that fails fails the MANIFEST. How far both are
// durable a ListWatch is told (list_end.h).
//
// *Names*: before CURRENT names a MANIFEST, that file's own entry is durable. RocksDB fsyncs the
// MANIFEST, renames CURRENT, then fsyncs the directory once for both; where a file system may keep
// the second entry and lose the first, a power cut in between leaves a store that names a file
// which is not there.
//
// *Tables*: a table whose end makes no sense cannot be opened (table_footer.h). The same holds for
// a table that was taken out and is being salvaged.
//
// *Deleting*: a large file gives its space back a piece at a time (reclaimer.h).
//
// *OPTIONS*: none is written. RocksDB writes one at each opening and for each family, fsyncs it,
// reads it back and parses it, which was half of what opening a small log takes; the options are in
// store_options.cc, and nothing reads the file.
//
// *A directory that is gone*: nothing is made, renamed or deleted in what stands there instead.
//
// *A WAL that fails*: SyncWAL on a WAL to which an append, or a sync of a flush's own, has failed
// before ends the process by an assertion (writable_file_writer.h of 7.8.3). So the WalGate holds
// the failure of an append back until the syncs under way are over, and none begins after; and a
// flush, before which the WAL was synced (store.h), syncs it no second time.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "engine/format/list_end.h"

namespace strandline {

inline constexpr std::string_view kCopySuffix = ".copy";  // after the name of a MANIFEST
// What RocksDB warns of then, and nobody needs to hear.
inline constexpr const char* kNoOptionsFile = "a log's options are not in a file";

// *Threads*: any.
class WalGate {
 public:
  // Why the WAL may not be synced, if an append to it, or a sync, has failed; otherwise it may, and
  // leave_sync must follow.
  std::optional<std::string> enter_sync();
  void leave_sync();
  // The first failure: what RocksDB says of later ones is only that there was one.
  std::optional<std::string> failed() const;
  // Returns when no sync is under way; none begins after.
  void append_failed(const std::string& why);
  // The same of a sync, while it is under way: those that wait behind it must not believe their
  // own.
  void sync_failed(const std::string& why);

  // Once the directory is not the store's any more (directory_identity.h): RocksDB goes by paths,
  // and would make and delete files in whatever stands there now.
  void freeze() { frozen_ = true; }
  bool frozen() const { return frozen_; }

 private:
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable left_;
  int syncs_ = 0;
  std::optional<std::string> failed_;
  std::atomic<bool> frozen_ = false;
};

std::shared_ptr<rocksdb::FileSystem> store_file_system(std::shared_ptr<rocksdb::FileSystem> under,
                                                       std::shared_ptr<WalGate> gate,
                                                       std::shared_ptr<ListWatch> list);

}  // namespace strandline
