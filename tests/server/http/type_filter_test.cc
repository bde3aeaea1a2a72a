// A filter of types means the same wherever it is written: a comma parts a query's list as it
// stands there, and no type that was decoded; a star is a prefix's only at its end, and not when
// escaped.
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
  EXPECT_TRUE(TypeFilter({"*"}).matches("anything"));
  EXPECT_FALSE(TypeFilter({"a*b"}).matches("axb"));
}

}  // namespace
}  // namespace strandline::tests
