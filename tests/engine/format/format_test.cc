// The bytes on disk are those of engine/FORMAT.md: its worked example, family by family.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "engine/api/clock.h"
#include "engine/log.h"
#include "engine/store/store.h"
#include "tests/support/log/directory.h"
#include "tests/support/process/deadline.h"

namespace strandline {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(bytes[i]));
    if (i > 0 && i % 8 == 0) out += i % 32 == 0 ? "\n    " : " ";
    out += digits;
  }
  return out;
}

std::string dump(const Store& store) {
  const std::pair<Family, const char*> families[] = {
      {Family::events, "events"},       {Family::streams, "streams"},
      {Family::segments, "segments"},   {Family::consumers, "consumers"},
      {Family::producers, "producers"}, {Family::access, "access"},
      {Family::index, "index"}};
  std::string out;
  for (const auto& [family, name] : families) {
    StoreIterator it = store.iterate(family);
    for (it.seek_to_first(); it.valid(); it.next()) {
      out += std::string(name) + " " + hex(it.key()) + "\n";
      if (!it.value().empty()) out += "    " + hex(it.value()) + "\n";
    }
  }
  return out;
}

// The contents of the fenced block that begins with ```hex.
std::string example_of(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str(), open = "```hex\n";
  const size_t begin = all.find(open);
  if (begin == std::string::npos) return "";
  const size_t end = all.find("```", begin + open.size());
  return all.substr(begin + open.size(), end - begin - open.size());
}

TEST(Format, TheWorkedExampleIsWhatIsWritten) {
  tests::TemporaryDirectory directory;
  Options options;
  options.clock = std::make_shared<ManualClock>(Timestamp{1'767'225'600'000'000});  // 2026-01-01
  {
    auto log = Log::open(directory.path(), options);
    ASSERT_TRUE(log) << log.error().message;
    // Both in one group, so that it is one commit of two ranges.
    AppendMany request;
    for (const char* stream : {"orders", "audit"}) {
      request.parts.push_back(
          {.stream = stream,
           .batch =
               *Batch::of({{.type = "a", .subject = "s", .form = DataForm::json, .data = "7"}}),
           .producer = Producer{.id = "shop", .epoch = 1, .sequence = 0}});
    }
    request.commits.push_back({.consumer = "billing", .stream = "orders", .next = 1});
    request.once.push_back({.consumer = "billing", .id = "7", .ttl_s = 60});
    request.idempotency = Idempotency{.key = "k", .fingerprint = "f"};
    ASSERT_TRUE((*log)->append(std::move(request)));
    ASSERT_TRUE(
        (*log)->create_key({.name = "shop",
                            .digest = std::string(kSecretDigestBytes, '\xAB'),
                            .grants = {{.action = Action::append, .name = "orders"},
                                       {.action = Action::read, .prefix = true, .name = "o"}}}));
    ASSERT_TRUE((*log)->create_consumer("mailing", {.mode = ConsumerSettings::Mode::shared,
                                                    .select = Selection::stream("orders")}));
    ASSERT_EQ((*log)->fetch(Fetch{.consumer = "mailing"})->given.size(), 1u);
    ASSERT_TRUE((*log)->roll());
    ASSERT_TRUE(tests::eventually([&] { return (*log)->counters().index_backlog == 0; }));
  }
  auto closed =
      ClosedStore::prepare(directory.path() / "store", options, [](const std::string&) {});
  ASSERT_TRUE(closed) << closed.error().message;
  auto store = closed->open();
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(dump(**store), example_of(STRANDLINE_SOURCE_DIR "/engine/FORMAT.md"));

  std::ifstream format(directory.path() / "FORMAT");
  std::string line;
  std::getline(format, line);
  EXPECT_EQ(line, "strandline 3");
}

}  // namespace
}  // namespace strandline
