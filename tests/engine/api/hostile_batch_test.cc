// FlatBuffers made by hand to harm whoever reads them: refused, at a cost that their size bounds;
// and whatever is not refused can be walked to its end, which the sanitizers watch.
#include "engine/api/batch_verifier.h"
#include "engine/api/event_rules.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fb = flatbuffers;

std::string finished(fb::FlatBufferBuilder& builder, fb::Offset<schema::Batch> batch,
                     const char* identifier = schema::BatchIdentifier()) {
  builder.Finish(batch, identifier);
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

std::string good_batch() {
  return std::string(
      Batch::of({{.type = "t",
                  .id = "1",
                  .attributes = {{"a", "x"}, {"b", "7", AttributeKind::integer}},
                  .form = DataForm::json,
                  .data = "{\"n\":1}"},
                 {.type = "u", .subject = "s", .form = DataForm::binary, .data = "\xff\x01"}})
          ->bytes());
}

// Reads all of it, as readers do.
size_t walk(const Batch& batch) {
  size_t bytes = 0;
  const Events events("s", batch.bytes(), batch.count(), 0, batch.count(), Offset{0}, Sequence{0},
                      Timestamp{}, false);
  for (const Event event : events) {
    for (const std::string_view text :
         {event.type(), event.id(), event.source(), event.subject(), event.time(),
          event.datacontenttype(), event.dataschema(), event.data()}) {
      for (const char c : text) bytes += static_cast<unsigned char>(c) | 1;
    }
    event.for_each_attribute([&](const Attribute& a) { bytes += a.name.size() + a.text.size(); });
  }
  return bytes;
}

void put(std::string& bytes, size_t at, uint32_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
uint32_t get(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
size_t place_of(const std::string& bytes, const void* part) {
  return static_cast<size_t>(static_cast<const char*>(part) - bytes.data());
}

TEST(HostileBatches, EveryOffsetAndLengthMayLie) {
  const std::string good = good_batch();
  ASSERT_TRUE(Batch::verified(good));
  size_t refused = 0, walked = 0;
  for (size_t at = 0; at + 2 <= good.size(); at += 2) {
    for (const size_t width : {size_t{2}, size_t{4}}) {
      for (const uint64_t lie :
           {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{4}, uint64_t{5}, uint64_t{0x7f},
            uint64_t{0x7fff}, uint64_t{0xfffe}, uint64_t{0xffff}, uint64_t{0x7fffffff},
            uint64_t{0x80000000}, uint64_t{0xfffffffc}, uint64_t{0xffffffff},
            uint64_t{good.size() - at}, uint64_t{good.size() - at - 1}}) {
        std::string bad = good;
        std::memcpy(bad.data() + at, &lie, std::min(width, bad.size() - at));
        const auto batch = Batch::verified(bad);
        if (batch) walked += walk(*batch);
        ++(batch ? walked : refused);
      }
    }
  }
  EXPECT_GT(refused, 100u);
  EXPECT_GT(walked, 0u);
}

TEST(HostileBatches, EveryPrefixIsRefused) {
  // The first part of a FlatBuffer refers to what comes behind it.
  const std::string good = good_batch();
  for (size_t size = 0; size < good.size() - 8; ++size) {
    const auto batch = Batch::verified(good.substr(0, size));
    if (batch) walk(*batch);
    EXPECT_FALSE(batch) << size << " of " << good.size() << " bytes";
  }
}

TEST(HostileBatches, LengthsPastTheEndAreRefused) {
  const std::string good = good_batch();
  const auto* root = schema::GetBatch(good.data());
  const auto* event = root->events()->Get(0);
  for (const void* part :
       {static_cast<const void*>(root->events()), static_cast<const void*>(event->type()),
        static_cast<const void*>(event->data()), static_cast<const void*>(event->attributes())}) {
    const size_t at = place_of(good, part);
    for (const uint32_t length : {get(good, at) + 1000, 0x3fffffffu, 0x40000000u, 0x7fffffffu,
                                  0x80000000u, 0xfffffffeu, 0xffffffffu}) {
      std::string bad = good;
      put(bad, at, length);
      EXPECT_EQ(code_of(Batch::verified(bad)), Code::invalid) << at << " " << length;
    }
  }
}

TEST(HostileBatches, VtablesOutsideTheBufferOrTheirTableAreRefused) {
  const std::string good = good_batch();
  const size_t table = place_of(good, schema::GetBatch(good.data())->events()->Get(0));
  const size_t vtable = table - get(good, table);  // modulo 2^32, as FlatBuffers has it
  for (const uint32_t distance : {0x7fffffffu, 0x80000000u, 0x80000001u, uint32_t(table) + 2,
                                  uint32_t(table) - uint32_t(good.size()), 1u}) {
    std::string bad = good;
    put(bad, table, distance);
    EXPECT_EQ(code_of(Batch::verified(bad)), Code::invalid) << distance;
  }
  for (const uint16_t size : {uint16_t{0xffff}, uint16_t{0xfffe}, uint16_t{5}}) {
    std::string bad = good;
    std::memcpy(bad.data() + vtable, &size, sizeof size);
    EXPECT_EQ(code_of(Batch::verified(bad)), Code::invalid) << size;
  }
  // Field 0, type, which an event has to have: nowhere, or far behind its table.
  for (const uint16_t place : {uint16_t{0}, uint16_t{0xffff}, uint16_t{0x7ffe}}) {
    std::string bad = good;
    std::memcpy(bad.data() + vtable + 4, &place, sizeof place);
    EXPECT_EQ(code_of(Batch::verified(bad)), Code::invalid) << place;
  }
}

TEST(HostileBatches, SharedTablesDoNotMultiplyTheWork) {
  // 65,536 references to one event with 64 attributes: 4 million tables in 264 KB.
  fb::FlatBufferBuilder builder;
  std::vector<fb::Offset<schema::Attribute>> attributes;
  for (int i = 0; i < 64; ++i) {
    attributes.push_back(schema::CreateAttribute(
        builder, builder.CreateString("a" + std::to_string(i)), builder.CreateString("")));
  }
  const auto event = schema::CreateEvent(builder, builder.CreateString("t"), 0, 0, 0, 0, 0, 0,
                                         builder.CreateVector(attributes));
  const std::vector<fb::Offset<schema::Event>> events(65'536, event);
  const std::string bytes =
      finished(builder, schema::CreateBatch(builder, builder.CreateVector(events)));
  ASSERT_LT(bytes.size(), 300'000u);
  EXPECT_EQ(code_of(Batch::verified(bytes)), Code::invalid);
}

TEST(HostileBatches, AMillionReferencesToOneAttributeAreTooMany) {
  fb::FlatBufferBuilder builder;
  const auto attribute =
      schema::CreateAttribute(builder, builder.CreateString("a"), builder.CreateString("x"));
  const std::vector<fb::Offset<schema::Attribute>> attributes(1'000'000, attribute);
  const auto event = schema::CreateEvent(builder, builder.CreateString("t"), 0, 0, 0, 0, 0, 0,
                                         builder.CreateVector(attributes));
  const std::string bytes =
      finished(builder, schema::CreateBatch(builder, builder.CreateVector(&event, 1)));
  EXPECT_FALSE(Batch::verified(bytes));
}

TEST(HostileBatches, TablesThatContainThemselvesAreRefused) {
  // An event whose attributes are itself, and a batch whose events are the batch. The schema holds
  // these, in which nothing nests deeper than an attribute; the cap on depth is asked below.
  const std::string good = good_batch();
  const auto* root = schema::GetBatch(good.data());
  const size_t attributes = place_of(good, root->events()->Get(0)->attributes()) + 4;
  const size_t events = place_of(good, root->events()) + 4;
  for (const auto& [from, to] :
       {std::pair(attributes, place_of(good, root->events()->Get(0))),
        std::pair(attributes, place_of(good, root)), std::pair(events, place_of(good, root)),
        std::pair(events, events)}) {
    std::string bad = good;
    put(bad, from, static_cast<uint32_t>(to - from));
    const auto batch = Batch::verified(bad);
    EXPECT_FALSE(batch) << from << " to " << to;
  }
}

// A table that the schema has nothing like: it may nest as deep as one likes.
struct Nested : private fb::Table {
  const Nested* inner() const { return GetPointer<const Nested*>(kInner); }
  bool Verify(fb::Verifier& verifier) const {
    return VerifyTableStart(verifier) && VerifyOffset(verifier, kInner) &&
           verifier.VerifyTable(inner()) && verifier.EndTable();
  }
  static constexpr fb::voffset_t kInner = 4;
};

TEST(HostileBatches, AreWalkedNoDeeperThan16Tables) {
  for (const int depth : {1, 16, 17}) {
    fb::FlatBufferBuilder builder;
    fb::Offset<Nested> outer;
    for (int i = 0; i < depth; ++i) {
      const auto start = builder.StartTable();
      builder.AddOffset(Nested::kInner, outer);
      outer = builder.EndTable(start);
    }
    builder.Finish(outer);
    const std::string_view bytes(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                                 builder.GetSize());
    ASSERT_GT(bytes.size(), 4u * depth) << "the cap on tables is not what is asked here";
    fb::Verifier verifier = verifier_of(bytes, Limits{});
    EXPECT_EQ(verifier.VerifyBuffer<Nested>(nullptr), depth <= 16) << depth;
  }
}

TEST(HostileBatches, AreWalkedNoFurtherThanTheLimitOnEventsAllows) {
  // At two events, and 64 attributes for each and a dead letter's own: two tables and the batch
  // besides.
  const Limits two{.batch_events_max = 2};
  const auto batch_of = [](std::vector<size_t> attributes_of_events) {
    fb::FlatBufferBuilder builder;
    std::vector<fb::Offset<schema::Event>> events;
    for (const size_t count : attributes_of_events) {
      std::vector<fb::Offset<schema::Attribute>> attributes;
      for (size_t i = 0; i < count; ++i) {
        attributes.push_back(
            schema::CreateAttribute(builder, builder.CreateString("a" + std::to_string(i)),
                                    builder.CreateString("a text that is long enough")));
      }
      events.push_back(schema::CreateEvent(builder, builder.CreateString("t"), 0, 0, 0, 0, 0, 0,
                                           builder.CreateVector(attributes)));
    }
    return finished(builder, schema::CreateBatch(builder, builder.CreateVector(events)));
  };
  const auto walked = [&](const std::string& bytes) {
    EXPECT_GT(bytes.size() / 4, 200u) << "the cap by size is not what is asked here";
    fb::Verifier verifier = verifier_of(bytes, two);
    return schema::VerifyBatchBuffer(verifier);
  };
  EXPECT_TRUE(Batch::verified(batch_of({64, 64}), two));
  const size_t most = 2 * (64 + kDeadLetterNames.size()) + 1;
  EXPECT_TRUE(walked(batch_of({most})));
  EXPECT_FALSE(walked(batch_of({most + 1})));
}

TEST(HostileBatches, MisalignedOnesAreRefused) {
  const std::string good = good_batch();
  for (const size_t shift : {1u, 2u, 3u}) {
    std::string bad = good;
    bad.insert(8, shift, '\0');
    put(bad, 0, get(good, 0) + static_cast<uint32_t>(shift));
    EXPECT_EQ(code_of(Batch::verified(bad)), Code::invalid) << shift;
  }
}

TEST(HostileBatches, AreAlignedInMemoryWhereverTheyCameFrom) {
  const std::string good = good_batch();
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::string wider = std::string(shift, 'x') + good;
    std::string taken(std::string_view(wider).substr(shift));
    taken.reserve(10 * taken.size());
    const auto batch = Batch::verified(std::move(taken));
    ASSERT_TRUE(batch);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(batch->bytes().data()) % 8, 0u);
    EXPECT_EQ(batch->bytes(), good);
  }
}

TEST(HostileBatches, AnotherIdentifierIsRefused) {
  for (const char* identifier : {"STRC", "strb", "BRTS", "\0\0\0\0"}) {
    std::string bad = good_batch();
    bad.replace(4, 4, identifier, 4);
    EXPECT_EQ(code_of(Batch::verified(bad)), Code::invalid);
  }
  fb::FlatBufferBuilder builder;
  const auto event = schema::CreateEvent(builder, builder.CreateString("t"));
  EXPECT_EQ(code_of(Batch::verified(finished(
                builder, schema::CreateBatch(builder, builder.CreateVector(&event, 1)), nullptr))),
            Code::invalid);
}

TEST(HostileBatches, BytesBehindTheBatchAreKeptAndMeanNothing) {
  const std::string longer = good_batch() + "trailing bytes";
  const auto batch = Batch::verified(longer);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->count(), 2u);
  EXPECT_EQ(batch->bytes(), longer);
  EXPECT_EQ(walk(*batch), walk(*Batch::verified(good_batch())));
}

TEST(HostileBatches, ABufferWithinABufferIsDataAndNothingElse) {
  std::string hostile = good_batch();
  std::memset(hostile.data() + 8, 0xff, hostile.size() - 8);
  const auto batch = Batch::of({{.type = "t", .form = DataForm::binary, .data = hostile}});
  ASSERT_TRUE(batch);
  const auto again = Batch::verified(std::string(batch->bytes()));
  ASSERT_TRUE(again);
  EXPECT_EQ(std::string_view(
                reinterpret_cast<const char*>(again->root().events()->Get(0)->data()->data()),
                hostile.size()),
            hostile);
}

TEST(HostileBatches, LimitsAreAskedBeforeAnythingIsRead) {
  const Limits small{.batch_bytes_max = 100};
  EXPECT_EQ(code_of(Batch::verified(std::string(101, '\xff'), small)), Code::too_large);
  fb::FlatBufferBuilder builder;
  const auto event = schema::CreateEvent(builder, builder.CreateString("t"));
  const std::vector<fb::Offset<schema::Event>> events(65'537, event);
  EXPECT_FALSE(Batch::verified(
      finished(builder, schema::CreateBatch(builder, builder.CreateVector(events)))));
}

}  // namespace
}  // namespace strandline::tests
