// The space of a deleted file is given back a piece at a time, and never under a reader's hands.
#include "engine/store/reclaimer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/support/log/directory.h"
#include "tests/support/process/deadline.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

// Several pieces of it.
constexpr size_t kReclaimed = 20 << 20;

struct Unlinked {
  bool done;
  bool ok() const { return done; }
};

class Reclaiming : public ::testing::Test {
 protected:
  fs::path file(const std::string& name = "000017.log") {
    fs::path file = directory_ / name;
    write_file(file, std::string(kReclaimed, 'x'));
    return file;
  }
  static Unlinked unlink(Reclaimer& reclaimer, const fs::path& file) {
    return reclaimer.remove(file.string(), [&] { return Unlinked{fs::remove(file)}; });
  }
  // Files that have this name no more, and are still open.
  size_t nameless(const std::string& name = "000017.log") const {
    size_t n = 0;
    for (const auto& open : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      n += fs::read_symlink(open.path(), gone) == (directory_ / name).string() + " (deleted)";
    }
    return n;
  }

  // Whatever of these the reclaimer took on before is done with.
  void await(Reclaimer& reclaimer) {
    unlink(reclaimer, file("000018.log"));
    EXPECT_TRUE(eventually([&] { return nameless("000018.log") == 0; }));
  }

  TemporaryDirectory directory_;
};

TEST_F(Reclaiming, AFileIsGoneAtOnceAndItsSpaceSoon) {
  Reclaimer reclaimer;
  for (int i = 0; i < 20; ++i) {
    const fs::path deleted = file();
    EXPECT_TRUE(unlink(reclaimer, deleted).ok());
    EXPECT_FALSE(fs::exists(deleted));
  }
  EXPECT_TRUE(eventually([&] { return nameless() == 0; }));
}

TEST_F(Reclaiming, WhatAReaderHasOpenStaysWhole) {
  const fs::path deleted = file();
  const int reader = ::open(deleted.c_str(), O_RDONLY | O_CLOEXEC);
  Reclaimer reclaimer;
  EXPECT_TRUE(unlink(reclaimer, deleted).ok());
  await(reclaimer);
  EXPECT_EQ(nameless(), 1U) << "only the reader's";
  EXPECT_EQ(::lseek(reader, 0, SEEK_END), kReclaimed);
  ::close(reader);
}

TEST_F(Reclaiming, WhatHasAnotherNameStaysWhole) {
  const fs::path deleted = file();
  const fs::path backup = directory_.path() / "backup";
  fs::create_hard_link(deleted, backup);
  Reclaimer reclaimer;
  EXPECT_TRUE(unlink(reclaimer, deleted).ok());
  await(reclaimer);
  EXPECT_EQ(fs::file_size(backup), kReclaimed);
}

TEST_F(Reclaiming, WhatCouldNotBeDeletedStaysWhole) {
  const fs::path deleted = file();
  Reclaimer reclaimer;
  EXPECT_FALSE(reclaimer.remove(deleted.string(), [] { return Unlinked{false}; }).ok());
  await(reclaimer);
  EXPECT_EQ(fs::file_size(deleted), kReclaimed);
}

TEST_F(Reclaiming, WhatIsLeftIsGivenBackAtTheEnd) {
  {
    Reclaimer reclaimer;
    for (int i = 0; i < 10; ++i) unlink(reclaimer, file());
  }
  EXPECT_EQ(nameless(), 0U);
}

}  // namespace
}  // namespace strandline::tests
