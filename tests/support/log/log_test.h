// The fixture of the engine's tests: a log in a directory of its own, opened on first use.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "engine/api/clock.h"
#include "engine/log.h"
#include "tests/support/log/directory.h"
#include "tests/support/log/payload.h"
#include "tests/support/log/reader.h"
#include "tests/support/process/deadline.h"

namespace strandline::tests {

class LogTest : public ::testing::Test {
 protected:
  LogTest();

  // Set these before the log is first used, or before reopen().
  Options options;

  Log& log();
  void close() { log_.reset(); }
  Log& reopen();
  std::filesystem::path data() const { return directory_ / "data"; }
  const TemporaryDirectory& directory() const { return directory_; }

  // Appends the next `count` events that payload.h says this stream has, and expects success.
  Appended append(const std::string& stream, uint32_t count = 1,
                  Durability durability = Durability::fsync);
  // One event a call, `count` times.
  void append_singly(const std::string& stream, uint32_t count);
  Appended append_type(const std::string& stream, std::string_view type);

  StreamInfo describe(const std::string& stream);
  Transcript read(const std::string& stream, From from = From::earliest());
  // Expects exactly the events [from, to), in order, each as payload.h says.
  void expect_stream(const std::string& stream, uint64_t from, uint64_t to);
  void expect_events(const Transcript& transcript, const std::string& stream, uint64_t from,
                     uint64_t to);

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<Log> log_;
};

// 0, 1, 2, ... as a vector, for comparing: [from, to).
std::vector<uint64_t> range(uint64_t from, uint64_t to);

// From STRANDLINE_SEED, or from the clock; printed either way, for a run that fails to be replayed.
uint64_t seed(const char* what);
// A number from an environment variable, or this.
uint64_t number_from(const char* variable, uint64_t otherwise);

// The error's code, for EXPECT_EQ(code_of(result), Code::conflict); fails the test on success.
template <class T>
std::optional<Code> code_of(const Result<T>& result) {
  if (result) return std::nullopt;
  EXPECT_FALSE(result.error().message.empty());
  return result.error().code;
}

}  // namespace strandline::tests

namespace strandline {
// How GoogleTest prints a code.
inline void PrintTo(Code code, std::ostream* out) { *out << name_of(code); }
}  // namespace strandline
