// What is found wrong in a table file without its log.
#include "engine/store/table_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <filesystem>

#include "tests/support/log/directory.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

// A disk may mix up whole blocks, and a small table is one: each checksum in it holds.
TEST(TableCheck, AFileThatWasWrittenAsAnotherTableIsWrong) {
  const TemporaryDirectory directory;
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, (directory / "store").string(), &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  ASSERT_TRUE(db->Put({}, "key", "value").ok());
  ASSERT_TRUE(db->Flush({}).ok());
  std::vector<rocksdb::LiveFileMetaData> tables;
  db->GetLiveFilesMetaData(&tables);
  ASSERT_EQ(tables.size(), 1u);
  const fs::path table = directory / "store" / tables[0].name.substr(1);
  EXPECT_EQ(wrong_in(table, options, true), "");
  const uint64_t number = tables[0].file_number;
  const fs::path other = directory / (std::to_string(number + 1) + ".sst");
  fs::copy_file(table, other);
  EXPECT_EQ(wrong_in(other, options, true),
            "it is what was written as table " + std::to_string(number));
  // What was set aside has another name, and is judged by what it holds.
  fs::copy_file(table, directory / "aside.events");
  EXPECT_EQ(wrong_in(directory / "aside.events", options, true), "");
}

}  // namespace
}  // namespace strandline::tests
