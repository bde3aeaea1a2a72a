#include "tests/support/log/log_test.h"

#include <cstdlib>
#include <random>
#include <stdexcept>

namespace strandline::tests {

LogTest::LogTest() {
  // Small, so that a test's log opens in a moment; what a test needs larger it says.
  options.batch_cache_bytes = 4 << 20;
  options.block_cache_bytes = 8 << 20;
  options.disk_reserve_bytes = 1 << 20;
}

Log& LogTest::log() {
  if (!log_) {
    auto opened = Log::open(data(), options);
    if (!opened) throw std::runtime_error("open: " + opened.error().message);
    log_ = std::move(*opened);
  }
  return *log_;
}

Log& LogTest::reopen() {
  close();
  return log();
}

Appended LogTest::append(const std::string& stream, uint32_t count, Durability durability) {
  const auto info = log().describe(stream);
  const Offset next = info ? info->tail : Offset{0};
  auto appended = log().append(
      Append{.stream = stream, .batch = batch(stream, next, count), .durability = durability});
  if (!appended) throw std::runtime_error("append: " + appended.error().message);
  return *appended;
}

void LogTest::append_singly(const std::string& stream, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) append(stream);
}

Appended LogTest::append_type(const std::string& stream, std::string_view type) {
  auto appended = log().append(Append{.stream = stream, .batch = batch_of_type(type)});
  if (!appended) throw std::runtime_error("append: " + appended.error().message);
  return *appended;
}

StreamInfo LogTest::describe(const std::string& stream) {
  auto info = log().describe(stream);
  if (!info) throw std::runtime_error("describe: " + info.error().message);
  return *info;
}

Transcript LogTest::read(const std::string& stream, From from) {
  return read_all(log(), {.select = Selection::stream(stream), .from = from});
}

void LogTest::expect_stream(const std::string& stream, uint64_t from, uint64_t to) {
  expect_events(read(stream), stream, from, to);
}

void LogTest::expect_events(const Transcript& transcript, const std::string& stream, uint64_t from,
                            uint64_t to) {
  EXPECT_EQ(transcript.offsets(), range(from, to));
  for (const Seen& seen : transcript.events) {
    EXPECT_EQ(seen.stream, stream);
    EXPECT_EQ(seen.id, std::to_string(seen.offset));
    EXPECT_EQ(seen.difference, "");
  }
}

std::vector<uint64_t> range(uint64_t from, uint64_t to) {
  std::vector<uint64_t> numbers;
  for (uint64_t i = from; i < to; ++i) numbers.push_back(i);
  return numbers;
}

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : otherwise;
}

uint64_t seed(const char* what) {
  const uint64_t chosen = number_from("STRANDLINE_SEED", std::random_device{}());
  std::cout << what << ": STRANDLINE_SEED=" << chosen << std::endl;
  return chosen;
}

}  // namespace strandline::tests
