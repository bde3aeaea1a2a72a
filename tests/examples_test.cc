// The examples, as somebody would run them, killed at random a hundred times: what they wrote is
// what an uninterrupted run writes, event for event.
//
// STRANDLINE_EXAMPLE_KILLS makes it longer; STRANDLINE_SEED replays it, as far as moments can be.
#include <poll.h>

#include <random>

#include "tests/support/log/log_test.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> transform(const fs::path& data, std::vector<std::string> arguments) {
  std::vector<std::string> command{STRANDLINE_TRANSFORM, data.string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

// What a stream holds, an event a line.
std::vector<std::string> lines_of(const fs::path& data, const std::string& stream) {
  const auto log = Log::open(data);
  EXPECT_TRUE(log) << log.error().message;
  std::vector<std::string> lines;
  auto cursor = (*log)->read({.select = Selection::stream(stream)});
  if (!cursor) return lines;
  while (auto delivery = (*cursor)->next().value()) {
    const auto* events = std::get_if<Events>(&*delivery);
    if (!events) {
      ADD_FAILURE() << "a gap in " << stream;
      continue;
    }
    for (const Event& event : *events) {
      lines.push_back(std::string(event.type()) + " " + std::string(event.data()));
    }
  }
  return lines;
}

TEST(Examples, TransformWritesEveryInvoiceOnceThoughItIsKilledAHundredTimes) {
  const TemporaryDirectory directory;
  const uint64_t chosen = seed("Examples");
  std::mt19937_64 random(chosen);
  const uint64_t kills = number_from("STRANDLINE_EXAMPLE_KILLS", 100);
  const std::string orders = std::to_string(25 * kills);
  const fs::path whole = directory / "whole", killed = directory / "killed";
  ASSERT_EQ(run(transform(whole, {"orders", orders})).exit, 0);
  ASSERT_EQ(run(transform(whole, {"invoices"})).exit, 0);
  uint64_t ended_by_kill = 0;
  for (const bool invoices : {false, true}) {
    const auto command =
        invoices ? transform(killed, {"invoices"}) : transform(killed, {"orders", orders});
    for (uint64_t kill = 0; kill < kills / 2; ++kill) {
      Process process(command);
      poll(nullptr, 0, static_cast<int>(random() % (40 + kill)));
      if (process.kill_and_wait() == -SIGKILL) ++ended_by_kill;
    }
    const Outcome last = run(command);
    ASSERT_EQ(last.exit, 0) << last.errors;
  }
  EXPECT_GE(2 * ended_by_kill, kills) << "most kills came too late to be any";
  for (const char* stream : {"orders", "invoices"}) {
    const auto expected = lines_of(whole, stream), found = lines_of(killed, stream);
    EXPECT_EQ(expected.size(), 25 * kills);
    ASSERT_EQ(found.size(), expected.size()) << stream;
    EXPECT_EQ(found, expected) << stream;
  }
}

}  // namespace
}  // namespace strandline::tests
