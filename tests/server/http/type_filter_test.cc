// A filter of types or subjects means the same wherever it is written: a comma parts a query's list
// as it stands there, and no type that was decoded; a star is a prefix's only at its end, and not
// when escaped.
#include "engine/api/reading.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class TypeFilters : public ServerTest {
 protected:
  using Types = std::vector<std::string>;

  TypeFilters() {
    const Types types = {"order,placed", "order", "placed", "a*", "ab", R"(a\b)", R"(a\*)"};
    for (const std::string& type : types) {
      std::string text;
      for (const char c : type) text += c == '\\' ? "\\\\" : std::string(1, c);
      EXPECT_EQ(append_type("s", text).status, 201u);
    }
  }

  static Types types_of(const Json& events) {
    Types types;
    for (size_t i = 0; i < events.size(); ++i) types.push_back(events[i]["type"].str());
    return types;
  }
  Types queried(const std::string& query) {
    return types_of(client_.get("/v1/streams/s/events?" + query).json()["events"]);
  }
  Types printed(const std::string& command, const Types& types, const Types& target) {
    Types arguments = {command, "s"};
    for (const std::string& type : types) arguments.insert(arguments.end(), {"--type", type});
    arguments.insert(arguments.end(), target.begin(), target.end());
    const Outcome out = strandline(arguments);
    EXPECT_EQ(out.exit, 0) << out.errors;
    Types found;
    std::string rest = out.output;
    for (size_t end; (end = rest.find('\n')) != rest.npos; rest = rest.substr(end + 1)) {
      found.push_back(Json::parse(rest.substr(0, end))["type"].str());
    }
    return found;
  }
  Types fetched(const std::string& name, const std::string& types) {
    const std::string consumer = "/v1/consumers/" + name;
    EXPECT_EQ(
        client_.send("PUT", consumer,
                     R"({"mode":"shared","stream":"s","from":"earliest","types":)" + types + "}",
                     {{"Content-Type", "application/json"}})
                .status /
            100,
        2u);
    const Json given = client_.post(consumer + "/fetch", R"({"max":100})").json()["events"];
    Types found;
    for (size_t i = 0; i < given.size(); ++i) found.push_back(given[i]["event"]["type"].str());
    return found;
  }
};

TEST_F(TypeFilters, ACommaOfAQueryPartsAndAnEncodedOneDoesNot) {
  EXPECT_EQ(queried("type=order%2Cplaced"), (Types{"order,placed"}));
  EXPECT_EQ(queried("type=order,placed"), (Types{"order", "placed"}));
  EXPECT_EQ(queried("type=order&type=placed"), (Types{"order", "placed"}));
  EXPECT_EQ(queried("type=order%2c*,ab"), (Types{"order,placed", "ab"}));
  EXPECT_EQ(queried("ty%70e=order%2Cplaced,,"), (Types{"order,placed"}));
}

TEST_F(TypeFilters, TheCommandLinePartsNothing) {
  for (const Types& target : {Types{"--server", server_.address().url()},
                              Types{"--data", (directory_ / "data").string()}}) {
    for (const char* command : {"read", "export"}) {
      EXPECT_EQ(printed(command, {"order,placed"}, target), (Types{"order,placed"}));
      EXPECT_EQ(printed(command, {R"(order\,placed)"}, target), (Types{"order,placed"}));
      EXPECT_EQ(printed(command, {"placed", "order"}, target), (Types{"order", "placed"}));
      EXPECT_EQ(printed(command, {R"(a\*)"}, target), (Types{"a*"}));
    }
  }
}

TEST_F(TypeFilters, AConsumersTypesAreAnArrayAndPartNothing) {
  EXPECT_EQ(fetched("a", R"(["order,placed"])"), (Types{"order,placed"}));
  EXPECT_EQ(fetched("b", R"(["order","a*"])"), (Types{"order", "a*", "ab", R"(a\b)", R"(a\*)"}));
  EXPECT_EQ(fetched("c", R"(["a\\*"])"), (Types{"a*"}));
}

TEST_F(TypeFilters, ABackslashTakesAStarAsItIs) {
  EXPECT_EQ(queried(R"(type=a*)"), (Types{"a*", "ab", R"(a\b)", R"(a\*)"}));
  EXPECT_EQ(queried(R"(type=a%5C*)"), (Types{"a*"}));
  EXPECT_EQ(queried(R"(type=a%5C%5C*)"), (Types{R"(a\b)", R"(a\*)"}));
  EXPECT_EQ(queried(R"(type=a%5C%5C%5C*)"), (Types{R"(a\*)"}));
  EXPECT_EQ(queried(R"(type=a%5Cb)"), (Types{R"(a\b)"})) << "before a letter it is itself";
  EXPECT_TRUE(TextFilter({"*"}).matches("anything"));
  EXPECT_FALSE(TextFilter({"a*b"}).matches("axb"));
}

// Subjects are written as types are, wherever they are; an event that has none matches none.
class SubjectFilters : public ServerTest {
 protected:
  using Subjects = std::vector<std::string>;

  SubjectFilters() {
    for (const char* subject : {"o,1", "o", "1", "a*", "ab", "", R"(a\\b)"}) {
      std::string body = R"([{"type":"t",)";
      if (*subject) body += R"("subject":")" + std::string(subject) + R"(",)";
      EXPECT_EQ(client_.post("/v1/streams/s/events", body + R"("data":1}])").status, 201u);
    }
    EXPECT_EQ(
        client_.post("/v1/streams/s/events", R"([{"type":"u","subject":"o","data":1}])").status,
        201u);
  }

  static Subjects subjects_of(const Json& events) {
    Subjects subjects;
    for (size_t i = 0; i < events.size(); ++i) subjects.push_back(events[i]["subject"].str());
    return subjects;
  }
  Subjects queried(const std::string& query) {
    const Subjects one = subjects_of(client_.get("/v1/streams/s/events?" + query).json()["events"]);
    EXPECT_EQ(subjects_of(client_.get("/v1/all/events?" + query).json()["events"]), one);
    EXPECT_EQ(subjects_of(client_.get("/v1/all/events?prefix=s&" + query).json()["events"]), one);
    EXPECT_EQ(subjects_of(client_.get("/v1/all/events?stream=s&" + query).json()["events"]), one);
    HttpStream follow(server_.address(), "/v1/all/events?follow=true&" + query,
                      {{"Accept", "application/x-ndjson"}});
    for (const std::string& subject : one) {
      const auto line = follow.line();
      EXPECT_TRUE(line);
      if (line) {
        EXPECT_EQ(Json::parse(*line)["subject"].str(), subject);
      }
    }
    return one;
  }
};

TEST_F(SubjectFilters, ACommaOfAQueryPartsAndAnEncodedOneDoesNot) {
  EXPECT_EQ(queried("subject=o%2C1"), (Subjects{"o,1"}));
  EXPECT_EQ(queried("subject=o,1"), (Subjects{"o", "1", "o"}));
  EXPECT_EQ(queried("subject=1&subject=ab"), (Subjects{"1", "ab"}));
  EXPECT_EQ(queried("su%62ject=a*,,"), (Subjects{"a*", "ab", R"(a\b)"}));
  EXPECT_EQ(queried("subject=a%5C*"), (Subjects{"a*"}));
  EXPECT_EQ(queried("subject=o*&type=u"), (Subjects{"o"})) << "both match";
  EXPECT_EQ(queried("subject=*").size(), 7u) << "an event without a subject matches none";
  EXPECT_EQ(queried("subject=o&from=-1"), (Subjects{"o"}));
  const Json back = client_.get("/v1/streams/s/events?subject=o,1&direction=backward").json();
  EXPECT_EQ(subjects_of(back["events"]), (Subjects{"o", "1", "o"}));
  EXPECT_EQ(back["events"][0]["type"].str(), "u");
}

TEST_F(SubjectFilters, OfTheCommandLineAreFlags) {
  for (const Subjects& target : {Subjects{"--server", server_.address().url()},
                                 Subjects{"--data", (directory_ / "data").string()}}) {
    for (Subjects command :
         {Subjects{"read", "s"}, Subjects{"export", "s", "--full"}, Subjects{"read", "--all"}}) {
      command.insert(command.end(), {"--subject", "o,1", "--subject", "ab"});
      command.insert(command.end(), target.begin(), target.end());
      const Outcome out = strandline(command);
      EXPECT_EQ(out.exit, 0) << out.errors;
      EXPECT_EQ(std::ranges::count(out.output, '\n'), 2) << out.output;
      EXPECT_THAT(out.output, testing::HasSubstr(R"("subject":"o,1")"));
    }
  }
  const Outcome tailed = strandline({"tail", "s", "--from", "0", "--limit", "1", "--subject", "ab",
                                     "--server", server_.address().url()});
  EXPECT_THAT(tailed.output, testing::HasSubstr(R"("subject":"ab")"));
}

TEST_F(SubjectFilters, AConsumersSubjectsAreAnArrayAndStay) {
  const Outcome made = strandline({"consumers", "create", "c", "s", "--mode", "shared", "--subject",
                                   "o,1", "--subject", "a*", "--server", server_.address().url()});
  ASSERT_EQ(made.exit, 0) << made.errors;
  EXPECT_EQ(client_.get("/v1/consumers/c").json()["subjects"].text(), R"(["o,1","a*"])");
  const Json given = client_.post("/v1/consumers/c/fetch", R"({"max":100})").json()["events"];
  ASSERT_EQ(given.size(), 4u);
  EXPECT_EQ(given[0]["event"]["subject"].str(), "o,1");
  const Outcome shown = strandline({"consumers", "show", "c", "--server", server_.address().url()});
  EXPECT_THAT(shown.output, testing::HasSubstr("o,1 a*"));
}

}  // namespace
}  // namespace strandline::tests
