// What raises a command's interruption, and what lowering it promises.
#include "tools/base/interrupt.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>

namespace strandline::tests {
namespace {

using tools::Interrupt;

// Ends this process with 0 if nothing is raised in the time that it takes to hear of it twice.
[[noreturn]] void lower_where_nobody_reads() {
  int ends[2];
  if (::pipe(ends) != 0) std::_Exit(2);
  ::dup2(ends[1], STDOUT_FILENO);
  ::close(ends[1]);
  Interrupt::watch();
  Interrupt::watch_output();
  // The reader goes, and the command notices at once: by a write that fails.
  ::close(ends[0]);
  Interrupt::lower();
  pollfd waiting{.fd = Interrupt::descriptor(), .events = POLLIN, .revents = 0};
  const int told = ::poll(&waiting, 1, 200);
  std::_Exit(told == 0 && !Interrupt::raised() ? 0 : 1);
}

// What a member tells its server last must not be cut off: it would still count as a member.
TEST(Interruption, IsNotRaisedByAnOutputWhoseEndIsKnownOnceItIsLowered) {
  // A process of its own, which no other test's threads are in.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(lower_where_nobody_reads(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace strandline::tests
