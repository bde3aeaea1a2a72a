// The files and directories that a RecordedDisk hands out: each only passes on to its disk, which
// must outlive it.
#pragma once

#include <utility>

#include "tests/support/disk/recorded_disk.h"

namespace strandline::tests {

struct RecordedSequentialFile : rocksdb::FSSequentialFile {
  RecordedSequentialFile(RecordedDisk& disk, RecordedDisk::NodePtr node)
      : disk(disk), node(std::move(node)) {}
  RecordedDisk::S Read(size_t bytes, const RecordedDisk::O&, rocksdb::Slice* result, char* scratch,
                       RecordedDisk::D*) override {
    const RecordedDisk::S status = disk.read(node, at, bytes, result, scratch);
    if (status.ok()) at += result->size();
    return status;
  }
  RecordedDisk::S Skip(uint64_t bytes) override {
    at += bytes;
    return RecordedDisk::S::OK();
  }
  RecordedDisk& disk;
  const RecordedDisk::NodePtr node;
  uint64_t at = 0;
};

struct RecordedRandomAccessFile : rocksdb::FSRandomAccessFile {
  RecordedRandomAccessFile(RecordedDisk& disk, RecordedDisk::NodePtr node)
      : disk(disk), node(std::move(node)) {}
  RecordedDisk::S Read(uint64_t at, size_t bytes, const RecordedDisk::O&, rocksdb::Slice* result,
                       char* scratch, RecordedDisk::D*) const override {
    return disk.read(node, at, bytes, result, scratch);
  }
  RecordedDisk& disk;
  const RecordedDisk::NodePtr node;
};

struct RecordedWritableFile : rocksdb::FSWritableFile {
  using rocksdb::FSWritableFile::Append;
  RecordedWritableFile(RecordedDisk& disk, RecordedDisk::NodePtr node)
      : disk(disk), node(std::move(node)) {}
  RecordedDisk::S Append(const rocksdb::Slice& data, const RecordedDisk::O&,
                         RecordedDisk::D*) override {
    return disk.write(node, std::nullopt, data);
  }
  RecordedDisk::S Append(const rocksdb::Slice& data, const RecordedDisk::O&,
                         const rocksdb::DataVerificationInfo&, RecordedDisk::D*) override {
    return disk.write(node, std::nullopt, data);
  }
  RecordedDisk::S Truncate(uint64_t bytes, const RecordedDisk::O&, RecordedDisk::D*) override {
    return disk.truncate(node, bytes);
  }
  RecordedDisk::S Close(const RecordedDisk::O&, RecordedDisk::D*) override {
    return RecordedDisk::S::OK();
  }
  RecordedDisk::S Flush(const RecordedDisk::O&, RecordedDisk::D*) override {
    return RecordedDisk::S::OK();
  }
  RecordedDisk::S Sync(const RecordedDisk::O&, RecordedDisk::D*) override {
    return disk.sync(node);
  }
  RecordedDisk::S Fsync(const RecordedDisk::O&, RecordedDisk::D*) override {
    return disk.sync(node);
  }
  RecordedDisk::S RangeSync(uint64_t, uint64_t, const RecordedDisk::O&, RecordedDisk::D*) override {
    return disk.range_sync(node);
  }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const RecordedDisk::O&, RecordedDisk::D*) override {
    return disk.size(node);
  }
  RecordedDisk& disk;
  const RecordedDisk::NodePtr node;
};

struct RecordedRandomFile : rocksdb::FSRandomRWFile {
  RecordedRandomFile(RecordedDisk& disk, RecordedDisk::NodePtr node)
      : disk(disk), node(std::move(node)) {}
  RecordedDisk::S Write(uint64_t at, const rocksdb::Slice& data, const RecordedDisk::O&,
                        RecordedDisk::D*) override {
    return disk.write(node, at, data);
  }
  RecordedDisk::S Read(uint64_t at, size_t bytes, const RecordedDisk::O&, rocksdb::Slice* result,
                       char* scratch, RecordedDisk::D*) const override {
    return disk.read(node, at, bytes, result, scratch);
  }
  RecordedDisk::S Flush(const RecordedDisk::O&, RecordedDisk::D*) override {
    return RecordedDisk::S::OK();
  }
  RecordedDisk::S Sync(const RecordedDisk::O&, RecordedDisk::D*) override {
    return disk.sync(node);
  }
  RecordedDisk::S Fsync(const RecordedDisk::O&, RecordedDisk::D*) override {
    return disk.sync(node);
  }
  RecordedDisk::S Close(const RecordedDisk::O&, RecordedDisk::D*) override {
    return RecordedDisk::S::OK();
  }
  RecordedDisk& disk;
  const RecordedDisk::NodePtr node;
};

struct RecordedDirectory : rocksdb::FSDirectory {
  RecordedDirectory(RecordedDisk& disk, std::string path) : disk(disk), path(std::move(path)) {}
  RecordedDisk::S Fsync(const RecordedDisk::O&, RecordedDisk::D*) override {
    return disk.sync_directory(path);
  }
  RecordedDisk::S Close(const RecordedDisk::O&, RecordedDisk::D*) override {
    return RecordedDisk::S::OK();
  }
  RecordedDisk& disk;
  const std::string path;
};

}  // namespace strandline::tests
