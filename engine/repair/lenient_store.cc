#include "engine/repair/lenient_store.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "engine/repair/missing_wal.h"
#include "engine/store/store_listener.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

// A store's files, every WAL that the MANIFEST knows of among them, and none shorter than it says:
// RocksDB would open nothing over that, and so name no table. But none can be read: what is in them
// is not asked for, and RocksDB reads a record for ever whose type a bad bit made that of a log
// that is written over (log::Reader of 7.8.3, with kSkipAnyCorruptedRecords).
class LongWals : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "strandline.long-wals"; }

  // It seems to be there.
  void add(const fs::path& wal) { missing_.push_back(wal); }
  const std::vector<fs::path>& missing() const { return missing_; }

  rocksdb::IOStatus GetChildren(const std::string& directory, const rocksdb::IOOptions& options,
                                std::vector<std::string>* names,
                                rocksdb::IODebugContext* debug) override {
    auto status = FileSystemWrapper::GetChildren(directory, options, names, debug);
    for (const fs::path& wal : missing_) names->push_back(wal.filename());
    return status;
  }
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    if (name.ends_with(".log")) return rocksdb::IOStatus::IOError(name, "is not looked at");
    return FileSystemWrapper::NewSequentialFile(name, options, file, debug);
  }
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options,
                                uint64_t* bytes, rocksdb::IODebugContext* debug) override {
    const bool is_wal = name.ends_with(".log");
    if (is_wal) *bytes = std::numeric_limits<int64_t>::max();
    if (is_wal && std::ranges::find(missing_, fs::path(name)) != missing_.end()) return {};
    uint64_t found = 0;
    auto status = FileSystemWrapper::GetFileSize(name, options, &found, debug);
    if (!is_wal) *bytes = found;
    return status;
  }

 private:
  std::vector<fs::path> missing_;
};

}  // namespace

StoreContents read_leniently(const fs::path& directory, const rocksdb::DBOptions& options,
                             const Descriptors& families) {
  const auto files = std::make_shared<LongWals>(options.env->GetFileSystem());
  const auto env = rocksdb::NewCompositeEnv(files);
  rocksdb::DBOptions lenient = options;
  lenient.env = env.get();
  lenient.paranoid_checks = false;
  lenient.track_and_verify_wals_in_manifest = true;  // without it RocksDB would write
  lenient.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  lenient.listeners.clear();
  lenient.info_log =
      std::make_shared<WarningLogger>(nullptr);  // whoever opens it says what matters
  StoreContents contents;
  while (true) {
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    contents.status =
        rocksdb::DB::OpenForReadOnly(lenient, directory.string(), families, &handles, &opened);
    if (contents.status.ok()) {
      const std::unique_ptr<rocksdb::DB> db(opened);
      db->GetLiveFilesMetaData(&contents.tables);
      for (auto* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
      break;
    }
    const auto wal = wal_named_in(contents.status.ToString(), directory);
    std::error_code withheld;
    const auto& known = files->missing();
    if (!wal || fs::exists(*wal, withheld) || withheld ||
        std::ranges::find(known, *wal) != known.end())
      break;
    files->add(*wal);
  }
  contents.missing_wals = files->missing();
  return contents;
}

}  // namespace strandline
