// The bytes on disk are those of engine/FORMAT.md: its worked example, family by family.
#include <gtest/gtest.h>

#include <fstream>

#include "engine/api/clock.h"
#include "engine/format/incarnation_record.h"
#include "engine/log.h"
#include "engine/store/store.h"
#include "tests/support/log/directory.h"
#include "tests/support/log/hex.h"
#include "tests/support/process/deadline.h"

namespace strandline {
namespace {

using tests::example_of;
using tests::hex;

std::string dump(const Store& store) {
  const std::pair<Family, const char*> families[] = {
      {Family::events, "events"},       {Family::streams, "streams"},
      {Family::segments, "segments"},   {Family::consumers, "consumers"},
      {Family::producers, "producers"}, {Family::access, "access"},
      {Family::index, "index"},         {Family::tree, "tree"}};
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
    ASSERT_TRUE((*log)->change_policy(
        "o", {{PolicyField::age_max_s, uint64_t{86'400}}, {PolicyField::audit, false}}));
    ASSERT_TRUE((*log)->hold({.name = "h", .scope = {.name = "orders"}, .reason = "why"}));
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
  EXPECT_EQ(line, "strandline 4");
}

// As FORMAT.md has it beside the record of an API key.
TEST(Format, AnIncarnationIsWrittenAsDocumented) {
  const Incarnation incarnation{.id = "00112233445566778899aabbccddeeff",
                                .first = Sequence(258),
                                .begun = {0x0006474846204000},
                                .backup = 7};
  EXPECT_EQ(hex(incarnation_key(1)), "0200000001");
  EXPECT_EQ(hex(encode(incarnation)),
            "0101100011223344 5566778899aabbcc ddeeff0308020100 0000000000020800\n"
            "    4020464847060004 080700000000000000");
  uint32_t number = 0;
  Incarnation read;
  EXPECT_TRUE(decode_incarnation_key(incarnation_key(1), number));
  EXPECT_EQ(number, 1u);
  ASSERT_TRUE(decode(encode(incarnation), read));
  EXPECT_EQ(read.id, incarnation.id);
  EXPECT_EQ(read.first, incarnation.first);
  EXPECT_EQ(read.begun, incarnation.begun);
  EXPECT_EQ(read.backup, 7u);
  EXPECT_FALSE(decode(encode(incarnation).substr(0, 10), read));
}

}  // namespace
}  // namespace strandline
