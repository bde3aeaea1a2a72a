// What may become an event: FlatBuffers' verifier, then CloudEvents' rules. Only verified bytes
// enter.
#include <random>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

TEST(Batches, AnEventNeedsAType) {
  EXPECT_EQ(code_of(Batch::of({{.type = ""}})), Code::invalid);
  EXPECT_TRUE(Batch::of({{.type = "t"}}));
}

TEST(Batches, ABatchNeedsAnEvent) { EXPECT_FALSE(Batch::of(std::span<const NewEvent>())); }

TEST(Batches, StringsAreTextWithoutControlCharacters) {
  for (const std::string& bad :
       {std::string("a\nb"), std::string("\x01"), std::string("\x7f"), std::string("a\0b", 3),
        std::string("\xff"), std::string("\xed\xa0\x80"), std::string("\xf5\x80\x80\x80")}) {
    EXPECT_EQ(code_of(Batch::of({{.type = bad}})), Code::invalid);
    EXPECT_EQ(code_of(Batch::of({{.type = "t", .id = bad}})), Code::invalid);
    EXPECT_EQ(code_of(Batch::of({{.type = "t", .subject = bad}})), Code::invalid);
    EXPECT_EQ(code_of(Batch::of({{.type = "t", .source = bad}})), Code::invalid);
  }
  EXPECT_TRUE(Batch::of({{.type = "größe", .subject = "日本 ✓ 🎉"}}));
}

TEST(Batches, ExtensionNamesFollowTheirRule) {
  const std::string longest(255, 'a'), longer(256, 'a');
  for (const char* bad :
       {"", "Upper", "with-dash", "with_underscore", "ä", "type", "id", "source", "data",
        "specversion", "stream", "offset", "sequence", "stored", longer.c_str()}) {
    EXPECT_EQ(code_of(Batch::of({{.type = "t", .attributes = {{bad, "x"}}}})), Code::invalid)
        << bad;
  }
  EXPECT_TRUE(Batch::of({{.type = "t", .attributes = {{"a1b2", "x"}, {"traceparent", "y"}}}}));
  EXPECT_TRUE(Batch::of({{.type = "t", .attributes = {{longest, "x"}}}}));
  EXPECT_EQ(code_of(Batch::of({{.type = "t", .attributes = {{"a", "x"}, {"a", "y"}}}})),
            Code::invalid);
}

TEST(Batches, ExtensionValuesFollowTheirKind) {
  const auto with = [](std::string_view text, AttributeKind kind) {
    return Batch::of({{.type = "t", .attributes = {{"x", text, kind}}}});
  };
  for (const char* good : {"0", "-1", "2147483647", "-2147483648"}) {
    EXPECT_TRUE(with(good, AttributeKind::integer)) << good;
  }
  for (const char* bad : {"", "2147483648", "-2147483649", "1.0", "+1", "01", "x"}) {
    EXPECT_EQ(code_of(with(bad, AttributeKind::integer)), Code::invalid) << bad;
  }
  EXPECT_TRUE(with("true", AttributeKind::boolean));
  EXPECT_EQ(code_of(with("yes", AttributeKind::boolean)), Code::invalid);
}

TEST(Batches, DataIsWhatItIsSaidToBe) {
  const auto with = [](DataForm form, std::string_view data) {
    return Batch::of({{.type = "t", .form = form, .data = data}});
  };
  for (const char* good : {"{}", "null", "12", "\"x\"", "[1,2,{\"a\":[]}]", "1.5e300", " 1 "}) {
    EXPECT_TRUE(with(DataForm::json, good)) << good;
  }
  for (const char* bad : {"", "{", "nul", "{} {}", "{'a':1}", "[1,]", "\"\xff\"", "01"}) {
    EXPECT_EQ(code_of(with(DataForm::json, bad)), Code::invalid) << bad;
  }
  EXPECT_TRUE(with(DataForm::text, "any\ntext\t✓"));
  EXPECT_EQ(code_of(with(DataForm::text, "\xff")), Code::invalid);
  EXPECT_TRUE(with(DataForm::binary, std::string_view("\xff\x00\x01", 3)));
}

TEST(Batches, TheTimeIsRfc3339) {
  for (const char* good : {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456789+01:30",
                           "2024-02-29T23:59:59-00:00"}) {
    EXPECT_TRUE(Batch::of({{.type = "t", .time = good}})) << good;
  }
  for (const char* bad : {"yesterday", "2026-01-02", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z",
                          "2026-01-02T03:04:05"}) {
    EXPECT_EQ(code_of(Batch::of({{.type = "t", .time = bad}})), Code::invalid) << bad;
  }
}

TEST(Batches, ErrorsNameTheEvent) {
  const auto refused = Batch::of({{.type = "t"}, {.type = "t"}, {.type = ""}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("2"));
}

TEST(Batches, OnlyWhatTheVerifierAcceptsBecomesABatch) {
  const std::string good(batch("s", Offset{0}, 5).bytes());
  EXPECT_EQ(Batch::verified(good)->count(), 5u);
  for (const std::string& bad :
       {std::string(), std::string("x"), std::string(1000, '\0'), std::string(1000, '\xff'),
        good.substr(0, good.size() / 2), good.substr(4)}) {
    EXPECT_EQ(code_of(Batch::verified(bad)), Code::invalid);
  }
}

TEST(Batches, AnyByteMayBeWrongWithoutHarm) {
  // Whatever passes can be walked to its end; the sanitizers watch.
  std::mt19937_64 random(seed("Batches"));
  const std::string good(batch("s", Offset{0}, 5).bytes());
  uint64_t accepted = 0, bytes = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
      bad[random() % bad.size()] ^= static_cast<char>(1 << (random() % 8));
    }
    const auto checked = Batch::verified(bad);
    if (!checked) continue;
    ++accepted;
    const Events events("s", checked->bytes(), checked->count(), 0, checked->count(), Offset{0},
                        Sequence{0}, Timestamp{}, false);
    for (const Event event : events) {
      bytes +=
          event.type().size() + event.id().size() + event.subject().size() + event.data().size();
      event.for_each_attribute([&](const Attribute& a) { bytes += a.name.size(); });
    }
  }
  EXPECT_GT(accepted, 0u);  // bits of data may change, and nobody can tell
  EXPECT_GT(bytes, 0u);
}

TEST(Batches, WhatEventsShareIsBoundedToo) {
  // 60,000 references to one event of 10,000 bytes: a small buffer that expands to 600 MB.
  flatbuffers::FlatBufferBuilder builder;
  const std::vector<uint8_t> data(10'000, 'x');
  const auto event = schema::CreateEvent(builder, builder.CreateString("t"), 0, 0, 0, 0, 0, 0, 0,
                                         DataForm::binary, builder.CreateVector(data));
  const std::vector<flatbuffers::Offset<schema::Event>> events(60'000, event);
  schema::FinishBatchBuffer(builder, schema::CreateBatch(builder, builder.CreateVector(events)));
  const std::string bytes(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                          builder.GetSize());
  ASSERT_LT(bytes.size(), Limits{}.batch_bytes_max);
  EXPECT_EQ(code_of(Batch::verified(bytes)), Code::too_large);
}

}  // namespace
}  // namespace strandline::tests
