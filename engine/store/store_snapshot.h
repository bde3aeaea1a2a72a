// A store's files as they are at one moment, to be read while its owner goes on writing.
//
// RocksDB reads the list of tables first, and then the tables and the WALs. If the owner removes a
// WAL between the two, its events are in a table that the list does not name yet. They would be
// missing, at the end or in the middle. So a snapshot reads the whole list, opens every table and
// WAL, and then checks that the list is still the same. The owner removes a file only after the
// list says so. A file that is removed later is still read, because it is open. What the owner
// appends to the newest WAL meanwhile may be read.
//
// *Threads*: any, once it is made.
#pragma once

#include <rocksdb/file_system.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/api/error.h"

namespace strandline {

class StoreSnapshot : public rocksdb::FileSystemWrapper {
 public:
  // *Errors*: `busy`, if the list does not stay the same for as long as it takes to open them.
  static Result<std::shared_ptr<StoreSnapshot>> take(const std::shared_ptr<FileSystem>& files,
                                                     const std::filesystem::path& directory);
  StoreSnapshot(const std::shared_ptr<FileSystem>& files, std::string directory);

  // RocksDB has opened what it needs: the rest is let go of.
  void release();

  const char* Name() const override { return "strandline.snapshot"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetChildren(const std::string& directory, const rocksdb::IOOptions& options,
                                std::vector<std::string>* names,
                                rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus FileExists(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileSize(const std::string& path, const rocksdb::IOOptions& options,
                                uint64_t* bytes, rocksdb::IODebugContext* debug) override;

 private:
  // Whether all of it is of one moment; otherwise it is of no use.
  Result<bool> take();
  rocksdb::IOStatus hold(const std::string& name);
  std::string path_of(const std::string& name) const { return directory_ + "/" + name; }
  // RocksDB opens each once; who wants it again gets what is there then.
  template <class File>
  std::unique_ptr<File> take_out(std::map<std::string, std::unique_ptr<File>>& held,
                                 const std::string& path);

  const std::string directory_;
  std::vector<std::string> names_;
  std::map<std::string, uint64_t> sizes_;     // of what is held; by their paths, as all of these
  std::map<std::string, std::string> texts_;  // CURRENT, and the MANIFEST that it names
  std::mutex mutex_;                          // guards wals_ and tables_
  std::map<std::string, std::unique_ptr<rocksdb::FSSequentialFile>> wals_;
  std::map<std::string, std::unique_ptr<rocksdb::FSRandomAccessFile>> tables_;
};

}  // namespace strandline
