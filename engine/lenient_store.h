// A store opened to be looked at only, whatever is wrong with its WALs, so that its tables can be
// named. *Threads*: one, with the store closed.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

namespace rocksdb {
struct ColumnFamilyDescriptor;
class DB;
struct DBOptions;
class Env;
}  // namespace rocksdb

namespace strandline {

using Descriptors = std::vector<rocksdb::ColumnFamilyDescriptor>;

struct LenientStore {
  LenientStore();
  LenientStore(LenientStore&&) noexcept;
  ~LenientStore();

  std::unique_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::DB> db;  // null if the MANIFEST is damaged
  // WALs that the MANIFEST knows of, and that are not there.
  std::vector<std::filesystem::path> missing_wals;
};

LenientStore open_leniently(const std::filesystem::path& directory,
                            const rocksdb::DBOptions& options, const Descriptors& families);

}  // namespace strandline
