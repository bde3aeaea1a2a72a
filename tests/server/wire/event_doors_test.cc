// One rule, at every door: what may be an event, and what becomes of it, is the same whatever
// brings it in, and what goes out comes in again.
#include <algorithm>
#include <fstream>
#include <random>

#include "engine/log.h"
#include "server/wire/cloudevents.h"
#include "tests/support/http/doors.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class EventDoors : public ServerTest {
 protected:
  using Answers = std::map<std::string, Doors::Answer>;

  static void expect_taken(const Answers& answers, const std::string& what) {
    for (const auto& [door, answer] : answers) {
      EXPECT_TRUE(answer.taken) << what.substr(0, 100) << ": " << door << ": " << answer.why;
    }
  }
  static void expect_refused(const Answers& answers, const std::string& what) {
    for (const auto& [door, answer] : answers) {
      EXPECT_FALSE(answer.taken) << what.substr(0, 100) << ": " << door;
      EXPECT_FALSE(answer.why.empty());
    }
    // The FlatBuffer is one: it is its event that is wrong.
    if (const auto it = answers.find("flatbuffer"); it != answers.end()) {
      EXPECT_THAT(it->second.why,
                  testing::AnyOf(testing::StartsWith("422"), testing::StartsWith("413")))
          << what.substr(0, 100);
    }
  }
  void takes(const NewEvent& event) { expect_taken(doors_.bring(event), members_of(event)); }
  void refuses(const NewEvent& event) { expect_refused(doors_.bring(event), members_of(event)); }

  // Of every door, its newest event as an export has it, without its stream.
  std::map<std::string, std::string> newest() {
    std::map<std::string, std::string> events;
    for (const auto& [door, stream] : kStreams) {
      const bool local = stream == "s";
      const Outcome out = local
                              ? strandline({"export", "s", "--data", doors_.data(door).string()})
                              : strandline({"export", stream, "--server", server_.address().url()});
      EXPECT_EQ(out.exit, 0) << door << out.errors;
      std::string text = out.output.substr(0, out.output.rfind('\n'));
      if (const size_t line = text.rfind('\n'); line != text.npos) text = text.substr(line + 1);
      const std::string begin = "{\"stream\":\"" + stream + "\",";
      EXPECT_THAT(text, testing::StartsWith(begin));
      events[door] = text.substr(std::min(begin.size(), text.size()));
    }
    return events;
  }
  void expect_newest(const std::string& part) {
    for (const auto& [door, event] : newest()) {
      EXPECT_THAT(event, testing::HasSubstr(part)) << door;
    }
  }
  // Exported, imported elsewhere, and exported again.
  void expect_round_trip(const std::vector<std::string>& source) {
    const auto exported = [](std::vector<std::string> from) {
      from.insert(from.begin(), {"export", "--all"});
      const Outcome out = strandline(std::move(from));
      EXPECT_EQ(out.exit, 0) << out.errors;
      return out.output;
    };
    const std::string first = exported(source);
    const auto file = directory_ / ("round-" + std::to_string(++rounds_) + ".ndjson");
    std::ofstream(file) << first;
    const std::string copy = (directory_ / ("copy-" + std::to_string(rounds_))).string();
    const Outcome in = strandline({"import", file.string(), "--data", copy});
    EXPECT_EQ(in.exit, 0) << in.errors;
    EXPECT_EQ(exported({"--data", copy}), first);
    ServerProcess other(directory_ / ("other-" + std::to_string(rounds_)));
    const std::string url = other.address().url();
    const Outcome sent = strandline({"import", file.string(), "--server", url});
    EXPECT_EQ(sent.exit, 0) << sent.errors;
    EXPECT_EQ(exported({"--server", url}), first);
  }
  std::vector<std::string> here() { return {"--server", server_.address().url()}; }

  const std::vector<std::pair<std::string, std::string>> kStreams = {{"json", "json"},
                                                                     {"array", "array"},
                                                                     {"ndjson", "ndjson"},
                                                                     {"structured", "structured"},
                                                                     {"batch", "batch"},
                                                                     {"many", "many"},
                                                                     {"lines", "lines"},
                                                                     {"broadcast", "broadcast"},
                                                                     {"append", "append"},
                                                                     {"import", "import"},
                                                                     {"flatbuffer", "flatbuffer"},
                                                                     {"binary", "binary"},
                                                                     {"append-data", "s"},
                                                                     {"import-data", "s"},
                                                                     {"embedded", "s"}};
  Doors doors_{server_, directory_};
  int rounds_ = 0;
};

std::string nested(size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST_F(EventDoors, DataNestsAsDeepInEveryEnvelope) {
  const std::string deepest = nested(128), deeper = nested(129), deep = nested(5'000);
  takes({.type = "t", .id = "1", .form = DataForm::json, .data = deepest});
  refuses({.type = "t", .id = "2", .form = DataForm::json, .data = deeper});
  refuses({.type = "t", .id = "3", .form = DataForm::json, .data = deep});
  expect_newest(deepest);
  expect_round_trip(here());
}

TEST_F(EventDoors, NumbersOfAnySizeStayAsTheyWereWritten) {
  const std::string numbers = "[1e400,-0,1E+2,0.10,1.0e-99999999999," + std::string(400, '9') + "]";
  takes({.type = "t", .form = DataForm::json, .data = numbers});
  expect_newest("\"data\":" + numbers);
  for (const char* bad : {"01", "+1", ".5", "1.", "1e", "0x1", "NaN", "-"}) {
    refuses({.type = "t", .form = DataForm::json, .data = bad});
  }
}

TEST_F(EventDoors, AnAttributesNameFollowsOneRule) {
  const std::string longest(255, 'a'), longer(256, 'a');
  for (const std::string& good :
       {std::string("abcdefghijklmnopqrstu"), longest, std::string("database"), std::string("1")}) {
    takes({.type = "t", .attributes = {{good, "value"}}});
    expect_newest("\"" + good + "\":\"value\"");
  }
  for (const std::string& bad : {longer, std::string("with_line"), std::string("with-dash"),
                                 std::string("specversion2.0")}) {
    refuses({.type = "t", .attributes = {{bad, "value"}}});
  }
  // As a member of JSON it is the data.
  const Answers data = doors_.bring({.type = "t", .attributes = {{"data", "value"}}});
  for (const char* door : {"flatbuffer", "binary", "embedded"}) EXPECT_FALSE(data.at(door).taken);
}

TEST_F(EventDoors, WhatTheLogsOwnMembersWouldHideIsRefused) {
  for (const char* name : {"offset", "sequence", "stored"}) {
    refuses({.type = "t", .attributes = {{name, "0000000042"}}});
    refuses({.type = "t", .attributes = {{name, "42", AttributeKind::integer}}});
  }
  refuses({.type = "t", .attributes = {{"offset", "1"}, {"sequence", "2"}, {"stored", "3"}}});
  // An event that was read is sent as it is: its place is not an attribute of its own.
  expect_taken(doors_.bring_json(
                   R"("offset":3,"sequence":9,"stored":"2026-01-02T03:04:05.678901Z","type":"t")"),
               "as it was read");
}

TEST_F(EventDoors, AnEventHasSoManyAttributesOfItsOwn) {
  std::vector<std::string> names;
  for (int i = 0; i < 65; ++i) names.push_back("a" + std::to_string(i));
  NewEvent event{.type = "t"};
  for (int i = 0; i < 64; ++i) event.attributes.push_back({names[i], "value"});
  takes(event);
  event.attributes.push_back({names[64], "value"});
  refuses(event);
}

TEST_F(EventDoors, AnEventIsAsLargeAndAnExportOfItNoLarger) {
  const std::string largest((1 << 20) - 1, 'x'), larger(1 << 20, 'x');
  NewEvent event{
      .type = "t", .datacontenttype = "text/plain", .form = DataForm::text, .data = largest};
  takes(event);
  expect_round_trip(here());
  event.data = larger;
  refuses(event);
}

TEST_F(EventDoors, TextIsTextWithoutControlCharacters) {
  takes({.type = "größe, 100% ✓",
         .id = "\"quoted\" \\ back",
         .source = "/a b?c=%41",
         .subject = "日本 🎉",
         .time = "2026-01-02T03:04:05.5+01:00",
         .dataschema = "https://x.y/z#1",
         .attributes = {{"empty", ""}, {"space", " in and around "}, {"quote", "\"x\""}}});
  expect_newest(R"("type":"größe, 100% ✓","id":"\"quoted\" \\ back","source":"/a b?c=%41")");
  expect_newest(R"("empty":"","space":" in and around ","quote":"\"x\"")");
  for (const char* bad : {"line\nend", "\x01", "\x7f", "\xc2\x85"}) {
    refuses({.type = "t", .subject = bad});
    refuses({.type = "t", .attributes = {{"x", bad}}});
  }
  for (const char* bad : {"\xff", "\xed\xa0\x80", "\xc0\xaf"}) refuses({.type = "t", .id = bad});
}

TEST_F(EventDoors, ALeapSecondIsWhereThereCanBeOne) {
  for (const char* good : {"2016-12-31T23:59:60Z", "2015-06-30T23:59:60.5Z",
                           "1990-12-31T15:59:60-08:00", "2017-01-01T05:29:60+05:30"}) {
    takes({.type = "t", .time = good});
  }
  for (const char* bad :
       {"2026-01-15T23:59:60Z", "2026-06-30T12:00:60Z", "2016-12-31T23:59:60+01:00",
        "2016-12-31T23:59:61Z", "2016-12-30T23:59:60Z", "2016-12-31T22:59:60Z"}) {
    refuses({.type = "t", .time = bad});
  }
}

TEST_F(EventDoors, NullDataIsDataAndNotNone) {
  takes({.type = "none"});
  for (const auto& [door, event] : newest())
    EXPECT_THAT(event, testing::Not(testing::HasSubstr("data")));
  takes({.type = "null", .form = DataForm::json, .data = "null"});
  expect_newest("\"data\":null}");
  expect_round_trip(here());
}

TEST_F(EventDoors, JsonIsKeptOnOneLineAndNothingAroundIt) {
  takes({.type = "t", .form = DataForm::json, .data = " \r\n{\"a\":\r\n [1,\t2]}\n "});
  expect_newest("\"data\":{\"a\":   [1,\t2]}}");
  // So that each line is one event's for whoever reads the data alone.
  EXPECT_EQ(strandline({"export", "binary", "--lines", "--server", server_.address().url()}).output,
            "{\"a\":   [1,\t2]}\n");
}

TEST_F(EventDoors, JsonIsUtf8WhateverItsTypeSays) {
  for (const char* type : {"application/json; charset=utf-16", "text/json;charset=\"ISO-8859-1\"",
                           "application/x+json; a=\";charset=utf-8\"; charset=latin1"}) {
    refuses({.type = "t", .datacontenttype = type, .form = DataForm::json, .data = "{}"});
    if (std::string(type).starts_with("application/json")) {
      expect_problem(client_.post("/v1/streams/s/events", R"({"type":"t"})", type), 415);
      expect_problem(client_.post("/v1/append", R"({"appends":[]})", type), 415);
    }
  }
  takes({.type = "t",
         .datacontenttype = "application/json; charset=UTF-8",
         .form = DataForm::json,
         .data = "{}"});
  takes({.type = "t",
         .datacontenttype = "application/json;charset=\"utf-8\"",
         .form = DataForm::json,
         .data = "\"text\""});
}

TEST_F(EventDoors, TextInAnotherCharsetIsKeptAsBytes) {
  const auto send = [&](const std::string& type, const std::string& body) {
    return client_.send("POST", "/v1/streams/t/events", body,
                        {{"Content-Type", type}, {"ce-type", "t"}});
  };
  const auto kept = [&](const std::string& type, const std::string& body) {
    EXPECT_EQ(send(type, body).status, 201u) << type;
    const Json events = client_.get("/v1/streams/t/events?direction=backward&limit=1").json();
    EXPECT_EQ(events["events"][0]["datacontenttype"].str(), type);
    return events["events"][0];
  };
  EXPECT_EQ(kept("text/plain; charset=iso-8859-1", "caf\xe9")["data_base64"].str(), "Y2Fm6Q==");
  EXPECT_EQ(kept("text/plain; charset=iso-8859-1", "caf\xc3\xa9")["data_base64"].str(), "Y2Fmw6k=");
  EXPECT_EQ(kept("text/plain", "caf\xe9")["data_base64"].str(), "Y2Fm6Q==");
  EXPECT_EQ(kept("text/plain", "caf\xc3\xa9")["data"].str(), "café");
  EXPECT_EQ(kept("text/plain; Charset=\"UTF-8\"", "caf\xc3\xa9")["data"].str(), "café");
  expect_problem(send("text/plain; charset=utf-8", "caf\xe9"), 422);
  expect_round_trip(here());
}

TEST_F(EventDoors, WhatAStringOfDataIsItsContentTypeSays) {
  // Of the doors that take JSON none can say these; the others may not either.
  for (const NewEvent& event : {NewEvent{.type = "t",
                               .datacontenttype = "text/plain",
                               .form = DataForm::json,
                               .data = R"("\u0061")"},
                                NewEvent{.type = "t",
                                .datacontenttype = "application/json",
                                .form = DataForm::text,
                                .data = "a"}}) {
    const Answers answers = doors_.bring(event);
    EXPECT_FALSE(answers.at("flatbuffer").taken);
    EXPECT_FALSE(answers.at("embedded").taken);
  }
  takes({.type = "t", .form = DataForm::text, .data = "a\n\"b\""});
  for (const char* door : {"flatbuffer", "embedded"}) {
    EXPECT_THAT(newest()[door],
                testing::HasSubstr(R"("datacontenttype":"text/plain","data":"a\n\"b\"")"));
  }
  expect_round_trip(here());
  expect_round_trip({"--data", doors_.data("embedded").string()});
}

TEST_F(EventDoors, AnArrayOfNothingAppendsNothing) {
  const std::string path = "/v1/streams/s/events";
  for (const char* type : {"application/cloudevents-batch+json", "application/json",
                           "application/cloudevents-batch+json; charset=utf-8"}) {
    for (const char* body : {"[]", " [\r\n] "}) {
      const Response response = client_.post(path, body, type);
      EXPECT_EQ(response.status, 200u) << response.body;
      EXPECT_EQ(response.json()["stream"].str(), "s");
      EXPECT_EQ(response.json()["events"].number(), 0u);
    }
  }
  EXPECT_EQ(client_.get("/v1/streams/s").status, 404u);
  expect_problem(client_.post(path, "[1]"), 422);
  expect_problem(client_.post(path, "[", "application/cloudevents-batch+json"), 400);
  expect_problem(client_.post(path, "[]", "application/cloudevents+json"), 422);
  expect_problem(client_.send("POST", path, "[]",
                              {{"Content-Type", "application/json"}, {"If-Match", "\"0\""}}),
                 422);
}

TEST_F(EventDoors, QuotesInBinaryModeAreUndoneInPairs) {
  const auto send = [&](const std::string& subject) {
    return client_.send("POST", "/v1/streams/s/events", "",
                        {{"ce-type", "t"}, {"ce-subject", subject}});
  };
  for (const auto& [written, meant] : std::map<std::string, std::string>{
           {"\"a b\"", "a b"}, {"\"a \\\"b\\\" %25\"", "a \"b\" %"}, {"a\"b", "a\"b"}}) {
    EXPECT_EQ(send(written).status, 201u) << written;
    const Json page = client_.get("/v1/streams/s/events?direction=backward&limit=1").json();
    EXPECT_EQ(page["events"][0]["subject"].str(), meant);
  }
  for (const char* bad : {"\"a", "\"a\"b\"", "\"a\\\"", "%", "%4", "%zz", "%ff"}) {
    expect_problem(send(bad), 422);
  }
  expect_problem(client_.send("POST", "/v1/streams/s/events", "", {{"ce-type", "t"}, {"ce-", "x"}}),
                 422);
}

// What readers saw of an event that left it out comes back where it is imported, too.
TEST_F(EventDoors, WhatWasDerivedComesBackFromAnExport) {
  append("first", 0, 1);
  takes({.type = "t"});
  takes({.type = "u", .id = "given"});
  const auto seen = [](const std::vector<std::string>& from) {
    std::vector<std::string> arguments = {"read", "--all", "--from", "0"};
    arguments.insert(arguments.end(), from.begin(), from.end());
    const Outcome out = strandline(arguments);
    EXPECT_EQ(out.exit, 0) << out.errors;
    std::vector<std::string> events;
    std::string rest = out.output;
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      const Json event = Json::parse(rest.substr(0, end));
      events.push_back(event["stream"].str() + " " + event["id"].str() + " " +
                       event["source"].str() + " " + event["time"].str());
      rest = rest.substr(end + 1);
    }
    return events;
  };
  const auto file = directory_ / "exported";
  ASSERT_EQ(strandline({"export", "--all", "-o", file.string(), "--server", here()[1]}).exit, 0);
  const std::string copy = (directory_ / "copy").string();
  ASSERT_EQ(strandline({"append", "before", "--data", copy}, "{\"type\":\"t\"}\n").exit, 0);
  ASSERT_EQ(strandline({"import", file.string(), "--data", copy}).exit, 0);
  auto imported = seen({"--data", copy});
  imported.erase(imported.begin());
  EXPECT_EQ(imported, seen(here()));
  // Under another name, too.
  const std::string renamed = (directory_ / "renamed").string();
  ASSERT_EQ(strandline({"import", file.string(), "--stream", "all", "--data", renamed}).exit, 0);
  auto named = seen({"--data", renamed});
  ASSERT_EQ(named.size(), imported.size());
  for (size_t i = 0; i < named.size(); ++i) {
    EXPECT_EQ(named[i].substr(named[i].find(' ')), imported[i].substr(imported[i].find(' ')));
  }
  expect_round_trip(here());
}

TEST_F(EventDoors, OddEventsGoRound) {
  std::mt19937_64 random(20261130);
  const std::vector<std::string> texts = {"a", "größe ✓ 🎉", "\"\\",          "100% %41",
                                          " ", ",*\\,",     "/v1/streams/x", std::string(300, 'n')};
  const std::vector<std::string> jsons = {"null",
                                          "\"\"",
                                          "\"a\\u0000\\ud83c\\udf89\\/\"",
                                          "[ 1 , {\"a\":1.50,\"a\":2} ]",
                                          "-0.0e+0",
                                          "{\"\":{}}",
                                          "\" \\n \"",
                                          "true"};
  const std::vector<std::string> bytes = {"", std::string("\0\xff\n", 3), "text", "\xc3\xa9\r\n"};
  const auto one_of = [&](const auto& all) { return std::string_view(all[random() % all.size()]); };
  const auto perhaps = [&](std::string_view text) {
    return random() % 2 ? text : std::string_view();
  };
  for (int i = 0; i < 12; ++i) {
    NewEvent event{.type = one_of(texts),
                   .id = perhaps(one_of(texts)),
                   .source = perhaps(one_of(texts)),
                   .subject = perhaps(one_of(texts)),
                   .time = perhaps("2016-12-31T23:59:60.123456789+00:00")};
    if (random() % 2) event.attributes.push_back({"x", one_of(texts)});
    if (random() % 2) event.attributes.push_back({"n", "-7", AttributeKind::integer});
    if (random() % 2) event.attributes.push_back({"b", "true", AttributeKind::boolean});
    event.form = static_cast<DataForm>(random() % 4);
    if (event.form == DataForm::json) event.data = one_of(jsons);
    if (event.form == DataForm::text) event.datacontenttype = "text/x; charset=utf-8";
    if (event.form == DataForm::text) event.data = "text ✓ \"\\\n\x01";
    if (event.form == DataForm::binary) event.data = one_of(bytes);
    takes(event);
  }
  expect_round_trip(here());
  expect_round_trip({"--data", doors_.data("embedded").string()});
}

// --- What the log itself writes.

TEST_F(EventDoors, TheDeadLetterOfTheLargestEventIsAnEvent) {
  std::string many = R"({"type":"e")";
  for (int i = 0; i < 64; ++i) many += ",\"a" + std::to_string(i) + "\":\"v\"";
  const std::string large = R"({"type":"e","datacontenttype":"text/plain","data":")" +
                            std::string((1 << 20) - 1, 'x') + "\"}";
  append("o", 0, 1);
  for (const std::string& event : {many + "}", large}) {
    ASSERT_EQ(client_.post("/v1/streams/o/events", event).status, 201u);
  }
  const std::string consumer = "/v1/consumers/c";
  ASSERT_EQ(client_.send("PUT", consumer, R"({"mode":"shared","stream":"o","max_attempts":1})",
                         {{"Content-Type", "application/json"}})
                    .status /
                100,
            2u);
  const Json given = client_.post(consumer + "/fetch", R"({"max":10})").json();
  const std::string epoch = given["epoch"].text();
  // A fetch is bounded in bytes: the last of them may come with a later one.
  ASSERT_TRUE(eventually([&] {
    for (size_t i = 0; i < 3; ++i) {
      client_.post(consumer + "/nack", R"({"epoch":)" + epoch + R"(,"positions":[)" +
                                           std::to_string(i) + R"(],"reason":")" +
                                           std::string(250, 'r') + "\"}");
    }
    client_.post(consumer + "/fetch", R"({"max":10,"epoch":)" + epoch + "}");
    return client_.get(consumer).json()["dead_lettered"].number() == 3;
  }));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"read", "dead-letters/c", "--from", "0"},
        {"tail", "dead-letters/c", "--from", "0", "--limit", "3"},
        {"consumers", "dead-letters", "c"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--server", server_.address().url()});
    const Outcome outcome = strandline(arguments);
    EXPECT_EQ(outcome.exit, 0) << command[0] << outcome.errors;
  }
  expect_round_trip(here());
  // Whoever appends such an event is held to the same limits for what is the event's own.
  many += R"(,"deadletterstream":"o","deadletteroffset":"1")";
  expect_taken(doors_.bring_json(many.substr(1)), "a dead letter");
  expect_refused(doors_.bring_json(many.substr(1) + R"(,"one":"more")"), "one attribute more");
}

}  // namespace
}  // namespace strandline::tests
