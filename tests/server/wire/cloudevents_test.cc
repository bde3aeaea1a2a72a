// CloudEvents 1.0 in JSON, in and out: every field goes round, and what is no event is refused.
#include "server/wire/cloudevents.h"

#include "server/json/base64.h"
#include "tests/support/http/json.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using server::EventResult;

// Parses one event and renders it as it would be exported.
std::string round_trip(const std::string& json,
                       server::Rendering rendering = {false, false, server::Derived::nothing}) {
  std::string out;
  const EventResult<> parsed =
      server::parse_event(json, [&](std::string_view, const NewEvent& event) -> Status {
        const auto batch = Batch::of({event});
        if (!batch) return std::unexpected(batch.error());
        server::render_event(out, "s",
                             Event(batch->root().events()->Get(0), Offset{7}, Sequence{9},
                                   Timestamp{1'767'323'045'678'901}),
                             rendering);
        return {};
      });
  if (!parsed)
    return (parsed.error().malformed ? "malformed: " : "invalid: ") + parsed.error().error.message;
  return out;
}

TEST(CloudEvents, EveryFieldGoesRound) {
  for (const char* json : {
           R"({"type":"t"})",
           R"({"type":"t","id":"1","source":"/a","time":"2026-01-02T03:04:05Z","subject":"s"})",
           R"({"type":"t","datacontenttype":"application/json","dataschema":"https://x.y/z"})",
           R"({"type":"t","traceparent":"00-ab","attempt":-7,"vip":true})",
           R"({"type":"t","data":{"a":1.50,"b":[1e3,"\u00e9\n"],"a":2}})",
           R"({"type":"t","data":"text"})",
           R"({"type":"t","data_base64":"AAEC/w=="})",
           R"({"type":"größe 🎉","subject":"\"quoted\" \\ back"})",
       }) {
    EXPECT_EQ(round_trip(json), json);
  }
}

TEST(CloudEvents, DataKeepsTheTextItWasWrittenIn) {
  const std::string out =
      round_trip(R"({ "data" : { "n" : 1.10 , "m":12345678901234567890123 } , "type":"t" })");
  EXPECT_THAT(out, testing::HasSubstr("1.10"));
  EXPECT_THAT(out, testing::HasSubstr("12345678901234567890123"));
}

TEST(CloudEvents, WhatTheClientLeftOutIsDerived) {
  const Json event = Json::parse(round_trip(R"({"type":"t"})", {}));
  EXPECT_EQ(event["specversion"].str(), "1.0");
  EXPECT_EQ(event["id"].str(), "7");
  EXPECT_EQ(event["source"].str(), "/v1/streams/s");
  EXPECT_EQ(event["time"].str(), "2026-01-02T03:04:05.678901Z");
  EXPECT_EQ(event["stream"].str(), "s");
  EXPECT_EQ(event["offset"].number(), 7u);
  EXPECT_EQ(event["sequence"].number(), 9u);
  EXPECT_TRUE(event.has("stored"));
}

TEST(CloudEvents, TheClientsOwnAreKept) {
  const Json event = Json::parse(
      round_trip(R"({"type":"t","id":"mine","source":"/shop","time":"2020-01-01T00:00:00Z"})", {}));
  EXPECT_EQ(event["id"].str(), "mine");
  EXPECT_EQ(event["source"].str(), "/shop");
  EXPECT_EQ(event["time"].str(), "2020-01-01T00:00:00Z");
}

TEST(CloudEvents, ANullMemberIsAnAbsentOne) {
  EXPECT_EQ(round_trip(R"({"type":"t","id":null,"subject":null,"extra":null})"), R"({"type":"t"})");
}

TEST(CloudEvents, MalformedJsonIsOneThing) {
  for (const char* bad :
       {"", "{", "nonsense", R"({"type":"t"} x)", R"({"type":"t",})", R"({"type":'t'})",
        "{\"type\":\"\xff\"}", R"({"type":"t","type":"u"})", R"({"type":"\ud800"})",
        R"({"type":"\udc00"})", R"({"type":"t","data":["\udc00"]})"}) {
    EXPECT_THAT(round_trip(bad), testing::StartsWith("malformed: ")) << bad;
  }
}

TEST(CloudEvents, AWellFormedNonEventIsAnother) {
  for (const char* bad :
       {R"({})", R"({"id":"1"})", R"({"type":""})", R"({"type":7})", R"([])", R"("t")",
        R"({"type":"t","specversion":"0.3"})", R"({"type":"t","Bad":"x"})",
        R"({"type":"t","data":1,"data_base64":"AA=="})", R"({"type":"t","data_base64":"A"})",
        R"({"type":"t","data_base64":"!!!!"})", R"({"type":"t","n":1.5})",
        R"({"type":"t","n":2147483648})", R"({"type":"t","n":{}})",
        R"({"type":"t","time":"noon"})"}) {
    EXPECT_THAT(round_trip(bad), testing::StartsWith("invalid: ")) << bad;
  }
}

TEST(CloudEvents, ErrorsSayWhere) {
  const server::EventSink ignore = [](std::string_view, const NewEvent&) { return Status(); };
  const auto line = server::parse_ndjson("{\"type\":\"t\"}\n\n{\"type\":\"t\"}\nbad\n", ignore);
  ASSERT_FALSE(line);
  EXPECT_TRUE(line.error().malformed);
  EXPECT_THAT(line.error().error.message, testing::HasSubstr("4"));
  const auto index =
      server::parse_event_or_array(R"([{"type":"t"},{"type":"t"},{"id":"x"}])", ignore);
  ASSERT_FALSE(index);
  EXPECT_FALSE(index.error().malformed);
  EXPECT_THAT(index.error().error.message, testing::HasSubstr("2"));
}

TEST(CloudEvents, NdjsonTakesAnyLineEndAndBlankLines) {
  std::vector<std::string> streams;
  const auto parsed = server::parse_ndjson(
      "\n{\"type\":\"t\",\"stream\":\"a\"}\r\n\r\n{\"type\":\"t\",\"stream\":\"b\"}",
      [&](std::string_view stream, const NewEvent&) {
        streams.emplace_back(stream);
        return Status();
      });
  EXPECT_TRUE(parsed);
  EXPECT_THAT(streams, testing::ElementsAre("a", "b"));
}

TEST(CloudEvents, DeepNestingIsNoStackOverflow) {
  const std::string deep =
      R"({"type":"t","data":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  const std::string out = round_trip(deep);  // taken or refused, but answered
  EXPECT_FALSE(out.empty());
}

TEST(CloudEvents, TimesGoRound) {
  for (const int64_t us : {int64_t{0}, int64_t{1}, int64_t{1'767'323'045'678'901},
                           int64_t{951'827'696'000'000}, int64_t{4'102'444'800'000'000}}) {
    EXPECT_EQ(parse_time(render_time({us}))->us, us);
  }
  EXPECT_EQ(render_time({1'767'323'045'678'901}), "2026-01-02T03:04:05.678901Z");
  EXPECT_EQ(parse_time("2026-01-02T04:04:05.678901+01:00")->us, 1'767'323'045'678'901);
  EXPECT_EQ(parse_time("2026-01-02t03:04:05z")->us, 1'767'323'045'000'000);
  for (const char* bad :
       {"", "2026-01-02", "2026-02-29T00:00:00Z", "2026-01-02T25:00:00Z", "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx"}) {
    EXPECT_FALSE(parse_time(bad)) << bad;
  }
}

TEST(CloudEvents, Base64IsRfc4648) {
  for (const auto& [bytes, text] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foobar", "Zm9vYmFy"},
                                                        {std::string("\xfb\xff\x00", 3), "+/8A"}}) {
    std::string out;
    server::render_base64(out, bytes);
    EXPECT_EQ(out, text);
    EXPECT_EQ(server::parse_base64(text).value(), bytes);
  }
  for (const char* bad : {"Zg", "Zg=", "Z===", "Zm9v====", "Zm 9v", "Zm9v\n", "-_8A", "Zh=="}) {
    EXPECT_FALSE(server::parse_base64(bad)) << bad;
  }
}

}  // namespace
}  // namespace strandline::tests
