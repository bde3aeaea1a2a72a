// Nobody gets in who was not let in: every route of the table, every kind of who asks, and every
// way in, so that a new route is held to it by itself.
#include "server/routes/route_table.h"
#include "tests/support/http/ways_in.h"

namespace strandline::tests {
namespace {

using server::Route;
using server::StreamsIn;

constexpr char kHiddenStream[] = "secret/s";
constexpr char kHiddenConsumer[] = "theirs";
constexpr char kHiddenWord[] = "classified";

class AccessMatrix : public WaysInTest {
 protected:
  AccessMatrix() {
    for (int i = 0; i < 3; ++i) add(kHiddenStream, kHiddenWord);
    const std::string selects = "{\"stream\":\"" + std::string(kHiddenStream) + "\"}";
    EXPECT_EQ(ask("PUT", "/v1/consumers/theirs", admin_, selects).status, 201u);
    EXPECT_EQ(ask("PUT", path("/v1/consumers/{consumer}/positions/{stream}", "free"), admin_,
                  R"({"next":1})")
                  .status,
              200u);
  }
  static std::string path(std::string_view pattern, const std::string& consumer) {
    std::string out(pattern);
    for (const auto& [part, name] :
         {std::pair("{stream}", std::string("secret%2Fs")), std::pair("{consumer}", consumer),
          std::pair("{id}", std::string("i")), std::pair("{key}", std::string("spare"))}) {
      const size_t at = out.find(part);
      if (at != out.npos) out.replace(at, std::string_view(part).size(), name);
    }
    return out;
  }
  static std::string target_of(const Route& route, const std::string& consumer = kHiddenConsumer) {
    if (route.streams == StreamsIn::path) return path(route.path, "free");
    if (route.streams == StreamsIn::marks) return path(route.path, "secret%2Fs");
    return path(route.path, consumer);
  }
  // What it can be asked with; a new route is asked with an empty object.
  static std::string body_of(const Route& route) {
    static const std::map<std::string_view, std::string> bodies = {
        {"append_events", R"({"type":"t"})"},
        {"append_many", R"({"appends":[{"stream":"secret/s","events":[{"type":"t"}]}]})"},
        {"broadcast", R"({"prefix":"secret/","event":{"type":"t"}})"},
        {"truncate", R"({"before":1})"},
        {"put_position", R"({"next":2})"},
        {"put_consumer", R"({"stream":"secret/s"})"},
        {"put_once", R"({"ttl_s":60})"},
        {"reset_consumer", R"({"from":1})"},
        {"patch_consumer", R"({"retain":true})"},
        {"leave_consumer", R"({"epoch":1})"},
        {"ack_consumer", R"({"epoch":1,"positions":[0]})"},
        {"nack_consumer", R"({"epoch":1,"positions":[0]})"},
        {"extend_consumer", R"({"epoch":1,"positions":[0]})"},
        {"settle_consumer", R"({"epoch":1,"ack":[0]})"},
        {"commit_consumer", R"({"epoch":1,"next":1})"},
        {"read_consumer", ""},
        {"create_api_key", R"({"key":"more","grants":"admin"})"},
        {"create_ticket", R"({"grants":"read:secret/s"})"}};
    if (route.method == "GET" || route.method == "DELETE") return "";
    const auto known = bodies.find(route.name);
    return known == bodies.end() ? "{}" : known->second;
  }
  // All actions but one, and admin, on a pattern.
  static std::string all_but(std::optional<Action> left_out, const std::string& pattern) {
    std::string actions;
    for (size_t i = 0; i < kActions; ++i) {
      const auto action = static_cast<Action>(i);
      if (action == left_out || action == Action::admin) continue;
      actions += (actions.empty() ? "" : ",") + std::string(name_of(action));
    }
    return actions + ":" + pattern;
  }
  static std::vector<const Route*> guarded() {
    std::vector<const Route*> all;
    for (const Route& route : server::route_table().routes()) {
      if (route.needs.anything()) all.push_back(&route);
    }
    // What deletes comes last.
    std::ranges::stable_partition(all,
                                  [](const Route* route) { return route->method != "DELETE"; });
    return all;
  }
};

// The same by each way in.
class WaysIn : public AccessMatrix, public testing::WithParamInterface<Way> {
 protected:
  Entrant enter(const std::string& name, const std::string& grants) {
    return WaysInTest::enter(GetParam(), name, grants);
  }
  Response try_route(const Route& route, const Entrant& who,
                     const std::string& consumer = kHiddenConsumer) {
    return ask_as(who, std::string(route.method), target_of(route, consumer), body_of(route));
  }
};
INSTANTIATE_TEST_SUITE_P(Access, WaysIn, every_way(), name_of_way);

TEST_F(AccessMatrix, WhoIsNotKnownGetsNothingByAnyRoute) {
  const std::string revoked = make_key("revoked", "admin");
  revoke("revoked");
  const std::string rotated = make_key("rotated", "admin");
  ASSERT_EQ(ask("POST", "/v1/keys/rotated/rotate", admin_, "{}").status, 200u);
  const std::string expired = make_key("expired", "admin", ",\"expires_s\":1");
  ASSERT_TRUE(eventually([&] { return get("/v1/info", expired).status == 401; }));
  // A certificate of no key's name, and of one that is revoked.
  std::vector<HttpClient> certified;
  for (const char* name : {"nobody", "revoked", "expired"}) {
    Address address = server_.address();
    const CertificatePair pair = authority()->issue(name);
    address.certificate = pair.certificate;
    address.key = pair.key;
    certified.emplace_back(address);
  }
  const std::string before = state();
  const std::vector<Headers> nobody = {{},
                                       bearer("strd_" + std::string(64, '0')),
                                       bearer(admin_.substr(0, admin_.size() - 1)),
                                       bearer(admin_ + "0"),
                                       bearer(revoked),
                                       bearer(rotated),
                                       bearer(expired),
                                       {{"Authorization", "Basic " + admin_}},
                                       {{"Authorization", "Basic YWRtaW46d3Jvbmc="}},
                                       {{"Authorization", admin_}},
                                       {{"Authorization", ""}},
                                       {{"Authorization", "Bearer"}},
                                       {{"Authorization", "Digest " + admin_}},
                                       bearer(token("admin", -60)),
                                       bearer(TokenSigner("ES256").sign(good_claims())),
                                       bearer(compact(R"({"alg":"none"})", good_claims(), ""))};
  for (const Route* route : guarded()) {
    for (const Headers& headers : nobody) {
      SCOPED_TRACE(std::string(route->name) + ", " +
                   (headers.empty() ? "no header" : headers[0].second));
      Headers all = headers;
      all.emplace_back("Content-Type", "application/json");
      const Response refused =
          client_.send(std::string(route->method), target_of(*route), body_of(*route), all);
      expect_problem(refused, 401);
      EXPECT_THAT(refused.header("www-authenticate"), testing::HasSubstr("realm="));
      EXPECT_THAT(refused.body, testing::Not(testing::HasSubstr(kHiddenWord)));
      EXPECT_THAT(refused.body, testing::Not(testing::HasSubstr("strd_")));
    }
    const Response ticket =
        client_.send(std::string(route->method), target_of(*route) + "?ticket=strt_00",
                     body_of(*route), {{"Content-Type", "application/json"}});
    expect_problem(ticket, 401);
    for (HttpClient& client : certified) {
      expect_problem(client.send(std::string(route->method), target_of(*route), body_of(*route),
                                 {{"Content-Type", "application/json"}}),
                     401);
    }
  }
  EXPECT_EQ(state(), before);
}

TEST_F(AccessMatrix, WhoIsOverItsQuotaGetsNothingByAnyRoute) {
  const std::string busy = make_key("busy", "admin", R"(,"quota":"requests=1/s")");
  // What is refused shows which route it was.
  const auto refused_of = [&](const Route& route) {
    const std::string counted =
        "strandline_http_requests_total{route=\"" + std::string(route.name) + "\",status=\"429\"} ";
    const std::string metrics = get("/metrics", admin_).body;
    const size_t at = metrics.find(counted);
    return at == metrics.npos ? 0 : std::stoul(metrics.substr(at + counted.size()));
  };
  for (const Route* route : guarded()) {
    SCOPED_TRACE(route->name);
    // A second apart it may ask once; so it spends what it has first, by a route that does nothing.
    Response refused;
    ASSERT_TRUE(eventually([&] {
      if (get("/v1/info", busy).status != 429) return false;
      refused = ask(std::string(route->method), target_of(*route), busy, body_of(*route));
      return refused.status == 429;
    })) << refused.status;
    expect_problem(refused, 429);
    EXPECT_EQ(refused.header("retry-after"), "1");
    EXPECT_EQ(refused.json()["type"].str(), "urn:strandline:problem:over-quota");
    EXPECT_THAT(refused.body, testing::Not(testing::HasSubstr(kHiddenWord)));
    EXPECT_GE(refused_of(*route), 1u);
  }
}

TEST_P(WaysIn, WhoHasNotTheActionGetsNothingByAnyRoute) {
  std::map<Action, Entrant> without;
  for (size_t i = 0; i < kActions; ++i) {
    const auto action = static_cast<Action>(i);
    without[action] = enter("no-" + std::string(name_of(action)), all_but(action, "*"));
  }
  const std::string before = state();
  for (const Route* route : guarded()) {
    if (!route->needs.an_action()) continue;
    SCOPED_TRACE(route->name);
    const Response refused = try_route(*route, without[route->needs.action()]);
    expect_problem(refused, 403);
    EXPECT_THAT(refused.body, testing::HasSubstr(name_of(route->needs.action())));
    EXPECT_THAT(refused.body, testing::Not(testing::HasSubstr(kHiddenWord)));
  }
  EXPECT_EQ(state(), before);
}

TEST_P(WaysIn, WhoHasNotTheStreamGetsNothingAndLearnsNothingByAnyRoute) {
  const Entrant other = enter("other", all_but(std::nullopt, "other/*"));
  const std::string before = state();
  for (const Route* route : guarded()) {
    SCOPED_TRACE(route->name);
    const Response answer = try_route(*route, other);
    EXPECT_THAT(answer.body, testing::Not(testing::HasSubstr(kHiddenWord)));
    if (route->path.find('{') == std::string_view::npos && route->method == "GET" &&
        route->streams != StreamsIn::nowhere) {
      // A list shows what it may, which is nothing.
      EXPECT_EQ(answer.status, 200u) << answer.body;
      for (const char* hidden : {kHiddenStream, kHiddenConsumer, "free"}) {
        EXPECT_THAT(answer.body, testing::Not(testing::HasSubstr(hidden)));
      }
      continue;
    }
    if (route->streams == StreamsIn::consumer) {
      // A consumer of what it may not read is one that is not there.
      expect_problem(answer, 404);
      std::string absent = try_route(*route, other, "nobody").body;
      const size_t at = absent.find("nobody");
      ASSERT_NE(at, absent.npos) << absent;
      EXPECT_EQ(answer.body, absent.replace(at, 6, kHiddenConsumer));
      continue;
    }
    expect_problem(answer, 403);
  }
  EXPECT_EQ(state(), before);
}

TEST_P(WaysIn, WhoIsGrantedItIsLetIn) {
  make_key("spare", "read:x");
  const Entrant all = enter("all", all_but(std::nullopt, "secret/*"));
  const Entrant boss = enter("boss", "admin");
  for (const Route* route : guarded()) {
    if (route->name == "read_consumer") continue;  // it does not end
    if (route->name == "create_ticket" && GetParam() == Way::ticket)
      continue;  // of which none is made
    SCOPED_TRACE(route->name);
    const bool administers = route->needs.an_action() && route->needs.action() == Action::admin;
    const Response answer = try_route(*route, administers ? boss : all);
    EXPECT_NE(answer.status, 401u) << answer.body;
    EXPECT_NE(answer.status, 405u) << answer.body;
    EXPECT_LT(answer.status, 500u) << answer.body;
    EXPECT_FALSE(answer.status == 403 && answer.body.contains("forbidden")) << answer.body;
    if (administers) expect_problem(try_route(*route, all), 403);
  }
  EXPECT_EQ(get("/healthz", "").status, 200u);
  EXPECT_EQ(get("/readyz", "").status, 200u);
}

TEST_F(AccessMatrix, ASecretIsShownInAHeaderOfEitherKind) {
  const std::string key = make_key("shop", "read:secret/*");
  const std::string encoded = [&] {
    // Of "any:" and the secret.
    std::string out;
    const std::string text = "any:" + key;
    constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < text.size(); i += 3) {
      uint32_t word = 0;
      const size_t bytes = std::min<size_t>(3, text.size() - i);
      for (size_t k = 0; k < 3; ++k) {
        word = word << 8 | (k < bytes ? static_cast<uint8_t>(text[i + k]) : 0u);
      }
      for (size_t k = 0; k < 4; ++k) out += k <= bytes ? kLetters[word >> (18 - 6 * k) & 63] : '=';
    }
    return out;
  }();
  for (const std::string& value : {"Bearer " + key, "bearer " + key, "BEARER  " + key,
                                   "Basic " + encoded, "basic " + encoded}) {
    EXPECT_EQ(client_.get("/v1/streams/secret%2Fs", {{"Authorization", value}}).status, 200u)
        << value;
  }
  expect_problem(client_.get("/v1/streams/secret%2Fs", {{"Authorization", "Bearer " + key},
                                                        {"Authorization", "Bearer " + key}}),
                 400);
}

}  // namespace
}  // namespace strandline::tests
