// JSON Web Tokens as a way in: set up, refused, renewed, ended; and the keys behind them, in files
// and at a URL.
#include <sys/stat.h>

#include <csignal>

#include "server/json/base64.h"
#include "tests/support/http/guarded_server.h"
#include "tests/support/http/tokens.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

class TokensServed : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text, mode_t mode = 0644) {
    const std::string path = (directory_ / name).string();
    // Beside it and then over it, so that nobody reads a half.
    write_file(path + ".new", text);
    EXPECT_EQ(::chmod((path + ".new").c_str(), mode), 0);
    std::filesystem::rename(path + ".new", path);
    return path;
  }
  std::vector<std::string> flags(const std::string& keys) const {
    return {"--jwt-issuer",   "https://id.example",
            "--jwt-audience", "strandline",
            "--jwt-keys",     keys,
            "--jwt-leeway",   "0s"};
  }
  ServerProcess serve(const std::string& keys, std::vector<std::string> more = {}) {
    auto all = flags(keys);
    all.insert(all.end(), more.begin(), more.end());
    return ServerProcess(directory_ / "data", all);
  }
  // What it says that does not start.
  std::string refused(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"serve", "--data", (directory_ / "none").string(),
                                         "--listen", "127.0.0.1:0"});
    const Outcome outcome = strandline(arguments);
    EXPECT_EQ(outcome.exit, 2) << outcome.errors;
    EXPECT_FALSE(std::filesystem::exists(directory_ / "none")) << "it was opened before";
    return outcome.errors;
  }
  static Response get(const ServerProcess& server, const std::string& token,
                      const std::string& target = "/v1/streams") {
    return server.client().get(target, token.empty() ? Headers() : bearer(token));
  }
  static uint64_t metric(const ServerProcess& server, const std::string& token,
                         const std::string& line) {
    const std::string all = get(server, token, "/metrics").body;
    const size_t at = all.find("\n" + line + " ");
    return at == all.npos ? UINT64_MAX : std::stoull(all.substr(at + line.size() + 2));
  }
  static std::string last_line(HttpStream& stream) {
    std::string last;
    while (const auto line = stream.line()) {
      if (!line->empty()) last = *line;
    }
    return last;
  }

  TemporaryDirectory directory_;
  const TokenSigner signer_{"EdDSA", "one"};
};

TEST_F(TokensServed, AreAWayInAndTurnAccessControlOn) {
  const ServerProcess server = serve(file("keys.json", jwks({signer_.jwk()})));
  EXPECT_EQ(get(server, "").status, 401u) << "a log without a key is open";
  const std::string admin = signer_.sign(good_claims());
  EXPECT_EQ(get(server, admin, "/v1/info").status, 200u);
  const std::string writer = signer_.sign(good_claims(R"("append,read:orders/*")"));
  HttpClient client = server.client();
  Headers headers = bearer(writer);
  headers.emplace_back("Content-Type", "application/json");
  EXPECT_EQ(client.send("POST", "/v1/streams/orders%2F1/events", R"({"type":"t"})", headers).status,
            201u);
  const Response other = client.send("POST", "/v1/streams/x/events", R"({"type":"t"})", headers);
  expect_problem(other, 403);
  EXPECT_THAT(other.body, HasSubstr(R"(the token of \"alice\")"));
  // As a password of Basic, too; and keys go on beside it.
  std::string basic;
  server::render_base64(basic, "any:" + admin);
  EXPECT_EQ(client.get("/v1/info", {{"Authorization", "Basic " + basic}}).status, 200u);
  Headers creating = bearer(admin);
  creating.emplace_back("Content-Type", "application/json");
  const Response key = client.send("POST", "/v1/keys", R"({"key":"k","grants":"admin"})", creating);
  ASSERT_EQ(key.status, 201u) << key.body;
  EXPECT_EQ(get(server, key.json()["secret"].str()).status, 200u);
}

TEST_F(TokensServed, ThatAreNotGoodHaveOneAnswerAndTheirReasonInside) {
  ServerProcess server = serve(file("keys.json", jwks({signer_.jwk()})));
  const std::string admin = signer_.sign(good_claims());
  const std::map<std::string, std::string> bad = {
      {"expired", signer_.sign(good_claims("\"admin\"", "", -10))},
      {"not-yet-valid",
       signer_.sign(good_claims("\"admin\"", ",\"nbf\":" + std::to_string(now_s() + 100)))},
      {"issued-ahead",
       signer_.sign(good_claims("\"admin\"", ",\"iat\":" + std::to_string(now_s() + 100)))},
      {"signature", TokenSigner("EdDSA", "one").sign(good_claims())},
      {"unknown-key", TokenSigner("EdDSA", "two").sign(good_claims())},
      {"algorithm", compact(R"({"alg":"none"})", good_claims(), "")},
      {"audience",
       signer_.sign(R"({"iss":"https://id.example","aud":"other","sub":"a","exp":9999999999})")},
      {"issuer", signer_.sign(R"({"iss":"https://evil.example","aud":"strandline"})")},
      {"too-large",
       signer_.sign(good_claims("\"admin\"", ",\"x\":\"" + std::string(9'000, 'x') + "\""))},
      {"malformed", "a.b.c"}};
  const std::string unknown = get(server, "strd_" + std::string(64, '0')).body;
  for (const auto& [reason, token] : bad) {
    const Response answer = get(server, token);
    expect_problem(answer, 401);
    EXPECT_EQ(answer.body, unknown) << reason;
    EXPECT_EQ(metric(server, admin, "strandline_tokens_refused_total{reason=\"" + reason + "\"}"),
              1u)
        << reason;
  }
  server.stop();
  EXPECT_THAT(server.process().errors(), HasSubstr("a token was refused: "));
  EXPECT_THAT(server.process().errors(), Not(HasSubstr(bad.at("signature"))));
}

TEST_F(TokensServed, FollowersEndWithTheTokenAndWithItsKey) {
  const std::string keys = file("keys.json", jwks({signer_.jwk()}));
  ServerProcess server = serve(keys);
  const auto follow = [&](const std::string& token, const std::string& more = {}) {
    Headers headers = token.empty() ? Headers() : bearer(token);
    headers.emplace_back("Accept", "application/x-ndjson");
    return HttpStream(server.address(), "/v1/all/events?follow=true" + more, headers);
  };
  const std::string grants = R"("read:*")";
  HttpStream expiring = follow(signer_.sign(good_claims(grants, "", 2)));
  ASSERT_EQ(expiring.status(), 200u);
  EXPECT_THAT(last_line(expiring), HasSubstr("token-expired"));

  const std::string lasting = signer_.sign(good_claims(grants));
  Headers headers = bearer(lasting);
  headers.emplace_back("Content-Type", "application/json");
  const Response made =
      server.client().send("POST", "/v1/tickets", R"({"grants":"read:*","ttl_s":86400})", headers);
  ASSERT_EQ(made.status, 201u) << made.body;
  const std::string ticket = "&ticket=" + made.json()["ticket"].str();
  HttpStream removed = follow(lasting), by_ticket = follow("", ticket);
  ASSERT_EQ(removed.status(), 200u);
  ASSERT_EQ(by_ticket.status(), 200u);
  // Another key beside it, and nobody notices.
  const TokenSigner next("RS256", "two");
  file("keys.json", jwks({signer_.jwk(), next.jwk()}));
  ASSERT_TRUE(eventually([&] { return get(server, next.sign(good_claims())).status == 200u; }));
  EXPECT_EQ(get(server, lasting).status, 200u);
  // A set that does not parse changes nothing, and is told.
  file("keys.json", "{\"keys\":[");
  ASSERT_TRUE(eventually([&] {
    return metric(server, next.sign(good_claims()), "strandline_token_keys_failed_total") == 1;
  }));
  EXPECT_EQ(get(server, lasting).status, 200u);
  // Without it, what it let in ends.
  file("keys.json", jwks({next.jwk()}));
  EXPECT_THAT(last_line(removed), HasSubstr("token-key-removed"));
  EXPECT_THAT(last_line(by_ticket), HasSubstr("token-key-removed"));
  EXPECT_EQ(get(server, lasting).status, 401u);
  EXPECT_EQ(server.client().get("/v1/streams?" + ticket.substr(1)).status, 401u);
  server.stop();
  EXPECT_THAT(server.process().errors(), HasSubstr("keys from before"));
}

TEST_F(TokensServed, TicketsEndNoLaterThanTheirToken) {
  const ServerProcess server = serve(file("key.pem", signer_.pem()));
  Headers headers = bearer(signer_.sign(good_claims(R"("read,append:orders/*")", "", 10)));
  headers.emplace_back("Content-Type", "application/json");
  const auto ask = [&](const std::string& body) {
    return server.client().send("POST", "/v1/tickets", body, headers);
  };
  const Response made = ask(R"({"grants":"read:*","ttl_s":3600})");
  ASSERT_EQ(made.status, 201u) << made.body;
  const std::string ticket = "ticket=" + made.json()["ticket"].str();
  EXPECT_EQ(server.client().get("/v1/streams?" + ticket).status, 200u);
  expect_problem(server.client().get("/v1/streams/other/events?" + ticket), 403);
  expect_problem(server.client().send("POST", "/v1/streams/orders%2F1/events?" + ticket,
                                      R"({"type":"t"})", {{"Content-Type", "application/json"}}),
                 403);
  expect_problem(ask(R"({"grants":"read:secret"})"), 403);
  // A changed one is none.
  std::string changed = ticket;
  changed.back() = changed.back() == '0' ? '1' : '0';
  expect_problem(server.client().get("/v1/streams?" + changed), 401);
  EXPECT_TRUE(
      eventually([&] { return server.client().get("/v1/streams?" + ticket).status == 401u; }));
}

TEST_F(TokensServed, BySecretsThatNobodyElseReads) {
  const TokenSigner shared("HS256");
  const std::string secret = file("secret", shared.secret() + "\n", 0600);
  const std::vector<std::string> who = {"--jwt-issuer", "https://id.example", "--jwt-audience",
                                        "strandline"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), who.begin(), who.end());
    return more;
  };
  {
    const ServerProcess server(directory_ / "data", with({"--jwt-secret-file", secret}));
    EXPECT_EQ(get(server, shared.sign(good_claims())).status, 200u);
    EXPECT_EQ(get(server, shared.secret()).status, 401u) << "a secret is no token";
  }
  EXPECT_THAT(refused(with({"--jwt-secret-file", file("open", shared.secret() + "\n", 0644)})),
              HasSubstr("chmod 600"));
  EXPECT_THAT(refused(with({"--jwt-secret-file", file("short", "sixteen-letters!\n", 0600)})),
              HasSubstr("32 bytes"));
  EXPECT_THAT(refused(with({"--jwt-secret-file", file("pem", signer_.pem(), 0600)})),
              HasSubstr("secret is one line"));
}

TEST_F(TokensServed, AServerDoesNotStartWithKeysThatAreNotGood) {
  const auto with = [&](const std::string& keys) { return refused(flags(keys)); };
  EXPECT_THAT(with(file("bad.json", "{\"keys\":[{}")),
              HasSubstr("bad.json: it is no JSON Web Key"));
  EXPECT_THAT(with(file("bad.pem", "-----BEGIN PUBLIC KEY-----\n")), HasSubstr("no public key"));
  EXPECT_THAT(refused({"--jwt-keys", file("good.json", jwks({signer_.jwk()}))}),
              HasSubstr("--jwt-issuer"));
  EXPECT_THAT(refused({"--jwt-issuer", "a", "--jwt-audience", "b"}), HasSubstr("--jwt-keys"));
  const Outcome absent =
      strandline({"serve", "--data", (directory_ / "none").string(), "--jwt-issuer", "a",
                  "--jwt-audience", "b", "--jwt-keys", "/nowhere/keys.json"});
  EXPECT_NE(absent.exit, 0);
  EXPECT_THAT(absent.errors, HasSubstr("/nowhere/keys.json"));
  // Nobody listens there.
  const Outcome unreachable =
      strandline({"serve", "--data", (directory_ / "none").string(), "--jwt-issuer", "a",
                  "--jwt-audience", "b", "--jwt-keys", "http://127.0.0.1:1/keys"});
  EXPECT_NE(unreachable.exit, 0);
  EXPECT_THAT(unreachable.errors, HasSubstr("http://127.0.0.1:1/keys"));
}

// An identity provider that only serves its keys: Python's own server of files.
class Provider {
 public:
  explicit Provider(const std::filesystem::path& site)
      : process_({"python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory",
                  site.string()}) {
    const std::string line = process_.line().value();
    const size_t at = line.find("http://");
    if (at != line.npos) url_ = line.substr(at, line.find('/', at + 7) + 1 - at) + "keys.json";
  }
  const std::string& url() const { return url_; }
  void kill() { process_.kill_and_wait(); }
  // It takes connections, and never answers.
  void freeze() { ::kill(process_.pid(), SIGSTOP); }

 private:
  Process process_;
  std::string url_;
};

TEST_F(TokensServed, AKeyThatIsNotKnownIsLookedForAtTheUrl) {
  std::filesystem::create_directory(directory_ / "site");
  file("site/keys.json", jwks({signer_.jwk()}));
  const Provider provider(directory_ / "site");
  const ServerProcess server = serve(provider.url());  // fetched every five minutes
  const TokenSigner next("ES256", "two");
  file("site/keys.json", jwks({signer_.jwk(), next.jwk()}));
  EXPECT_TRUE(eventually([&] { return get(server, next.sign(good_claims())).status == 200u; }));
  // However often it was asked for.
  EXPECT_EQ(metric(server, next.sign(good_claims()), "strandline_token_keys_read_total"), 1u);
}

TEST_F(TokensServed, KeysAtAUrlAreFetchedAgainAndStayWhereThatFails) {
  std::filesystem::create_directory(directory_ / "site");
  file("site/keys.json", jwks({signer_.jwk()}));
  Provider provider(directory_ / "site");
  ServerProcess server = serve(provider.url(), {"--jwt-refresh", "1s"});
  const std::string admin = signer_.sign(good_claims());
  EXPECT_EQ(get(server, admin).status, 200u);
  const TokenSigner next("ES256", "two");
  EXPECT_EQ(get(server, next.sign(good_claims())).status, 401u);
  file("site/keys.json", jwks({signer_.jwk(), next.jwk()}));
  EXPECT_TRUE(eventually([&] { return get(server, next.sign(good_claims())).status == 200u; }));
  provider.kill();
  EXPECT_TRUE(eventually([&] {
    const uint64_t failed = metric(server, admin, "strandline_token_keys_failed_total");
    return failed > 0 && failed != UINT64_MAX;
  }));
  EXPECT_EQ(get(server, admin).status, 200u);
  EXPECT_EQ(get(server, next.sign(good_claims())).status, 200u);
  server.stop();
  EXPECT_THAT(server.process().errors(), HasSubstr("keys from before: http://"));
}

TEST_F(TokensServed, AUrlThatDoesNotAnswerDelaysNoFile) {
  std::filesystem::create_directory(directory_ / "site");
  file("site/keys.json", jwks({signer_.jwk()}));
  Provider provider(directory_ / "site");
  const std::string keys = file("keys.json", jwks({signer_.jwk()}));
  const ServerProcess server = serve(provider.url(), {"--jwt-keys", keys, "--jwt-refresh", "1s"});
  provider.freeze();
  // The second change at the latest comes while the URL is waited for.
  for (const char* name : {"two", "three", "four"}) {
    const TokenSigner next("EdDSA", name);
    file("keys.json", jwks({next.jwk()}));
    ASSERT_TRUE(eventually([&] { return get(server, next.sign(good_claims())).status == 200u; }));
    EXPECT_EQ(metric(server, next.sign(good_claims()), "strandline_token_keys_failed_total"), 0u)
        << "it waited until the URL was given up";
  }
}

}  // namespace
}  // namespace strandline::tests
