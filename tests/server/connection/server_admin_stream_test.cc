// `$admin` of a real server: who did what from where, who was refused, and who may read of it.
#include "tests/support/http/guarded_server.h"

namespace strandline::tests {
namespace {

constexpr char kAdminEvents[] = "/v1/streams/%24admin/events";

class AdminStream : public GuardedServerTest {
 protected:
  AdminStream()
      : GuardedServerTest({"--record-administration=true", "--trusted-proxies", "127.0.0.1"}) {}

  struct Told {
    std::string type, subject, who, kind, from, outcome, data;
  };
  std::vector<Told> told() {
    std::vector<Told> all;
    const Response page = get(std::string(kAdminEvents) + "?limit=1000", admin_);
    EXPECT_EQ(page.status, 200u) << page.body;
    const Json events = page.json()["events"];
    for (size_t i = 0; i < events.size(); ++i) {
      const Json data = events[i]["data"];
      all.push_back({events[i]["type"].str(),
                     events[i].has("subject") ? events[i]["subject"].str() : "", data["who"].str(),
                     data["kind"].str(), data["from"].str(), data["outcome"].str(), page.body});
    }
    return all;
  }
  size_t count(const std::string& type, const std::string& subject) {
    return static_cast<size_t>(std::ranges::count_if(told(), [&](const Told& one) {
      return one.type == "strandline." + type && one.subject == subject;
    }));
  }
  Response through_proxy(const std::string& method, const std::string& target,
                         const std::string& secret, const std::string& body = {}) {
    Headers headers = secret.empty() ? Headers() : bearer(secret);
    headers.emplace_back("X-Forwarded-For", "203.0.113.7");
    if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
    return client_.send(method, target, body, headers);
  }
};

TEST_F(AdminStream, SaysTheAddressWhereNobodyShowsAKey) {
  EXPECT_EQ(through_proxy("PUT", "/v1/streams/s", "", "{}").status, 201u);
  const auto all = told();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].type, "strandline.stream.created");
  EXPECT_EQ(all[0].subject, "s");
  EXPECT_EQ(all[0].who, "203.0.113.7");
  EXPECT_EQ(all[0].kind, "address");
  EXPECT_EQ(all[0].from, "203.0.113.7");
  EXPECT_EQ(all[0].outcome, "done");
}

TEST_F(AdminStream, SaysTheKeyAndWhereItCameFrom) {
  guard();
  const std::string ops = make_key("ops", "manage,consume,read,append:*");
  const std::string event = R"({"type":"t"})";
  EXPECT_EQ(through_proxy("PUT", "/v1/streams/s", ops, "{}").status, 201u);
  EXPECT_EQ(through_proxy("POST", "/v1/streams/s/events", ops, event).status, 201u);
  EXPECT_EQ(through_proxy("POST", "/v1/streams/s/truncate", ops, R"({"before":1})").status, 200u);
  EXPECT_EQ(through_proxy("PUT", "/v1/consumers/c", ops, R"({"stream":"s"})").status, 201u);
  EXPECT_EQ(through_proxy("POST", "/v1/consumers/c/reset", ops, R"({"from":1})").status, 200u);
  EXPECT_EQ(through_proxy("PATCH", "/v1/consumers/c", ops, R"({"retain":true})").status, 200u);
  EXPECT_EQ(through_proxy("DELETE", "/v1/consumers/c", ops).status, 204u);
  EXPECT_EQ(through_proxy("DELETE", "/v1/streams/s", ops).status, 204u);
  std::vector<std::string> types;
  for (const Told& one : told()) {
    if (one.who != "ops") continue;
    types.push_back(one.type);
    EXPECT_EQ(one.kind, "key");
    EXPECT_EQ(one.from, "203.0.113.7");
  }
  EXPECT_THAT(types, testing::UnorderedElementsAre(
                         "strandline.key.used", "strandline.stream.created",
                         "strandline.stream.truncated", "strandline.consumer.created",
                         "strandline.consumer.reset", "strandline.consumer.updated",
                         "strandline.consumer.deleted", "strandline.stream.deleted"));
  EXPECT_EQ(count("key.created", "ops"), 1u);
  EXPECT_EQ(count("key.used", "ops"), 1u);
}

TEST_F(AdminStream, HoldsNoSecret) {
  guard();
  const std::string key = make_key("k", "read:*");
  EXPECT_EQ(ask("POST", "/v1/keys/k/rotate", admin_, "{}").status, 200u);
  get("/v1/streams", key);
  const std::string all = get(std::string(kAdminEvents) + "?limit=1000", admin_).body;
  EXPECT_THAT(all, testing::HasSubstr("strandline.key.rotated"));
  EXPECT_THAT(all, testing::Not(testing::HasSubstr("strd_")));
  EXPECT_THAT(all, testing::Not(testing::HasSubstr(key.substr(5))));
}

TEST_F(AdminStream, RefusalsAreSampledAndCounted) {
  guard();
  const std::string reader = make_key("reader", "read:a");
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(get("/v1/streams/b", reader).status, 403u);
  }
  // The next that is written says how many were not.
  size_t written = 0, skipped = 0;
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(get("/v1/streams/b", reader).status, 403u);
    const Json events = get(std::string(kAdminEvents) + "?limit=1000", admin_).json()["events"];
    written = skipped = 0;
    for (size_t i = 0; i < events.size(); ++i) {
      if (events[i]["type"].str() != "strandline.request.refused") continue;
      EXPECT_EQ(events[i]["data"]["who"].str(), "reader");
      EXPECT_EQ(events[i]["data"]["status"].number(), 403u);
      EXPECT_EQ(events[i]["data"]["outcome"].str(), "refused");
      EXPECT_EQ(events[i]["subject"].str(), "get_stream");
      ++written;
      skipped += events[i]["data"]["skipped"].number();
    }
    return written > 10 && skipped > 200;
  })) << written
      << " written, " << skipped << " skipped";
  EXPECT_LT(written, 150u);
  EXPECT_EQ(get("/v1/streams/a", "strd_" + std::string(64, '0')).status, 401u);
  EXPECT_TRUE(eventually([&] { return count("request.refused", "get_stream") > written; }));
}

TEST_F(AdminStream, IsReadByWhoIsGrantedItByName) {
  guard();
  EXPECT_EQ(get(kAdminEvents, make_key("all", "read:*")).status, 403u);
  EXPECT_EQ(get(kAdminEvents, make_key("named", "read:$admin")).status, 200u);
  EXPECT_EQ(get(kAdminEvents, make_key("reserved", "read:$*")).status, 200u);
  const std::string all = make_key("wide", "read,append,manage:*");
  EXPECT_THAT(get("/v1/all/events?limit=1000", all).body,
              testing::Not(testing::HasSubstr("strandline.key")));
  EXPECT_THAT(get("/v1/streams?limit=1000", all).body, testing::Not(testing::HasSubstr("$admin")));
  EXPECT_THAT(get("/v1/all/events?limit=1000", admin_).body,
              testing::HasSubstr("strandline.key.created"));
}

TEST_F(AdminStream, NobodyAppendsTruncatesOrDeletesThere) {
  guard();
  for (const std::string& secret : {admin_, make_key("k", "append,manage:$admin")}) {
    EXPECT_EQ(ask("POST", kAdminEvents, secret, R"({"type":"t"})").status, 422u);
    EXPECT_EQ(ask("POST", "/v1/append", secret,
                  R"({"appends":[{"stream":"$admin","events":[{"type":"t"}]}]})")
                  .status,
              422u);
    EXPECT_EQ(ask("POST", "/v1/streams/%24admin/truncate", secret, R"({"before":1})").status, 422u);
    EXPECT_EQ(ask("DELETE", "/v1/streams/%24admin", secret).status, 422u);
  }
  EXPECT_EQ(ask("POST", "/v1/broadcast", admin_, R"({"prefix":"$","event":{"type":"t"}})").body,
            "{\"appends\":[]}\n");
}

TEST(AdminStreamOffline, SaysTheAccountOfTheOperatingSystem) {
  const TemporaryDirectory directory;
  const std::string data = (directory / "data").string();
  ASSERT_EQ(run({"env", "STRANDLINE_RECORD_ADMINISTRATION=true", STRANDLINE_PROGRAM, "keys",
                 "create", "first", "--grant", "admin", "--data", data})
                .exit,
            0);
  const std::string told = run({STRANDLINE_PROGRAM, "read", "$admin", "--data", data}).output;
  EXPECT_THAT(told, testing::HasSubstr("strandline.key.created"));
  std::string account = run({"id", "-un"}).output;
  while (account.ends_with('\n')) account.pop_back();
  EXPECT_THAT(told, testing::HasSubstr("\"who\":\"" + account + "\",\"kind\":\"account\""));
}

TEST(AdminStreamDefault, IsOnForAServer) {
  const auto printed = run({"env", "-u", "STRANDLINE_RECORD_ADMINISTRATION", STRANDLINE_PROGRAM,
                            "serve", "--print-config"});
  EXPECT_THAT(printed.output, testing::HasSubstr("record_administration = true"));
}

}  // namespace
}  // namespace strandline::tests
