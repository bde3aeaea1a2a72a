// The files that a store is made of at one moment, kept from being deleted for as long as this
// lives: what a backup copies.
//
// Taken by the writer between two commit groups, so that the newest WAL ends with the last of them.
// *Threads*: any. *Lifetime*: not longer than the store's. Beside it the store goes on: what it
// would delete stays on the disk until then.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/api/error.h"
#include "engine/format/list_end.h"

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace strandline {

struct HeldFile {
  std::string name;  // in the store's directory
  uint64_t bytes = 0;
  bool is_table = false;      // never changes
  std::string contents = {};  // of CURRENT, which may have been replaced since
};

class HeldFiles {
 public:
  static Result<std::unique_ptr<HeldFiles>> take(rocksdb::DB& db);
  explicit HeldFiles(rocksdb::DB& db) : db_(db) {}
  ~HeldFiles();
  HeldFiles(const HeldFiles&) = delete;
  HeldFiles& operator=(const HeldFiles&) = delete;

  const std::vector<HeldFile>& files() const { return files_; }
  ListEnd list_end() const { return list_end_; }       // of what is among them
  uint64_t newest_wal() const { return newest_wal_; }  // the same; 0: none

 private:
  rocksdb::DB& db_;
  std::vector<HeldFile> files_;
  ListEnd list_end_;
  uint64_t newest_wal_ = 0;
};

// Reads every block of a table file, wherever it is: what is wrong with it, or nothing.
std::string wrong_in_table(const std::filesystem::path& table);

}  // namespace strandline
