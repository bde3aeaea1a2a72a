// Pusher's protocol where its own clients never go: close codes, signatures that are not good, and
// messages that are none. (tests/pusher has the clients.)
#include <fmt/format.h>

#include <fstream>

#include "server/base/secret.h"
#include "server/live/live.h"
#include "tests/support/http/guarded_server.h"
#include "tests/support/http/websocket_client.h"

namespace strandline::tests {
namespace {

constexpr char kPusherSecret[] = "the-secret-of-the-application";

std::vector<std::string> pusher_flags(const TemporaryDirectory& directory) {
  const std::string file = (directory / "app-secret").string();
  std::ofstream(file) << kPusherSecret << "\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  return {"--live-secret-file", file,
          "--live-app-id",      "7",
          "--live-app-key",     "key",
          "--live-grace",       "200ms",
          "--live-channels",    "*=open,private-chat=client-events"};
}

class PusherServer : public GuardedServerTest {
 protected:
  PusherServer() : PusherServer(pusher_flags) {}
  template <class Flags>
  explicit PusherServer(Flags flags) : GuardedServerTest(flags) {
    guard();
  }

  WebSocketClient connect(const std::string& target = "/app/key?protocol=7&client=test") {
    return WebSocketClient(server_.address(), target);
  }
  // A connection that is established, and its name.
  std::pair<WebSocketClient, std::string> established() {
    WebSocketClient client = connect();
    const Json told = client.message("pusher:connection_established");
    const Json data = Json::parse(told["data"].str());
    EXPECT_GT(data["activity_timeout"].number(), 0u);
    return {std::move(client), data["socket_id"].str()};
  }
  static std::string code(const std::string& message) {
    return server::hex_of(server::authentication_code(kPusherSecret, message));
  }
  // What a server library sends; each part may be made wrong.
  struct Signing {
    std::string method = "POST";
    std::string path = "/apps/7/events";
    std::string body = R"({"name":"said","channels":["news"],"data":"{\"n\":1}"})";
    std::string key = "key";
    std::string version = "1.0";
    int64_t late_s = 0;
    std::string md5_of = {};     // instead of the body
    std::string more = {};       // of the query, behind what is signed
    std::string signature = {};  // instead of the right one
  };
  Response signed_request(const Signing& how) {
    const int64_t now_s = std::time(nullptr) - how.late_s;
    std::string query =
        fmt::format("auth_key={}&auth_timestamp={}&auth_version={}", how.key, now_s, how.version);
    if (!how.body.empty()) {
      const std::string& text = how.md5_of.empty() ? how.body : how.md5_of;
      query += "&body_md5=" + server::hex_of(server::md5_of(text));
    }
    const std::string right = code(how.method + "\n" + how.path + "\n" + query);
    const std::string target = how.path + "?" + query + how.more +
                               "&auth_signature=" + (how.signature.empty() ? right : how.signature);
    const Headers headers =
        how.body.empty() ? Headers{} : Headers{{"Content-Type", "application/json"}};
    return client_.send(how.method, target, how.body, headers);
  }
};

class PusherOfOneThread : public PusherServer {
 protected:
  PusherOfOneThread()
      : PusherServer([](const TemporaryDirectory& directory) {
          std::vector<std::string> flags = pusher_flags(directory);
          flags.insert(flags.end(), {"--threads", "1"});
          return flags;
        }) {}
};

TEST_F(PusherOfOneThread, WhatLeavesOneOutReachesAllOthersInEitherOrder) {
  constexpr int kClients = 4;
  std::vector<std::pair<WebSocketClient, std::string>> all;
  for (int i = 0; i < kClients; ++i) {
    auto& client = all.emplace_back(established()).first;
    client.send(R"({"event":"pusher:subscribe","data":{"channel":"news"}})");
    client.message("pusher_internal:subscription_succeeded");
  }
  const auto event = [](const std::string& name, const std::string& more) {
    return R"({"name":")" + name + R"(","channels":["news"],"data":"1")" + more + "}";
  };
  for (int left_out = 0; left_out < kClients; ++left_out) {
    const std::string more = R"(,"socket_id":")" + all[left_out].second + "\"";
    ASSERT_EQ(signed_request({.body = event("some", more)}).status, 200u);
    ASSERT_EQ(signed_request({.body = event("every", "")}).status, 200u);
    for (int i = 0; i < kClients; ++i) {
      if (i != left_out) {
        EXPECT_EQ(all[i].first.message()["event"].str(), "some") << i;
      }
      EXPECT_EQ(all[i].first.message()["event"].str(), "every") << i;
    }
  }
}

TEST_F(PusherServer, WhoIsNotSignedForIsRefusedByTheHead) {
  for (const char* target : {"/apps/7/events", "/apps/8/events", "/apps/7/batch_events"}) {
    HttpClient client = server_.client();
    client.write("POST " + std::string(target) +
                 " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 "Content-Length: 30000000\r\n\r\n");
    EXPECT_GE(client.read_response().status, 401u) << target;
  }
  // No number of seconds is too large to be looked at.
  EXPECT_EQ(client_
                .get("/apps/7/channels?auth_key=key&auth_version=1.0&auth_timestamp="
                     "9223372036854775808")
                .status,
            401u);
}

TEST_F(PusherServer, WhoMayNotConnectIsToldByACloseCode) {
  for (const auto& [target, wanted] : std::vector<std::pair<std::string, unsigned>>{
           {"/app/another?protocol=7", 4001}, {"/app/key?protocol=99", 4007}, {"/app/key", 4008}}) {
    WebSocketClient client = connect(target);
    ASSERT_EQ(client.answer().status, 101u);
    EXPECT_EQ(client.message()["data"]["code"].number(), wanted);
    EXPECT_EQ(client.closed(), wanted);
  }
}

TEST_F(PusherServer, ASignatureIsCheckedFully) {
  EXPECT_EQ(signed_request({}).status, 200u);
  EXPECT_EQ(signed_request({.late_s = 590}).status, 200u);
  for (const Signing& wrong :
       {Signing{.key = "other"}, Signing{.version = "2.0"}, Signing{.late_s = 700},
        Signing{.late_s = -700}, Signing{.md5_of = "another body"},
        Signing{.more = "&channel=more"}, Signing{.more = "&auth_key=key"},
        Signing{.signature = std::string(64, '0')}, Signing{.signature = "0"}}) {
    const Response refused = signed_request(wrong);
    EXPECT_EQ(refused.status, 401u) << refused.body;
  }
  EXPECT_EQ(signed_request({.path = "/apps/8/events"}).status, 404u);
  EXPECT_EQ(client_.send("POST", "/apps/7/events", "{}").status, 401u);
  EXPECT_EQ(get("/v1/streams/news", admin_).json()["tail"].number(), 2u);
}

TEST_F(PusherServer, WhatIsNoEventIsRefusedAndNothingIsKept) {
  for (const char* body :
       {"{", "[]", R"({"name":"n"})", R"({"name":"n","channels":[],"data":""})",
        R"({"channels":["news"],"data":""})", R"({"name":"n","channels":[1],"data":""})",
        R"({"name":"n","channels":["news","$x"],"data":""})",
        R"({"name":"n","channels":["news",""],"data":""})"}) {
    const Response refused = signed_request({.body = body});
    EXPECT_GE(refused.status, 400u) << body;
    EXPECT_LT(refused.status, 500u) << body;
  }
  EXPECT_EQ(get("/v1/streams/news", admin_).status, 404u);
}

TEST_F(PusherServer, AClientThatSaysItsPositionMissesNothing) {
  for (int i = 0; i < 5; ++i) ASSERT_EQ(signed_request({}).status, 200u);
  auto [client, name] = established();
  client.send(R"({"event":"pusher:subscribe","data":{"channel":"news","position":2}})");
  client.message("pusher_internal:subscription_succeeded");
  uint64_t events = 0, position = 0;
  while (position < 5) {
    const Json told = client.message();
    if (told["event"].str() == "said") ++events;
    if (told["event"].str() != "strandline:position") continue;
    const Json data = Json::parse(told["data"].str());
    EXPECT_EQ(data["channel"].str(), "news");
    position = data["position"].number();
  }
  EXPECT_EQ(events, 3u);
}

TEST_F(PusherServer, APrivateChannelIsNotJoinedAsIfItWerePublic) {
  auto [client, name] = established();
  const auto subscribe = [&, &client = client](const std::string& channel,
                                               const std::string& auth) {
    client.send(R"({"event":"pusher:subscribe","data":{"channel":")" + channel +
                (auth.empty() ? "" : R"(","auth":")" + auth) + R"("}})");
    return client.message()["event"].str();
  };
  const std::string refused = "pusher:subscription_error";
  EXPECT_EQ(subscribe("private-chat", ""), refused);
  EXPECT_EQ(subscribe("private-chat", "key:" + code(name + ":private-other")), refused);
  EXPECT_EQ(subscribe("private-chat", "key:" + code("1.1:private-chat")), refused);
  EXPECT_EQ(subscribe("presence-chat", "key:" + code(name + ":presence-chat")), refused);
  EXPECT_EQ(subscribe("#server-to-user-ann", ""), refused);
  EXPECT_EQ(subscribe("private-chat", "key:" + code(name + ":private-chat")),
            "pusher_internal:subscription_succeeded");
}

TEST_F(PusherServer, WhatIsNoMessageIsAnsweredAndLeavesTheRestAlone) {
  auto [client, name] = established();
  for (const char* message :
       {"{", "[]", "{}", R"({"event":"dance"})", R"({"event":"pusher:subscribe"})",
        R"({"event":"pusher:subscribe","data":{"channel":""}})",
        R"({"event":"client-x","channel":"news","data":{}})"}) {
    client.send(message);
    const std::string event = client.message()["event"].str();
    EXPECT_TRUE(event == "pusher:error" || event == "pusher:subscription_error") << message;
  }
  client.send(R"({"event":"pusher:ping","data":{}})");
  EXPECT_EQ(client.message()["event"].str(), "pusher:pong");
}

TEST_F(PusherServer, ASignInThatIsNotGoodEndsTheConnection) {
  auto [client, name] = established();
  client.send(R"({"event":"pusher:signin","data":{"auth":"key:00","user_data":"{\"id\":\"a\"}"}})");
  EXPECT_EQ(client.message()["event"].str(), "pusher:error");
  EXPECT_EQ(client.closed(), 4009u);
}

// What is against the protocol, behind what ends the connection: neither waits for the other.
TEST_F(PusherServer, WhatComesBehindAnEndLeavesNothingOpen) {
  for (const std::string& behind :
       {WebSocketClient::frame(WebSocketClient::text, "\xcd\xcd"), std::string("\xff\xff"),
        WebSocketClient::frame(WebSocketClient::close, "\x03\xe8"), std::string()}) {
    auto [client, name] = established();
    client.write(WebSocketClient::frame(
                     WebSocketClient::text,
                     R"({"event":"pusher:signin","data":{"auth":"key:00","user_data":"{}"}})") +
                 behind);
    EXPECT_EQ(client.closed(), 4009u);
  }
  EXPECT_TRUE(eventually(
      [&] { return get("/metrics", admin_).body.contains("\nstrandline_live_connections 0\n"); }));
}

TEST_F(PusherServer, ClientEventsAreBoundedInTheirRate) {
  auto [client, name] = established();
  client.send(R"({"event":"pusher:subscribe","data":{"channel":"private-chat","auth":"key:)" +
              code(name + ":private-chat") + R"("}})");
  client.message("pusher_internal:subscription_succeeded");
  for (int i = 0; i < 30; ++i) {
    client.send(R"({"event":"client-x","channel":"private-chat","data":{}})");
  }
  EXPECT_EQ(client.message("pusher:error")["data"]["code"].number(), 4301u);
}

}  // namespace
}  // namespace strandline::tests
