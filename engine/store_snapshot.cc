#include "engine/store_snapshot.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strandline {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

bool is_wal(std::string_view name) { return name.ends_with(".log"); }
bool is_table(std::string_view name) { return name.ends_with(".sst"); }

// A file that was read whole.
class Text : public rocksdb::FSSequentialFile {
 public:
  explicit Text(std::string bytes) : bytes_(std::move(bytes)) {}

  IOStatus Read(size_t count, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) override {
    count = std::min(count, bytes_.size() - at_);
    std::memcpy(scratch, bytes_.data() + at_, count);
    at_ += count;
    *result = rocksdb::Slice(scratch, count);
    return {};
  }
  IOStatus Skip(uint64_t count) override {
    at_ += std::min<uint64_t>(count, bytes_.size() - at_);
    return {};
  }

 private:
  const std::string bytes_;
  size_t at_ = 0;
};

class StoreSnapshot : public rocksdb::FileSystemWrapper {
 public:
  StoreSnapshot(const std::shared_ptr<FileSystem>& files, std::string directory)
      : FileSystemWrapper(files), directory_(std::move(directory)) {}
  const char* Name() const override { return "strandline.snapshot"; }

  // Whether all of it is of one moment; otherwise it is of no use.
  Result<bool> take() {
    if (auto ok = list(names_); !ok) return std::unexpected(std::move(ok.error()));
    for (const std::string& name : names_) {
      if (name == "CURRENT" || name.starts_with("MANIFEST-")) {
        // What does not open, or is gone by now, RocksDB will say.
        std::string bytes;
        const std::string path = path_of(name);
        if (rocksdb::ReadFileToString(target(), path, &bytes).ok()) texts_[path] = bytes;
      } else if (is_wal(name) || is_table(name)) {
        hold(name);
      }
    }
    std::vector<std::string> now;
    if (auto ok = list(now); !ok) return std::unexpected(std::move(ok.error()));
    return std::ranges::includes(now, names_) && wals_of(now) == wals_of(names_);
  }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext* debug) override {
    if (const auto text = texts_.find(path); text != texts_.end()) {
      *file = std::make_unique<Text>(text->second);
      return {};
    }
    if (auto held = take_out(wals_, path)) {
      *file = std::move(held);
      return {};
    }
    return FileSystemWrapper::NewSequentialFile(path, options, file, debug);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    if (auto held = take_out(tables_, path)) {
      *file = std::move(held);
      return {};
    }
    return FileSystemWrapper::NewRandomAccessFile(path, options, file, debug);
  }
  IOStatus GetChildren(const std::string& directory, const IOOptions& options,
                       std::vector<std::string>* names, IODebugContext* debug) override {
    if (directory != directory_) {
      return FileSystemWrapper::GetChildren(directory, options, names, debug);
    }
    *names = names_;
    return {};
  }
  IOStatus FileExists(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    if (texts_.contains(path) || sizes_.contains(path)) return {};
    return FileSystemWrapper::FileExists(path, options, debug);
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions& options, uint64_t* bytes,
                       IODebugContext* debug) override {
    if (const auto text = texts_.find(path); text != texts_.end()) {
      *bytes = text->second.size();
      return {};
    }
    if (const auto held = sizes_.find(path); held != sizes_.end()) {
      *bytes = held->second;
      return {};
    }
    return FileSystemWrapper::GetFileSize(path, options, bytes, debug);
  }

 private:
  std::string path_of(const std::string& name) const { return directory_ + "/" + name; }

  Status list(std::vector<std::string>& names) {
    const IOStatus status = target()->GetChildren(directory_, IOOptions(), &names, nullptr);
    if (!status.ok()) return fail(Code::io, directory_ + ": " + status.ToString());
    std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
    std::ranges::sort(names);
    return {};
  }

  static std::vector<std::string> wals_of(std::vector<std::string> names) {
    std::erase_if(names, [](const std::string& name) { return !is_wal(name); });
    return names;
  }

  void hold(const std::string& name) {
    const std::string path = path_of(name);
    uint64_t bytes = 0;
    const bool opened =
        is_wal(name)
            ? target()->NewSequentialFile(path, FileOptions(), &wals_[path], nullptr).ok()
            : target()->NewRandomAccessFile(path, FileOptions(), &tables_[path], nullptr).ok();
    if (opened && target()->GetFileSize(path, IOOptions(), &bytes, nullptr).ok()) {
      sizes_[path] = bytes;
    }
  }

  // RocksDB opens each once; who wants it again gets what is there then.
  template <class File>
  std::unique_ptr<File> take_out(std::map<std::string, std::unique_ptr<File>>& held,
                                 const std::string& path) {
    const std::lock_guard lock(mutex_);
    const auto found = held.find(path);
    return found == held.end() ? nullptr : std::exchange(found->second, nullptr);
  }

  const std::string directory_;
  std::vector<std::string> names_;            // sorted
  std::map<std::string, std::string> texts_;  // by their paths, as all of these
  std::map<std::string, uint64_t> sizes_;
  std::mutex mutex_;  // guards wals_ and tables_
  std::map<std::string, std::unique_ptr<rocksdb::FSSequentialFile>> wals_;
  std::map<std::string, std::unique_ptr<rocksdb::FSRandomAccessFile>> tables_;
};

}  // namespace

Result<std::shared_ptr<rocksdb::FileSystem>> snapshot_of_store(
    const std::shared_ptr<rocksdb::FileSystem>& files, const std::filesystem::path& directory) {
  // Each takes some milliseconds; at full speed a WAL is done with in a tenth of a second.
  constexpr int kAttemptsMax = 1000;
  for (int i = 0; i < kAttemptsMax; ++i) {
    const auto snapshot = std::make_shared<StoreSnapshot>(files, directory.string());
    const auto whole = snapshot->take();
    if (!whole) return std::unexpected(whole.error());
    if (*whole) return snapshot;
  }
  return fail(Code::busy,
              directory.string() + ": its owner makes files faster than they can be opened");
}

}  // namespace strandline
