#include "engine/store/store_snapshot.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "engine/disk/access.h"
#include "engine/store/store_error.h"

namespace strandline {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// A list of tables changes some times a second at full speed, and to open a thousand files takes
// some milliseconds.
constexpr auto kPatience = std::chrono::seconds(20);

bool names_wal(std::string_view name) { return name.ends_with(".log"); }
bool names_table(std::string_view name) { return name.ends_with(".sst"); }

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

}  // namespace

Result<std::shared_ptr<StoreSnapshot>> StoreSnapshot::take(const std::shared_ptr<FileSystem>& files,
                                                           const std::filesystem::path& directory) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  do {
    const auto snapshot = std::make_shared<StoreSnapshot>(files, directory.string());
    const auto whole = snapshot->take();
    if (!whole) return std::unexpected(whole.error());
    if (*whole) return snapshot;
  } while (std::chrono::steady_clock::now() < end);
  return fail(Code::busy, directory.string() +
                              ": its owner changes the list of tables faster than they can be "
                              "opened: try again");
}

StoreSnapshot::StoreSnapshot(const std::shared_ptr<FileSystem>& files, std::string directory)
    : FileSystemWrapper(files), directory_(std::move(directory)) {}

Result<bool> StoreSnapshot::take() {
  const std::string current = path_of("CURRENT");
  std::string named;
  if (!rocksdb::ReadFileToString(target(), current, &named).ok()) named.clear();
  const std::string manifest = path_of(named.substr(0, named.find('\n')));
  // What is wrong with either, or that one is not there, RocksDB says best.
  const bool listed =
      !named.empty() && rocksdb::ReadFileToString(target(), manifest, &texts_[manifest]).ok();
  if (!listed) texts_.clear();
  if (const auto status = target()->GetChildren(directory_, IOOptions(), &names_, nullptr);
      !status.ok()) {
    return std::unexpected(error_of(status, directory_));
  }
  for (const std::string& name : names_) {
    if (!names_wal(name) && !names_table(name)) continue;
    // One that is gone is not of this moment; one that is withheld ends it.
    if (const auto status = hold(name); withheld_in(status.ToString())) {
      return std::unexpected(error_of(status, directory_));
    }
  }
  std::string now;
  const auto reread = rocksdb::ReadFileToString(target(), current, &now);
  // What was opened may have taken the last file descriptor.
  if (withheld_in(reread.ToString())) return std::unexpected(error_of(reread, directory_));
  if (!reread.ok()) now.clear();
  if (now != named) return false;
  if (!listed) return true;
  texts_[current] = named;
  uint64_t bytes = 0;
  return target()->GetFileSize(manifest, IOOptions(), &bytes, nullptr).ok() &&
         bytes == texts_[manifest].size();
}

IOStatus StoreSnapshot::hold(const std::string& name) {
  const std::string path = path_of(name);
  uint64_t bytes = 0;
  IOStatus status =
      names_wal(name) ? target()->NewSequentialFile(path, FileOptions(), &wals_[path], nullptr)
                      : target()->NewRandomAccessFile(path, FileOptions(), &tables_[path], nullptr);
  if (status.ok() && target()->GetFileSize(path, IOOptions(), &bytes, nullptr).ok()) {
    sizes_[path] = bytes;
  }
  return status;
}

void StoreSnapshot::release() {
  const std::lock_guard lock(mutex_);
  wals_.clear();
  tables_.clear();
}

template <class File>
std::unique_ptr<File> StoreSnapshot::take_out(std::map<std::string, std::unique_ptr<File>>& held,
                                              const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = held.find(path);
  return found == held.end() ? nullptr : std::exchange(found->second, nullptr);
}

IOStatus StoreSnapshot::NewSequentialFile(const std::string& path, const FileOptions& options,
                                          std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                          IODebugContext* debug) {
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

IOStatus StoreSnapshot::NewRandomAccessFile(const std::string& path, const FileOptions& options,
                                            std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                            IODebugContext* debug) {
  if (auto held = take_out(tables_, path)) {
    *file = std::move(held);
    return {};
  }
  return FileSystemWrapper::NewRandomAccessFile(path, options, file, debug);
}

IOStatus StoreSnapshot::GetChildren(const std::string& directory, const IOOptions& options,
                                    std::vector<std::string>* names, IODebugContext* debug) {
  if (directory != directory_) {
    return FileSystemWrapper::GetChildren(directory, options, names, debug);
  }
  *names = names_;
  return {};
}

IOStatus StoreSnapshot::FileExists(const std::string& path, const IOOptions& options,
                                   IODebugContext* debug) {
  if (texts_.contains(path) || sizes_.contains(path)) return {};
  return FileSystemWrapper::FileExists(path, options, debug);
}

IOStatus StoreSnapshot::GetFileSize(const std::string& path, const IOOptions& options,
                                    uint64_t* bytes, IODebugContext* debug) {
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

}  // namespace strandline
