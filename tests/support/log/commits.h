// Real events: the fixture of the tests that put them in and take them out again.
//
// The full file of 67,135 commits is used where it is at hand (STRANDLINE_COMMITS, or shared/data
// beside the source), the sample in tests/data otherwise; it is said which.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/log/directory.h"

namespace strandline::tests {

class CommitsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static const std::string& events() { return full_.empty() ? sample_ : full_; }
  // The events, over and over, until they are so many bytes.
  static std::string events_of(size_t bytes);

  static std::vector<std::string> lines_of(const std::string& text);
  static void expect_same(const std::string& got, const std::string& wanted);
  std::filesystem::path file_of(const std::string& name, const std::string& text);

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();

 private:
  static inline std::string sample_;
  static inline std::string full_;
};

}  // namespace strandline::tests
