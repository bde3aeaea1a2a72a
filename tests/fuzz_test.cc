// The fuzz targets over their corpora: the seeds, and every input that was ever a finding.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "fuzz/target.h"
#include "tests/support/log/directory.h"

namespace strandline::tests {
namespace {

// A finding aborts: its input is the last thing that the program says.
char current_input[512];

void name_input(int) {
  const ssize_t ignored = write(STDERR_FILENO, current_input, std::strlen(current_input));
  (void)ignored;
}

class Corpus : public testing::TestWithParam<fuzz::Target> {
 protected:
  Corpus() { std::signal(SIGABRT, name_input); }
  ~Corpus() override { std::signal(SIGABRT, SIG_DFL); }
};

TEST_P(Corpus, HoldsNoFinding) {
  const auto folder =
      std::filesystem::path(STRANDLINE_SOURCE_DIR) / "fuzz" / "corpus" / GetParam().name;
  const auto inputs = files_below(folder);
  ASSERT_FALSE(inputs.empty()) << folder << " is the target's corpus";
  for (const auto& input : inputs) {
    snprintf(current_input, sizeof current_input, "the input was %s\n", input.c_str());
    GetParam().run(read_file(input));
  }
  GetParam().run({});
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus,
                         testing::ValuesIn(fuzz::targets().begin(), fuzz::targets().end()),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace strandline::tests
