// The tests, and the small programs that some of them run beside themselves (child.h).
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

#include "tests/support/process/child.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--child") {
    return strandline::tests::child({argv + 2, argv + argc});
  }
  // What is appended counts sequences in many tests, and wrong secrets are shown by the hundred:
  // who tests what is written down, or how many are looked at, says so with a flag.
  ::setenv("STRANDLINE_RECORD_ADMINISTRATION", "false", 1);
  ::setenv("STRANDLINE_WRONG_SECRETS_MAX", "0", 1);
  // Servers in this process say enough through their answers.
  spdlog::set_level(spdlog::level::off);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
