// A WAL that is gone, while what it held of events is in a table already
// (engine/repair/missing_wal.h).
#include <rocksdb/file_system.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <atomic>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

// One table can be written; who writes the next waits until release(), and then cannot.
class OneTable : public rocksdb::FileSystemWrapper {
 public:
  OneTable() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "OneTable"; }

  void allow_one() { state_ = State::one; }
  void release() { state_ = State::none; }
  // Flushes take turns: who waits comes after the table has been written and listed.
  bool waiting() const { return waiting_; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    State one = State::one;
    if (name.ends_with(".sst") && state_ != State::any &&
        !state_.compare_exchange_strong(one, State::held)) {
      waiting_ = true;
      (void)eventually([this] { return state_ == State::none; });
      return rocksdb::IOStatus::IOError("no more tables");
    }
    return FileSystemWrapper::NewWritableFile(name, options, file, debug);
  }

 private:
  enum class State { any, one, held, none };
  std::atomic<State> state_{State::any};
  std::atomic<bool> waiting_{false};
};

class MissingWal : public LogTest {};

TEST_F(MissingWal, EventsThatAreInATableAreFoundWithoutTheirRecords) {
  auto disk = std::make_shared<OneTable>();
  options.file_system = std::static_pointer_cast<rocksdb::FileSystem>(disk);
  append("s", 1);
  reopen();  // the stream's record is in a table from here on
  append("s", 9);
  const std::vector<fs::path> before = files_below(data() / "store", ".sst");
  disk->allow_one();
  ASSERT_TRUE(log().roll());
  ASSERT_TRUE(eventually([&] { return disk->waiting(); }));
  disk->release();
  ASSERT_TRUE(eventually([&] { return log().sealed().has_value(); }));
  close();
  options.file_system = nullptr;

  const std::vector<fs::path> after = files_below(data() / "store", ".sst");
  std::vector<fs::path> tables;
  std::ranges::set_difference(after, before, std::back_inserter(tables));
  ASSERT_EQ(tables.size(), 1u);
  rocksdb::SstFileReader reader{rocksdb::Options()};
  ASSERT_TRUE(reader.Open(tables[0].string()).ok());
  ASSERT_EQ(reader.GetTableProperties()->column_family_name, "events");

  const fs::path wal = files_below(data() / "store", ".log").front();
  fs::remove(wal);
  auto refused = Log::open(data(), options);
  ASSERT_EQ(code_of(refused), Code::corrupt);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr(wal.filename().string()));
  options.accept_loss = true;
  expect_stream("s", 0, 10);
  EXPECT_THAT(log().recovery().loss, ::testing::HasSubstr(wal.string() + " is missing"));
  options.accept_loss = false;
  reopen();
  expect_stream("s", 0, 10);
  EXPECT_EQ(read_all(log(), {.select = Selection::all()}).gaps.size(), 0u);
  append("s", 1);
  expect_stream("s", 0, 11);
}

}  // namespace
}  // namespace strandline::tests
