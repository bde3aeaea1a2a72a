// What a stored batch is without some of its events: rebuilt_batch.h, and its example in FORMAT.md.
#include "engine/format/rebuilt_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "engine/api/batch.h"
#include "tests/support/log/hex.h"

namespace strandline {
namespace {

const EventKey kKey{StripeId(65536), StreamId(2), Offset(7)};

std::string value_of(const Batch& batch) {
  StoredBatchWriter writer;
  writer.add_part(batch.bytes(), batch.count(), Sequence(9));
  return writer.finish(kKey, Sequence(9), Timestamp{1'767'225'600'000'000}, 0);
}

// What a reader finds, event by event: its data, "-" where the data is gone, or the reason.
std::vector<std::string> seen(const std::string& value) {
  const auto wrong = StoredBatch::check(kKey, value);
  EXPECT_FALSE(wrong) << *wrong;
  const StoredBatch batch(kKey.stream, value);
  std::vector<std::string> out;
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    EXPECT_EQ(part.sequence - Sequence(9), part.first - Offset(7)) << "both go on without a hole";
    for (uint32_t i = 0; i < part.count; ++i) {
      if (part.gone) {
        out.push_back(name_of(*part.gone));
        continue;
      }
      const auto* root = flatbuffers::GetRoot<schema::Batch>(part.flatbuffer.data());
      EXPECT_EQ(root->events()->size(), part.count);
      const Event event(root->events()->Get(i), part.first + i, Sequence(0), {});
      out.push_back(is_without_data(part, i) ? "-" : std::string(event.data()));
    }
    if (part.first + part.count == batch.next()) return out;
  }
}

Batch three() {
  return *Batch::of({{.type = "a", .form = DataForm::text, .data = "first"},
                     {.type = "a", .form = DataForm::text, .data = "second"},
                     {.type = "a", .form = DataForm::text, .data = "third"}});
}

TEST(RebuiltBatch, TheWorkedExampleIsWhatIsWritten) {
  const std::string value = value_of(three());
  const StoredBatch batch(kKey.stream, value);
  const std::vector<Loss> losses = {{.first = Offset(7), .count = 1, .data_only = true},
                                    {.first = Offset(8), .count = 1}};
  const std::string rebuilt = rebuild(kKey, batch, losses);
  EXPECT_EQ("    " + tests::hex(rebuilt) + "\n",
            tests::example_of(STRANDLINE_SOURCE_DIR "/engine/FORMAT.md", "```hex rebuilt\n"));
  EXPECT_THAT(seen(rebuilt), testing::ElementsAre("-", "erased", "third"));
}

TEST(RebuiltBatch, HoldsNoByteOfWhatIsGone) {
  const std::string value = value_of(three());
  const StoredBatch batch(kKey.stream, value);
  const std::vector<Loss> first = {{.first = Offset(7), .count = 1, .data_only = true}};
  const std::string once = rebuild(kKey, batch, first);
  EXPECT_THAT(once, testing::Not(testing::HasSubstr("first")));
  EXPECT_THAT(once, testing::HasSubstr("second"));
  const std::vector<Loss> both = {{.first = Offset(7), .count = 2}};
  const std::string twice = rebuild(kKey, StoredBatch(kKey.stream, once), both);
  EXPECT_THAT(twice, testing::Not(testing::HasSubstr("second")));
  EXPECT_THAT(seen(twice), testing::ElementsAre("erased", "erased", "third"));
  EXPECT_EQ(StoredBatch(kKey.stream, twice).appended_bytes(), value.size());
}

TEST(RebuiltBatch, FieldsAreKeptAndAnUnknownOddOneIsRefused) {
  StoredBatchWriter writer;
  writer.add_part(three().bytes(), 3, Sequence(9));
  writer.put_field(BatchField::seeds, std::string(32, 's'));
  const std::string value = writer.finish(kKey, Sequence(9), {}, 0);
  EXPECT_EQ(StoredBatch::check(kKey, value), std::nullopt);
  EXPECT_EQ(StoredBatch(kKey.stream, value).field(BatchField::seeds), std::string(32, 's'));
  EXPECT_EQ(StoredBatch(kKey.stream, value).field(BatchField::salts), std::nullopt);
  EXPECT_THAT(seen(value), testing::ElementsAre("first", "second", "third"));

  StoredBatchWriter odd;
  odd.add_part(three().bytes(), 3, Sequence(9));
  odd.put_field(static_cast<BatchField>(9), "x");
  EXPECT_THAT(StoredBatch::check(kKey, odd.finish(kKey, Sequence(9), {}, 0)).value_or(""),
              testing::HasSubstr("field 9"));
}

TEST(RebuiltBatch, SaysOfEveryEventWhatBecameOfIt) {
  std::mt19937 random(17);
  for (int round = 0; round < 300; ++round) {
    const size_t count = 1 + random() % 20;
    std::vector<std::string> texts, expected;
    std::vector<NewEvent> events;
    for (size_t i = 0; i < count; ++i) texts.push_back("data of " + std::to_string(i));
    for (const std::string& text : texts) {
      events.push_back({.type = "a", .form = DataForm::text, .data = text});
    }
    std::string value = value_of(*Batch::of(events));
    expected = texts;
    for (int again = 0; again < 3; ++again) {
      std::vector<Loss> losses;
      for (size_t at = random() % count; at < count; at += 1 + random() % 5) {
        const auto most = static_cast<uint32_t>(count - at);
        const Loss loss{.first = kKey.first + at,
                        .count = 1 + static_cast<uint32_t>(random()) % most,
                        .reason = random() % 2 ? GapReason::erased : GapReason::compacted,
                        .data_only = random() % 2 == 0};
        for (size_t i = at; i < at + loss.count; ++i) {
          if (expected[i] == "erased" || expected[i] == "compacted") continue;
          expected[i] = loss.data_only ? "-" : name_of(loss.reason);
        }
        losses.push_back(loss);
        at += loss.count;
      }
      value = rebuild(kKey, StoredBatch(kKey.stream, value), losses);
      ASSERT_EQ(seen(value), expected) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace strandline
