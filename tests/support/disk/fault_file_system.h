// A file system under the store whose fsync of the WAL, what is appended to it, and reads of tables
// can be held back; its fsync, and reads of tables, can be made to fail.
//
// Give it to Options::file_system through `as_option()`. Thread-safe.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace strandline::tests {

class FaultFileSystem : public rocksdb::FileSystemWrapper {
 public:
  FaultFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultFileSystem"; }

  // From now on a sync of the WAL waits until release().
  void hold();
  void release();
  // The same of what is appended to a WAL: it is counted, and not written yet.
  void hold_appends();
  // From now on a sync of the WAL answers an I/O error.
  void fail();
  // While told so, a read of a table answers an I/O error.
  void fail_reads(bool fail) { reads_fail_ = fail; }
  bool reads_fail() const { return reads_fail_; }
  // From now on a read of a table waits until release(); how many wait.
  void hold_reads();
  uint64_t reads_waiting() const;
  // How many syncs have reached the gate, held or not.
  uint64_t syncs() const;
  // Bytes appended to WALs since the beginning.
  uint64_t wal_bytes() const;

  static std::shared_ptr<void> as_option(const std::shared_ptr<FaultFileSystem>& faults) {
    return std::static_pointer_cast<rocksdb::FileSystem>(faults);
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;

  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override;

  // For the files that it hands out.
  rocksdb::IOStatus gate();
  void wrote(uint64_t bytes);
  void read_gate();

 private:
  void wrap(const std::string& name, std::unique_ptr<rocksdb::FSWritableFile>* file);

  std::atomic<bool> reads_fail_ = false;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable released_;
  bool held_ = false;
  bool appends_held_ = false;
  bool reads_held_ = false;
  uint64_t reads_waiting_ = 0;
  bool failing_ = false;
  uint64_t syncs_ = 0;
  uint64_t wal_bytes_ = 0;
};

}  // namespace strandline::tests
