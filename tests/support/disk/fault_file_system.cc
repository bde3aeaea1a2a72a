#include "tests/support/disk/fault_file_system.h"

namespace strandline::tests {

namespace {

class FaultFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultFile(std::unique_ptr<rocksdb::FSWritableFile> file, FaultFileSystem& faults)
      : FSWritableFileOwnerWrapper(std::move(file)), faults_(faults) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    faults_.wrote(data.size());
    return target()->Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& info,
                           rocksdb::IODebugContext* debug) override {
    faults_.wrote(data.size());
    return target()->Append(data, options, info, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus status = faults_.gate();
    return status.ok() ? target()->Sync(options, debug) : status;
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus status = faults_.gate();
    return status.ok() ? target()->Fsync(options, debug) : status;
  }

 private:
  FaultFileSystem& faults_;
};

class FaultTable : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  FaultTable(std::unique_ptr<rocksdb::FSRandomAccessFile> file, FaultFileSystem& faults)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), faults_(faults) {}

  rocksdb::IOStatus Read(uint64_t at, size_t bytes, const rocksdb::IOOptions& options,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext* debug) const override {
    faults_.read_gate();
    if (faults_.reads_fail()) return rocksdb::IOStatus::IOError("this disk was told to fail");
    return target()->Read(at, bytes, options, result, scratch, debug);
  }

 private:
  FaultFileSystem& faults_;
};

}  // namespace

rocksdb::IOStatus FaultFileSystem::NewRandomAccessFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSRandomAccessFile>* file, rocksdb::IODebugContext* debug) {
  const rocksdb::IOStatus status = target()->NewRandomAccessFile(name, options, file, debug);
  if (status.ok() && name.ends_with(".sst")) {
    *file = std::make_unique<FaultTable>(std::move(*file), *this);
  }
  return status;
}

void FaultFileSystem::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void FaultFileSystem::hold_appends() {
  const std::lock_guard lock(mutex_);
  appends_held_ = true;
}

void FaultFileSystem::hold_reads() {
  const std::lock_guard lock(mutex_);
  reads_held_ = true;
}

uint64_t FaultFileSystem::reads_waiting() const {
  const std::lock_guard lock(mutex_);
  return reads_waiting_;
}

void FaultFileSystem::read_gate() {
  std::unique_lock lock(mutex_);
  if (!reads_held_) return;
  ++reads_waiting_;
  released_.wait(lock, [&] { return !reads_held_; });
  --reads_waiting_;
}

void FaultFileSystem::release() {
  const std::lock_guard lock(mutex_);
  held_ = appends_held_ = reads_held_ = false;
  released_.notify_all();
}

void FaultFileSystem::fail() {
  const std::lock_guard lock(mutex_);
  failing_ = true;
}

uint64_t FaultFileSystem::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

uint64_t FaultFileSystem::wal_bytes() const {
  const std::lock_guard lock(mutex_);
  return wal_bytes_;
}

void FaultFileSystem::wrote(uint64_t bytes) {
  std::unique_lock lock(mutex_);
  wal_bytes_ += bytes;
  released_.wait(lock, [&] { return !appends_held_; });
}

rocksdb::IOStatus FaultFileSystem::gate() {
  std::unique_lock lock(mutex_);
  ++syncs_;
  released_.wait(lock, [&] { return !held_; });
  return failing_ ? rocksdb::IOStatus::IOError("this disk was told to fail")
                  : rocksdb::IOStatus::OK();
}

void FaultFileSystem::wrap(const std::string& name,
                           std::unique_ptr<rocksdb::FSWritableFile>* file) {
  if (name.ends_with(".log")) *file = std::make_unique<FaultFile>(std::move(*file), *this);
}

rocksdb::IOStatus FaultFileSystem::NewWritableFile(const std::string& name,
                                                   const rocksdb::FileOptions& options,
                                                   std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                   rocksdb::IODebugContext* debug) {
  const rocksdb::IOStatus status = target()->NewWritableFile(name, options, file, debug);
  if (status.ok()) wrap(name, file);
  return status;
}

rocksdb::IOStatus FaultFileSystem::ReopenWritableFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* debug) {
  const rocksdb::IOStatus status = target()->ReopenWritableFile(name, options, file, debug);
  if (status.ok()) wrap(name, file);
  return status;
}

rocksdb::IOStatus FaultFileSystem::ReuseWritableFile(const std::string& name,
                                                     const std::string& old_name,
                                                     const rocksdb::FileOptions& options,
                                                     std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                     rocksdb::IODebugContext* debug) {
  const rocksdb::IOStatus status =
      target()->ReuseWritableFile(name, old_name, options, file, debug);
  if (status.ok()) wrap(name, file);
  return status;
}

}  // namespace strandline::tests
