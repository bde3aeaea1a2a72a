// Offsets are exact: 0, 1, 2, ... per stream, and sequence numbers 0, 1, 2, ... over all of them.
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using Offsets = LogTest;

TEST_F(Offsets, OffsetsCountFromZeroPerStream) {
  const Appended first = append("a", 3);
  EXPECT_EQ(first.stream, "a");
  EXPECT_EQ(first.first, Offset{0});
  EXPECT_EQ(first.next, Offset{3});
  EXPECT_EQ(first.durability, Durability::fsync);
  EXPECT_EQ(append("b", 2).first, Offset{0});
  EXPECT_EQ(append("a", 1).first, Offset{3});
  expect_stream("a", 0, 4);
  expect_stream("b", 0, 2);
}

TEST_F(Offsets, SequencesAreContiguousOverAllStreams) {
  EXPECT_EQ(append("a", 3).sequence, Sequence{0});
  EXPECT_EQ(append("b", 2).sequence, Sequence{3});
  EXPECT_EQ(append("a", 1).sequence, Sequence{5});
  EXPECT_EQ(log().durable_next(), Sequence{6});
  EXPECT_EQ(read("a").sequences(), (std::vector<uint64_t>{0, 1, 2, 5}));
}

TEST_F(Offsets, EveryFieldComesBackAsItWasGiven) {
  const std::string data = R"({"total": 12.50})";
  const NewEvent event{.type = "order.placed",
                       .id = "o-1",
                       .source = "/shop",
                       .subject = "order 1",
                       .time = "2026-01-02T03:04:05.678Z",
                       .datacontenttype = "application/json",
                       .dataschema = "https://example.com/order",
                       .attributes = {{"traceid", "abc", AttributeKind::text},
                                      {"attempt", "-3", AttributeKind::integer},
                                      {"vip", "true", AttributeKind::boolean}},
                       .form = DataForm::json,
                       .data = data};
  const auto appended = log().append(Append{.stream = "s", .batch = Batch::of({event}).value()});
  ASSERT_TRUE(appended);
  reopen();
  auto cursor = log().read({.select = Selection::stream("s")}).value();
  const auto delivery = cursor->next();
  ASSERT_TRUE(delivery && *delivery);
  const auto& events = std::get<Events>(**delivery);
  ASSERT_EQ(events.count(), 1u);
  const Event got = events[0];
  EXPECT_EQ(got.type(), event.type);
  EXPECT_EQ(got.id(), event.id);
  EXPECT_EQ(got.source(), event.source);
  EXPECT_EQ(got.subject(), event.subject);
  EXPECT_EQ(got.time(), event.time);
  EXPECT_EQ(got.datacontenttype(), event.datacontenttype);
  EXPECT_EQ(got.dataschema(), event.dataschema);
  EXPECT_EQ(got.form(), DataForm::json);
  EXPECT_EQ(got.data(), data);
  EXPECT_EQ(got.stored, appended->stored);
  std::vector<std::string> attributes;
  got.for_each_attribute([&](const Attribute& a) {
    attributes.push_back(std::string(a.name) + "=" + std::string(a.text) + ":" +
                         std::to_string(static_cast<int>(a.kind)));
  });
  EXPECT_THAT(attributes,
              testing::UnorderedElementsAre("traceid=abc:0", "attempt=-3:1", "vip=true:2"));
}

TEST_F(Offsets, ABatchIsStoredAndReadByteForByte) {
  const Batch sent = batch("s", Offset{0}, 50);
  const std::string bytes(sent.bytes());
  ASSERT_TRUE(log().append(Append{.stream = "s", .batch = Batch::verified(bytes).value()}));
  for (const bool again : {false, true}) {
    if (again) reopen();
    auto cursor = log().read({.select = Selection::stream("s")}).value();
    const auto delivery = cursor->next();
    ASSERT_TRUE(delivery && *delivery);
    const auto& events = std::get<Events>(**delivery);
    EXPECT_TRUE(events.whole_batch());
    EXPECT_EQ(events.flatbuffer(), bytes);
  }
}

TEST_F(Offsets, ManyWritersOnOneStreamGetEveryOffsetOnce) {
  constexpr int kWriters = 16;
  constexpr int kEach = 100;
  std::vector<std::vector<std::pair<uint64_t, std::string>>> acknowledged(kWriters);
  {
    Log& shared = log();
    std::vector<std::jthread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, w] {
        for (int i = 0; i < kEach; ++i) {
          const std::string id = std::to_string(w) + ":" + std::to_string(i);
          const auto appended = shared.append(Append{.stream = "s", .batch = batch("s", {id})});
          if (appended) acknowledged[w].emplace_back(appended->first.value, id);
        }
      });
    }
  }
  const Transcript transcript = read("s");
  EXPECT_EQ(transcript.offsets(), range(0, kWriters * kEach));
  const auto ids = transcript.ids();
  for (const auto& writer : acknowledged) {
    ASSERT_EQ(writer.size(), static_cast<size_t>(kEach));
    for (const auto& [offset, id] : writer) EXPECT_EQ(ids.at(offset), id);
    EXPECT_TRUE(std::ranges::is_sorted(writer));
  }
  EXPECT_EQ(reopen().describe("s")->tail, Offset{kWriters * kEach});
}

TEST_F(Offsets, CompletionsComeOnceEachAndInOrder) {
  std::mutex mutex;
  std::vector<uint64_t> firsts;
  constexpr uint64_t kAppends = 500;
  for (uint64_t i = 0; i < kAppends; ++i) {
    log().append(Append{.stream = "s", .batch = batch("s", Offset{i}, 1)},
                 [&](Result<Appended> result) {
                   const std::lock_guard lock(mutex);
                   firsts.push_back(result ? result->first.value : UINT64_MAX);
                 });
  }
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return firsts.size() >= kAppends;
  }));
  close();
  EXPECT_EQ(firsts, range(0, kAppends));
}

TEST_F(Offsets, AnAppendToANewNameCreatesTheStreamOrNotAsTold) {
  EXPECT_EQ(append("a").first, Offset{0});
  options.create_streams_on_append = false;
  reopen();
  const auto refused = log().append(Append{.stream = "b", .batch = batch("b", Offset{0}, 1)});
  EXPECT_EQ(code_of(refused), Code::not_found);
  EXPECT_EQ(code_of(log().describe("b")), Code::not_found);
  EXPECT_EQ(append("a").first, Offset{1});
}

TEST_F(Offsets, AClosedLogSaysSo) {
  append("a");
  log().close();
  log().close();  // twice is once
  EXPECT_EQ(code_of(log().append(Append{.stream = "a", .batch = batch("a", Offset{1}, 1)})),
            Code::closed);
}

}  // namespace
}  // namespace strandline::tests
