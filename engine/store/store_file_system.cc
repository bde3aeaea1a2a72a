#include "engine/store/store_file_system.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "engine/store/reclaimer.h"
#include "engine/store/table_footer.h"

namespace strandline {
namespace {

using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class WalFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WalFile(std::unique_ptr<FSWritableFile> file, std::shared_ptr<WalGate> gate)
      : FSWritableFileOwnerWrapper(std::move(file)), gate_(std::move(gate)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    return wrote(target()->Append(data, options, debug));
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return wrote(target()->Append(data, options, info, debug));
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return told(target()->Flush(options, debug));
  }

  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return clean([&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return clean([&] { return target()->Fsync(options, debug); });
  }

 private:
  // Nothing to do where nothing was appended since the last that succeeded. One at a time: who
  // comes second must not believe that there is nothing to do while the first is under way.
  template <class Sync>
  IOStatus clean(Sync sync) {
    const std::lock_guard lock(syncing_);
    if (!dirty_.exchange(false)) return IOStatus::OK();
    const IOStatus status = sync();
    if (status.ok()) return status;
    dirty_ = true;
    gate_->sync_failed(status.ToString());
    return status;
  }
  // Once it is written, not before: a sync that came in between would be all there is, without it.
  IOStatus wrote(IOStatus status) {
    dirty_ = true;
    return told(std::move(status));
  }
  IOStatus told(IOStatus status) {
    if (!status.ok()) gate_->append_failed(status.ToString());
    return status;
  }

  std::shared_ptr<WalGate> gate_;
  std::mutex syncing_;
  std::atomic<bool> dirty_ = true;  // a new file's own entry, too, is not durable yet
};

// A MANIFEST, and its copy.
class ListFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  ListFile(std::unique_ptr<FSWritableFile> file, std::unique_ptr<FSWritableFile> copy,
           uint64_t number, std::shared_ptr<ListWatch> watch)
      : FSWritableFileOwnerWrapper(std::move(file)),
        copy_(std::move(copy)),
        end_{number, 0},
        watch_(std::move(watch)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    end_.bytes += data.size();
    return both([&](FSWritableFile& file) { return file.Append(data, options, debug); });
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return both([&](FSWritableFile& file) { return file.Append(data, options, info, debug); });
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return both([&](FSWritableFile& file) { return file.Flush(options, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return synced(both([&](FSWritableFile& file) { return file.Sync(options, debug); }));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return synced(both([&](FSWritableFile& file) { return file.Fsync(options, debug); }));
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return both([&](FSWritableFile& file) { return file.Truncate(size, options, debug); });
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return both([&](FSWritableFile& file) { return file.Close(options, debug); });
  }

 private:
  template <class Do>
  IOStatus both(Do act) {
    const IOStatus status = act(*target());
    return status.ok() ? act(*copy_) : status;
  }
  IOStatus synced(IOStatus status) {
    if (status.ok()) watch_->synced(end_);
    return status;
  }

  std::unique_ptr<FSWritableFile> copy_;
  ListEnd end_;  // of what was appended; RocksDB does one thing at a time with a MANIFEST
  const std::shared_ptr<ListWatch> watch_;
};

// In "MANIFEST-000012", and in "000012.dbtmp", which becomes the CURRENT that names it.
uint64_t number_in(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename();
  const size_t at = name.find_first_of("0123456789");
  return at == std::string::npos ? 0 : std::strtoull(name.c_str() + at, nullptr, 10);
}

bool is_list(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename();
  return name.starts_with("MANIFEST-") && !name.ends_with(kCopySuffix);
}

// Those that are kept in `damaged/`, too: "000012.sst.records".
bool is_table(const std::string& path) {
  return std::filesystem::path(path).filename().string().find(".sst") != std::string::npos;
}

// "OPTIONS-000007.dbtmp", which becomes "OPTIONS-000007".
bool is_options(const std::string& path) {
  return std::filesystem::path(path).filename().string().starts_with("OPTIONS-");
}

class StoreFileSystem : public rocksdb::FileSystemWrapper {
 public:
  StoreFileSystem(std::shared_ptr<rocksdb::FileSystem> under, std::shared_ptr<WalGate> gate,
                  std::shared_ptr<ListWatch> list)
      : FileSystemWrapper(std::move(under)), gate_(std::move(gate)), list_(std::move(list)) {}
  const char* Name() const override { return "strandline.store-file-system"; }

  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (gate_->frozen()) return gone(to);
    const std::filesystem::path target(to);
    const bool names_list = target.filename() == "CURRENT";
    if (names_list) {
      std::unique_ptr<rocksdb::FSDirectory> directory;
      auto status = NewDirectory(target.parent_path().string(), options, &directory, debug);
      if (status.ok()) status = directory->Fsync(options, debug);
      if (!status.ok()) return status;
    }
    IOStatus status = FileSystemWrapper::RenameFile(from, to, options, debug);
    if (status.ok() && names_list) list_->named(number_in(from));
    return status;
  }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    if (gate_->frozen()) return gone(name);
    if (is_options(name)) return IOStatus::NotSupported(kNoOptionsFile);
    IOStatus status =
        gated(name, FileSystemWrapper::NewWritableFile(name, options, file, debug), file);
    if (!status.ok() || !is_list(name)) return status;
    std::unique_ptr<FSWritableFile> copy;
    status = FileSystemWrapper::NewWritableFile(copy_of(name), options, &copy, debug);
    if (status.ok()) {
      *file = std::make_unique<ListFile>(std::move(*file), std::move(copy), number_in(name), list_);
    }
    return status;
  }
  IOStatus NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::NewRandomAccessFile(name, options, file, debug);
    if (!status.ok() || !is_table(name)) return status;
    uint64_t size = 0;
    status = GetFileSize(name, options.io_options, &size, debug);
    if (!status.ok()) return status;
    const auto read = [&](uint64_t at, size_t bytes) {
      std::string scratch(bytes, '\0');
      rocksdb::Slice got;
      const IOStatus done =
          (*file)->Read(at, bytes, options.io_options, &got, scratch.data(), debug);
      return done.ok() ? got.ToString() : std::string();
    };
    if (const char* wrong = wrong_in_footer(read, size)) return IOStatus::Corruption(name, wrong);
    return status;
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions& options,
                      IODebugContext* debug) override {
    if (gate_->frozen()) return gone(name);
    if (is_list(name)) {
      const IOStatus status = FileSystemWrapper::DeleteFile(copy_of(name), options, debug);
      // Of a build that made none. Any other is left: it is in nobody's way.
      status.PermitUncheckedError();
    }
    return reclaimer_.remove(name,
                             [&] { return FileSystemWrapper::DeleteFile(name, options, debug); });
  }
  IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                              std::unique_ptr<FSWritableFile>* file,
                              IODebugContext* debug) override {
    if (gate_->frozen()) return gone(name);
    return gated(name, FileSystemWrapper::ReopenWritableFile(name, options, file, debug), file);
  }

 private:
  static IOStatus gone(const std::string& name) {
    return IOStatus::IOError(name, "the directory is not the log's any more");
  }
  static std::string copy_of(const std::string& name) { return name + std::string(kCopySuffix); }

  IOStatus gated(const std::string& name, IOStatus status, std::unique_ptr<FSWritableFile>* file) {
    if (status.ok() && name.ends_with(".log")) {
      *file = std::make_unique<WalFile>(std::move(*file), gate_);
    }
    return status;
  }

  const std::shared_ptr<WalGate> gate_;
  const std::shared_ptr<ListWatch> list_;
  Reclaimer reclaimer_;
};

}  // namespace

std::optional<std::string> WalGate::enter_sync() {
  std::lock_guard lock(mutex_);
  if (!failed_) ++syncs_;
  return failed_;
}

std::optional<std::string> WalGate::failed() const {
  std::lock_guard lock(mutex_);
  return failed_;
}

void WalGate::leave_sync() {
  {
    std::lock_guard lock(mutex_);
    --syncs_;
  }
  left_.notify_all();
}

void WalGate::append_failed(const std::string& why) {
  std::unique_lock lock(mutex_);
  if (!failed_) failed_ = why;
  left_.wait(lock, [&] { return syncs_ == 0; });
}

void WalGate::sync_failed(const std::string& why) {
  std::lock_guard lock(mutex_);
  if (!failed_) failed_ = why;
}

std::shared_ptr<rocksdb::FileSystem> store_file_system(std::shared_ptr<rocksdb::FileSystem> under,
                                                       std::shared_ptr<WalGate> gate,
                                                       std::shared_ptr<ListWatch> list) {
  return std::make_shared<StoreFileSystem>(std::move(under), std::move(gate), std::move(list));
}

}  // namespace strandline
