// What the table of routes says of each is so: every route is asked, so that a new one is held to
// it by itself.
#include "server/routes/route_table.h"

#include <set>

#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using server::Route;
using server::StreamsIn;

class RouteTable : public ServerTest {
 protected:
  RouteTable() {
    append("s", 0, 3);
    for (const auto& [name, settings] : {std::pair("shared", R"({"stream":"s","mode":"shared"})"),
                                         std::pair("exclusive", R"({"stream":"s"})")}) {
      EXPECT_EQ(send("PUT", "/v1/consumers/" + std::string(name), settings).status, 201u);
    }
    EXPECT_EQ(send("PUT", "/v1/consumers/exclusive/once/i", "").status, 201u);
    EXPECT_LT(send("PUT", "/v1/consumers/free/positions/s", R"({"next":1})").status, 300u);
  }

  static std::span<const Route> routes() { return server::route_table().routes(); }
  static std::vector<std::string> parts_of(std::string_view path) {
    std::vector<std::string> parts;
    for (size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1)) {
      parts.emplace_back(path.substr(at, path.find('}', at) + 1 - at));
    }
    return parts;
  }
  static std::string target_of(const Route& route, const std::string& stream,
                               const std::string& consumer) {
    std::string target(route.path);
    for (const auto& [part, name] :
         {std::pair("{stream}", stream), std::pair("{consumer}", consumer),
          std::pair("{id}", std::string("i")), std::pair("{key}", std::string("k"))}) {
      const size_t at = target.find(part);
      if (at != target.npos) target.replace(at, std::string_view(part).size(), name);
    }
    return target;
  }
  // Whose consumer this route is asked for.
  static std::string consumer_for(const Route& route) {
    return route.streams == StreamsIn::path ? "free" : "exclusive";
  }
  // What it can be asked with, where an empty object is not enough.
  static std::string body_for(const Route& route) {
    static const std::map<std::string_view, std::string> bodies = {
        {"append_events", R"({"type":"t"})"},
        {"append_many", R"({"appends":[{"stream":"s","events":[{"type":"t"}]}]})"},
        {"broadcast", R"({"prefix":"s","event":{"type":"t"}})"},
        {"truncate", R"({"before":1})"},
        {"put_position", R"({"next":1})"},
        {"put_once", ""},
        {"reset_consumer", R"({"from":1})"},
        {"patch_consumer", R"({"retain":false})"},
        {"leave_consumer", R"({"epoch":1})"},
        {"ack_consumer", R"({"epoch":1,"positions":[0]})"},
        {"nack_consumer", R"({"epoch":1,"positions":[0]})"},
        {"extend_consumer", R"({"epoch":1,"positions":[0]})"},
        {"settle_consumer", R"({"epoch":1,"ack":[0]})"},
        {"commit_consumer", R"({"epoch":1,"next":0})"}};
    const auto known = bodies.find(route.name);
    return known == bodies.end() ? "{}" : known->second;
  }
  Response send(std::string_view method, const std::string& target, const std::string& body) {
    const bool has_body = !body.empty() && method != "GET" && method != "DELETE";
    return client_.send(std::string(method), target, has_body ? body : "",
                        has_body ? Headers{{"Content-Type", "application/json"}} : Headers{});
  }
  Response ask(const Route& route, const std::string& stream, const std::string& consumer) {
    return send(route.method, target_of(route, stream, consumer), body_for(route));
  }
  std::map<std::string, uint64_t> answered_by_route() {
    std::map<std::string, uint64_t> counts;
    const std::string begin = "strandline_http_requests_total{route=\"";
    std::istringstream lines(client_.get("/metrics").body);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(begin)) continue;
      const size_t end = line.find('"', begin.size());
      counts[line.substr(begin.size(), end - begin.size())] +=
          std::stoull(line.substr(line.rfind(' ') + 1));
    }
    return counts;
  }
};

TEST_F(RouteTable, EveryRouteAnswersAndIsCountedByItsName) {
  // What deletes comes last.
  std::vector<const Route*> order;
  for (const Route& route : routes()) order.push_back(&route);
  std::ranges::stable_partition(order,
                                [](const Route* route) { return route->method != "DELETE"; });
  auto before = answered_by_route();
  for (const Route* route : order) {
    SCOPED_TRACE(std::string(route->method) + " " + std::string(route->path));
    const Response response = ask(*route, "s", consumer_for(*route));
    // (There is no key, or every request would need one.)
    const bool of_a_key = route->path.find("{key}") != std::string_view::npos;
    EXPECT_EQ(response.status == 404, of_a_key) << response.body;
    EXPECT_NE(response.status, 405u) << response.body;
    EXPECT_LT(response.status, 500u) << response.body;
    auto after = answered_by_route();
    const std::string name(route->name);
    for (auto& [label, count] : after) {
      const uint64_t more = (label == name ? 1 : 0) + (label == "metrics" ? 1 : 0);
      EXPECT_EQ(count - before[label], more) << label;
    }
    EXPECT_TRUE(after.contains(name));
    before = std::move(after);
  }
}

TEST_F(RouteTable, APathTakesTheMethodsOfItsRoutesAlone) {
  std::map<std::string_view, std::set<std::string>> allowed;
  for (const Route& route : routes()) {
    allowed[route.path].emplace(route.method);
    if (route.method == "GET") allowed[route.path].emplace("HEAD");
  }
  for (const auto& [path, methods] : allowed) {
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}) {
      if (methods.contains(method) || method == std::string("HEAD")) continue;
      SCOPED_TRACE(std::string(method) + " " + std::string(path));
      const Response response = send(method, std::string(path), "");
      EXPECT_EQ(response.status, 405u) << response.body;
      std::set<std::string> told;
      std::istringstream names(response.header("allow"));
      for (std::string name; names >> name;) {
        if (name.ends_with(',')) name.pop_back();
        told.insert(name);
      }
      EXPECT_EQ(told, methods);
    }
  }
}

TEST_F(RouteTable, SaysWhatIsSafeAndWhatItsPathsNamesStandFor) {
  for (const Route& route : routes()) {
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.path));
    EXPECT_EQ(server::is_safe_method(route.method), route.method == "GET");
    const auto parts = parts_of(route.path);
    for (const std::string& part : parts) {
      EXPECT_THAT(part, testing::AnyOf("{stream}", "{consumer}", "{id}", "{key}"));
    }
    const bool names_stream = std::ranges::find(parts, "{stream}") != parts.end();
    EXPECT_EQ(names_stream, route.streams == StreamsIn::path);
    if (route.streams == StreamsIn::consumer) {
      EXPECT_TRUE(route.path.starts_with("/v1/consumers"));
      EXPECT_EQ(route.needs.action(), Action::consume);
    }
    EXPECT_EQ(route.needs.anything(), route.path.starts_with("/v1/") || route.name == "metrics");
  }
}

// A GET changes nothing, whatever it is asked for.
TEST_F(RouteTable, SafeRoutesChangeNothing) {
  const auto state = [&] {
    std::string all;
    for (const char* path : {"/v1/streams?limit=1000", "/v1/consumers/exclusive",
                             "/v1/consumers/shared", "/v1/all/events"}) {
      all += client_.get(path).body;
    }
    return all;
  };
  const std::string before = state();
  for (const Route& route : routes()) {
    if (!server::is_safe_method(route.method)) continue;
    for (const char* consumer : {"exclusive", "shared", "free"}) ask(route, "s", consumer);
  }
  EXPECT_EQ(state(), before);
}

// A condition, a producer or a key is looked at, or refused: nobody believes in one that was not.
TEST_F(RouteTable, HeadersThatMeanNothingAreRefusedWhereSomethingMayChange) {
  const auto state = [&] {
    std::string all;
    for (const char* path :
         {"/v1/streams?limit=1000", "/v1/consumers/exclusive", "/v1/consumers/shared",
          "/v1/all/events", "/v1/consumers/free/positions/s"}) {
      all += client_.get(path).body;
    }
    return all;
  };
  const std::string before = state();
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"If-Match", "\"99\""},  {"If-Match", ""},
      {"If-None-Match", "*"},  {"Producer-Id", "p"},
      {"Producer-Epoch", "0"}, {"Producer-Seq", "0"},
      {"Idempotency-Key", ""}, {"idempotency-key", "\"k\""}};
  const std::set<std::string_view> take_keys = {"append_events", "append_many"};
  for (const Route& route : routes()) {
    for (const auto& [name, value] : headers) {
      SCOPED_TRACE(std::string(route.method) + " " + std::string(route.path) + " " + name);
      const bool key = name.starts_with("Idem") || name.starts_with("idem");
      if (route.name == "append_events" || (key && take_keys.contains(route.name))) continue;
      const bool safe = server::is_safe_method(route.method);
      Headers all = {{name, value}};
      if (!safe) all.emplace_back("Content-Type", "application/json");
      const Response response =
          client_.send(std::string(route.method), target_of(route, "s", consumer_for(route)),
                       safe || route.method == "DELETE" ? "" : body_for(route), all);
      if (safe) {
        EXPECT_EQ(response.status, client_.get(target_of(route, "s", consumer_for(route))).status)
            << response.body;
      } else {
        expect_problem(response, 400);
        EXPECT_THAT(response.json()["detail"].str(), testing::HasSubstr("means nothing here"));
      }
    }
  }
  EXPECT_EQ(state(), before);
}

// The stream that the path names is the one that it is about: it is named in the answer, or it is
// what is there afterwards.
TEST_F(RouteTable, AStreamInThePathIsTheOneThatTheRequestIsAbout) {
  const std::string before = client_.get("/v1/streams/s").body;
  for (const Route& route : routes()) {
    if (route.streams != StreamsIn::path) continue;
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.path));
    const std::string name = "only-" + std::string(route.name);
    const Response response = ask(route, name, "free");
    EXPECT_TRUE(response.body.contains(name) || client_.get("/v1/streams/" + name).status == 200)
        << response.body;
    EXPECT_EQ(client_.get("/v1/streams/s").body, before) << "and of no other";
  }
}

TEST_F(RouteTable, AConsumerInThePathIsTheOneThatTheRequestIsAbout) {
  const std::string before = client_.get("/v1/consumers/exclusive").body;
  for (const Route& route : routes()) {
    if (route.streams != StreamsIn::consumer || parts_of(route.path).empty()) continue;
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.path));
    const std::string name = "only-" + std::string(route.name);
    const Response none = ask(route, "s", name);
    if (route.name != "read_consumer") {
      EXPECT_EQ(none.status, 404u) << none.body;
      EXPECT_THAT(none.body, testing::HasSubstr(name));
    }
    // And what it selects is what that consumer was made with.
    append(name, 0, 1);
    ASSERT_EQ(send("PUT", "/v1/consumers/" + name, "{\"stream\":\"" + name + "\"}").status, 201u);
    EXPECT_EQ(client_.get("/v1/consumers/" + name).json()["stream"].str(), name);
    if (route.name != "read_consumer") {
      EXPECT_NE(ask(route, "s", name).status, 404u);
    }
    EXPECT_EQ(client_.get("/v1/consumers/exclusive").body, before);
  }
}

}  // namespace
}  // namespace strandline::tests
