#include "tests/support/log/commits.h"

#include <cstdlib>
#include <iostream>
#include <sstream>

#include "tests/support/process/process.h"

namespace strandline::tests {

namespace fs = std::filesystem;

void CommitsTest::SetUpTestSuite() {
  if (!sample_.empty()) return;
  const fs::path source = STRANDLINE_SOURCE_DIR;
  const char* named = std::getenv("STRANDLINE_COMMITS");
  fs::path full =
      named != nullptr ? fs::path(named) : source.parent_path() / "shared/data/commits.ndjson.zst";
  sample_ = read_file(source / "tests/data/commits_sample.ndjson");
  if (fs::exists(full)) {
    const Outcome text = run({"zstd", "-dc", full.string()});
    if (text.exit == 0) full_ = text.output;
  }
  std::cout << "Commits: uses " << (full_.empty() ? "the sample in tests/data" : full.string())
            << std::endl;
}

std::string CommitsTest::events_of(size_t bytes) {
  std::string all = events();
  while (all.size() < bytes) all += events();
  return all;
}

std::vector<std::string> CommitsTest::lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

fs::path CommitsTest::file_of(const std::string& name, const std::string& text) {
  write_file(directory_ / name, text);
  return directory_ / name;
}

void CommitsTest::expect_same(const std::string& got, const std::string& wanted) {
  if (got == wanted) return;  // never let a difference of 25 MB be printed
  const auto a = lines_of(got), b = lines_of(wanted);
  EXPECT_EQ(a.size(), b.size());
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    ASSERT_EQ(a[i], b[i]) << "line " << i + 1;
  }
  FAIL() << "they differ in their line ends";
}

}  // namespace strandline::tests
