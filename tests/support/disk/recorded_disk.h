// A disk in memory under a log (Options::file_system): it records all that it is told, in order,
// and can be told to fail.
//
// What it shows is what an operating system shows: every write at once. What a power cut would
// leave of it is decided later, from the recording (power_cut.h). *Threads*: any. A sync takes a
// little while, as a real one does, so that other threads' writes fall into it.
#pragma once

#include <rocksdb/file_system.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>

#include "tests/support/disk/recording.h"

namespace strandline::tests {

// What is about to happen, for a test that decides whether it does.
struct Access {
  enum class Kind { open, read, list, create, write, truncate, sync, rename, unlink, directory };
  Kind kind;
  const std::string& path;

  bool reads() const { return kind <= Kind::list; }
  bool writes_wal() const {
    return (kind == Kind::write || kind == Kind::sync) && path.ends_with(".log");
  }
};

enum class Fault {
  none,
  eio,         // nothing is done
  no_space,    // nothing is done
  half,        // half the bytes of a write are written; anything else as eio
  drop_pages,  // a sync: what was not durable of the file reads as zeros; anything else as eio
};

class RecordedDisk : public rocksdb::FileSystem {
 public:
  explicit RecordedDisk(DiskImage image = {}, uint64_t seed = 0);
  ~RecordedDisk() override;
  const char* Name() const override { return "RecordedDisk"; }
  static std::shared_ptr<void> as_option(const std::shared_ptr<RecordedDisk>& disk) {
    return std::static_pointer_cast<rocksdb::FileSystem>(disk);
  }

  // Asked about everything before it is done, under the disk's mutex. Null: nothing fails. What
  // fails is a note in the recording, too.
  void on_access(std::function<Fault(const Access&)> faults);
  // Words into the recording, at this instant.
  void note(const std::vector<std::string>& words);
  // The notes of another disk's recording, up to an instant of it: what this one's life goes on
  // from.
  void inherit_notes(const Recording& recording, size_t instant);
  uint64_t instant() const;
  Recording recording() const;
  // What it shows now: what a process that was killed leaves behind.
  DiskImage image() const;

  // --- rocksdb::FileSystem
  using S = rocksdb::IOStatus;
  using O = rocksdb::IOOptions;
  using D = rocksdb::IODebugContext;
  using F = rocksdb::FileOptions;
  template <class T>
  using Made = std::unique_ptr<T>*;
  S NewSequentialFile(const std::string&, const F&, Made<rocksdb::FSSequentialFile>, D*) override;
  S NewRandomAccessFile(const std::string&, const F&, Made<rocksdb::FSRandomAccessFile>,
                        D*) override;
  S NewWritableFile(const std::string&, const F&, Made<rocksdb::FSWritableFile>, D*) override;
  S ReopenWritableFile(const std::string&, const F&, Made<rocksdb::FSWritableFile>, D*) override;
  S NewRandomRWFile(const std::string&, const F&, Made<rocksdb::FSRandomRWFile>, D*) override;
  S NewDirectory(const std::string&, const O&, Made<rocksdb::FSDirectory>, D*) override;
  S FileExists(const std::string&, const O&, D*) override;
  S GetChildren(const std::string&, const O&, std::vector<std::string>*, D*) override;
  S DeleteFile(const std::string&, const O&, D*) override;
  S Truncate(const std::string&, size_t, const O&, D*) override;
  S CreateDir(const std::string&, const O&, D*) override;
  S CreateDirIfMissing(const std::string&, const O&, D*) override;
  S DeleteDir(const std::string&, const O&, D*) override;
  S GetFileSize(const std::string&, const O&, uint64_t*, D*) override;
  S GetFileModificationTime(const std::string&, const O&, uint64_t*, D*) override;
  S RenameFile(const std::string&, const std::string&, const O&, D*) override;
  S LinkFile(const std::string&, const std::string&, const O&, D*) override;
  S LockFile(const std::string&, const O&, rocksdb::FileLock**, D*) override;
  S UnlockFile(rocksdb::FileLock*, const O&, D*) override;
  S GetTestDirectory(const O&, std::string*, D*) override;
  S GetAbsolutePath(const std::string&, const O&, std::string*, D*) override;
  S GetFreeSpace(const std::string&, const O&, uint64_t*, D*) override;
  S IsDirectory(const std::string&, const O&, bool*, D*) override;

  // --- For the files that it hands out.
  struct Node {
    uint64_t number;
    std::string path;  // by which it was opened last, for messages
    std::string bytes;
  };
  using NodePtr = std::shared_ptr<Node>;
  S read(const NodePtr& node, uint64_t at, size_t bytes, rocksdb::Slice* result, char* scratch);
  S write(const NodePtr& node, std::optional<uint64_t> at, const rocksdb::Slice& data);
  S truncate(const NodePtr& node, uint64_t bytes);
  S sync(const NodePtr& node);
  S range_sync(const NodePtr& node);
  S sync_directory(const std::string& path);
  uint64_t size(const NodePtr& node) const;

 private:
  static std::string clean(const std::string& path);  // without doubled slashes, or one at its end
  static S failed(Fault fault, const std::string& path);
  Fault ask(Access::Kind kind, const std::string& path);
  S open_file(const std::string& path, NodePtr& node);
  S open_for_writing(const std::string& path, bool truncate, NodePtr& node);
  void record(DiskOp op) { recording_.ops.push_back(std::move(op)); }
  uint64_t durable_bytes(const Node& node) const;
  // A sync's little while; not under the mutex.
  void take_a_while();

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable never_;
  Recording recording_;
  std::map<std::string, NodePtr> files_;
  std::set<std::string> directories_;
  std::set<std::string> locks_;
  uint64_t nodes_ = 0;
  std::function<Fault(const Access&)> faults_;
  std::mt19937_64 random_;
};

}  // namespace strandline::tests
