// Private and presence channels: who is let in, who is there, and who hears of it.
#include <fstream>

#include "server/base/secret.h"
#include "server/live/live.h"
#include "tests/support/http/guarded_server.h"
#include "tests/support/http/websocket_client.h"

namespace strandline::tests {
namespace {

constexpr char kAppSecret[] = "a-secret-of-the-application";

std::vector<std::string> app_flags(const TemporaryDirectory& directory) {
  const std::string file = (directory / "app-secret").string();
  std::ofstream(file) << kAppSecret << "\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  return {"--live-secret-file",
          file,
          "--live-app-key",
          "app",
          "--live-grace",
          "200ms",
          "--live-channels",
          "presence-talk*=client-events,private-talk=client-events,"
          "news*=open+counts"};
}

class Channels : public GuardedServerTest {
 protected:
  Channels() : GuardedServerTest(app_flags) { guard(); }

  WebSocketClient connect(const std::string& key) {
    WebSocketClient client(server_.address(), "/v1/live", bearer(key));
    EXPECT_EQ(client.answer().status, 101u) << client.answer().body;
    return client;
  }
  static std::string signed_for(const std::string& message) {
    return std::string("app:") + server::hex_of(server::authentication_code(kAppSecret, message));
  }
  static std::string escaped(const std::string& json) {
    std::string out;
    for (const char c : json) {
      if (c == '"') out += '\\';
      out += c;
    }
    return out;
  }
  // Subscribes with a channel token, which says who it is.
  void join(WebSocketClient& client, const std::string& channel, const std::string& user,
            const std::string& info = "{}") {
    if (!names_.contains(&client)) {
      names_[&client] = client.message("connected")["connection"].str();
    }
    const std::string data = R"({"user_id":")" + user + R"(","user_info":)" + info + "}";
    client.send(R"({"op":"subscribe","channel":")" + channel + R"(","auth":")" +
                signed_for(names_[&client] + ":" + channel + ":" + data) + R"(","channel_data":")" +
                escaped(data) + "\"}");
  }
  std::vector<std::string> members(const std::string& channel) {
    std::vector<std::string> users;
    const Response answer = get("/v1/channels/" + channel + "/members", admin_);
    EXPECT_EQ(answer.status, 200u) << answer.body;
    const Json all = answer.json()["members"];
    for (size_t i = 0; i < all.size(); ++i) users.push_back(all[i]["user"].str());
    return users;
  }

  std::map<WebSocketClient*, std::string> names_;
};

std::string subscribe(const std::string& channel, const std::string& more = "") {
  return R"({"op":"subscribe","channel":")" + channel + "\"" + more + "}";
}

TEST_F(Channels, AKeyHearsWhatItIsGrantedAndNothingElse) {
  add("private-one", "secret");
  add("public", "word");
  add("private-two", "other");
  const std::string key = make_key("reader", "read:*");
  const std::string one = make_key("one", "subscribe:private-one");
  WebSocketClient reader = connect(key), listener = connect(one);
  reader.send(subscribe("private-one", R"(,"from":"earliest")"));
  EXPECT_EQ(reader.message("error")["code"].str(), "forbidden");
  // Neither through everything, nor through a beginning.
  reader.send(subscribe("$all", R"(,"from":"earliest")"));
  EXPECT_EQ(reader.message("event")["event"]["stream"].str(), "public");
  EXPECT_EQ(reader.message("caught_up")["op"].str(), "caught_up");
  reader.send(subscribe("priv*", R"(,"from":"earliest")"));
  EXPECT_EQ(reader.message("subscribed")["channel"].str(), "priv*");
  std::string op = "position";  // it passes over what it may not read, and says no more of it
  while (op == "position") op = reader.message()["op"].str();
  EXPECT_EQ(op, "caught_up");
  listener.send(subscribe("private-one", R"(,"from":"earliest")"));
  EXPECT_EQ(listener.message("event")["event"]["data"].str(), "secret");
  listener.send(subscribe("private-two"));
  EXPECT_EQ(listener.message("error")["code"].str(), "forbidden");
  listener.send(R"({"op":"publish","channel":"private-one","event":{"type":"t"}})");
  EXPECT_EQ(listener.message("error")["code"].str(), "forbidden");
}

TEST_F(Channels, APrivateEventReachesNobodyElseAsADeadLetterEither) {
  add("private-one", "secret");
  ASSERT_EQ(ask("PUT", "/v1/consumers/c", admin_,
                R"({"stream":"private-one","mode":"shared","max_attempts":1})")
                .status,
            201u);
  const uint64_t epoch = ask("POST", "/v1/consumers/c/join", admin_, "{}").json()["epoch"].number();
  const std::string member = "{\"epoch\":" + std::to_string(epoch);
  ASSERT_EQ(ask("POST", "/v1/consumers/c/fetch", admin_, member + "}").status, 200u);
  ASSERT_EQ(ask("POST", "/v1/consumers/c/nack", admin_, member + ",\"positions\":[0]}").status,
            200u);
  const std::string path = "/v1/streams/dead-letters%2Fc/events";
  ASSERT_TRUE(eventually([&] { return get(path, admin_).body.contains("secret"); }));
  const std::string reader = make_key("reader", "read,consume:*");
  EXPECT_EQ(get(path, reader).status, 403u);
  for (const char* list : {"/v1/all/events", "/v1/all/events?prefix=dead", "/v1/streams"}) {
    EXPECT_THAT(get(list, reader).body,
                testing::Not(testing::AnyOf(testing::HasSubstr("secret"),
                                            testing::HasSubstr("dead-letters"))));
  }
  WebSocketClient client = connect(reader);
  client.send(subscribe("dead*", R"(,"from":"earliest")"));
  client.message("subscribed");
  std::string op = "position";
  while (op == "position") op = client.message()["op"].str();
  EXPECT_EQ(op, "caught_up");
}

TEST_F(Channels, WhoShowsNothingIsNotLetIn) {
  const WebSocketClient nobody(server_.address());
  EXPECT_EQ(nobody.answer().status, 401u);
  const WebSocketClient wrong(server_.address(), "/app/other/live");
  EXPECT_EQ(wrong.answer().status, 404u);
}

TEST_F(Channels, ATicketLetsAPageIn) {
  const std::string key = make_key("page", "subscribe:private-one");
  add("private-one", "word");
  const Response made =
      ask("POST", "/v1/tickets", key, R"({"grants":"subscribe:private-one","user":"ann"})");
  ASSERT_EQ(made.status, 201u) << made.body;
  WebSocketClient page(server_.address(), "/v1/live?ticket=" + made.json()["ticket"].str());
  ASSERT_EQ(page.answer().status, 101u);
  EXPECT_EQ(page.message("connected")["user"].str(), "ann");
  page.send(subscribe("private-one", R"(,"from":0)"));
  EXPECT_EQ(page.message("event")["event"]["data"].str(), "word");
}

TEST_F(Channels, APageOfConnectionsTellsNoOtherChannels) {
  const std::string key = make_key("lobby", "presence:presence-lobby");
  WebSocketClient client = connect(admin_);
  client.message("connected");
  for (const char* channel : {"presence-lobby", "private-merger"}) {
    client.send(subscribe(channel));
    client.message("subscribed");
  }
  const auto page = [&](const std::string& who) {
    return get("/v1/channels/presence-lobby/connections", who).body;
  };
  EXPECT_THAT(page(key), testing::HasSubstr("\"channels\":[\"presence-lobby\"]"));
  EXPECT_THAT(page(admin_), testing::HasSubstr("private-merger"));
}

TEST_F(Channels, AConnectionEndsWithItsKeyAndIsToldWhy) {
  const std::string key = make_key("k", "read:*");
  WebSocketClient client = connect(key);
  client.message("connected");
  revoke("k");
  EXPECT_EQ(client.message("error")["code"].str(), "key-revoked");
  EXPECT_EQ(client.closed(), 1008u);
}

TEST_F(Channels, AKeysQuotaIsHeldToHereToo) {
  const std::string key =
      make_key("k", "read,append:*", R"(,"quota":"connections=1,followers=2,requests=5/s")");
  add("s", "word");
  WebSocketClient client = connect(key);
  client.message("connected");
  const WebSocketClient another(server_.address(), "/v1/live", bearer(key));
  EXPECT_EQ(another.answer().status, 429u);
  for (const char* channel : {"a", "b"}) {
    client.send(subscribe(channel));
    client.message("subscribed");
  }
  client.send(subscribe("c"));
  EXPECT_EQ(client.message("error")["code"].str(), "over-quota");
  client.send(R"({"op":"unsubscribe","channel":"a"})");
  client.message("unsubscribed");
  client.send(subscribe("c"));
  client.message("subscribed");
  // Of what it publishes, too many are refused, and the rest is done.
  for (int i = 0; i < 20; ++i) {
    client.send(R"({"op":"publish","channel":"b","event":{"type":"t"}})");
  }
  EXPECT_EQ(client.message("error")["code"].str(), "over-quota");
}

TEST_F(Channels, AChannelTokenIsForOneConnectionAndOneChannel) {
  WebSocketClient client(server_.address(), "/app/app/live");
  const std::string name = client.message("connected")["connection"].str();
  const auto with = [&](const std::string& channel, const std::string& auth) {
    client.send(subscribe(channel, R"(,"auth":")" + auth + "\""));
    return client.message();
  };
  const std::string good = signed_for(name + ":private-x");
  EXPECT_EQ(with("private-x", signed_for("1.1:private-x"))["code"].str(), "forbidden");
  EXPECT_EQ(with("private-y", good)["code"].str(), "forbidden");
  EXPECT_EQ(with("private-x", "other" + good)["code"].str(), "forbidden");
  EXPECT_EQ(with("private-x", good.substr(0, good.size() - 1))["code"].str(), "forbidden");
  // Joined as if it were public.
  client.send(subscribe("private-x"));
  EXPECT_EQ(client.message()["code"].str(), "forbidden");
  EXPECT_EQ(with("private-x", good)["op"].str(), "subscribed");
  add("private-x", "word");
  EXPECT_EQ(client.message("event")["event"]["data"].str(), "word");
  // What is not open is not for everybody.
  client.send(subscribe("orders"));
  EXPECT_EQ(client.message("error")["code"].str(), "forbidden");
  client.send(subscribe("news"));
  EXPECT_EQ(client.message("subscribed")["channel"].str(), "news");
}

TEST_F(Channels, AUserIsThereOnceWithAllConnections) {
  WebSocketClient ann(server_.address(), "/app/app/live"), bob(server_.address(), "/app/app/live");
  join(ann, "presence-talk", "ann", R"({"name":"Ann"})");
  const Json here = ann.message("presence");
  EXPECT_EQ(here["change"].str(), "here");
  EXPECT_EQ(here["members"].size(), 1u);
  EXPECT_EQ(here["members"][0]["info"]["name"].str(), "Ann");
  EXPECT_FALSE(here["members"][0]["joined_at"].str().empty());
  join(bob, "presence-talk", "bob");
  EXPECT_EQ(bob.message("presence")["members"].size(), 2u);
  Json change = ann.message("presence");
  EXPECT_EQ(change["change"].str(), "joined");
  EXPECT_EQ(change["member"]["user"].str(), "bob");
  {
    // Another of bob's: nobody comes, and nobody leaves.
    WebSocketClient again(server_.address(), "/app/app/live");
    join(again, "presence-talk", "bob");
    EXPECT_EQ(again.message("presence")["members"].size(), 2u);
    EXPECT_THAT(members("presence-talk"), testing::ElementsAre("ann", "bob"));
    const Json info = get("/v1/channels/presence-talk", admin_).json();
    EXPECT_EQ(info["subscribers"].number(), 3u);
    EXPECT_EQ(info["members"].number(), 2u);
    names_.erase(&again);
  }
  bob.send(R"({"op":"unsubscribe","channel":"presence-talk"})");
  change = ann.message("presence");
  EXPECT_EQ(change["change"].str(), "left");
  EXPECT_EQ(change["member"]["user"].str(), "bob");
  EXPECT_THAT(members("presence-talk"), testing::ElementsAre("ann"));
}

TEST_F(Channels, WhoComesBackInTimeWasNeverAway) {
  WebSocketClient ann(server_.address(), "/app/app/live");
  join(ann, "presence-talk", "ann");
  ann.message("presence");
  for (int i = 0; i < 5; ++i) {
    WebSocketClient bob(server_.address(), "/app/app/live");
    join(bob, "presence-talk", "bob");
    bob.message("presence");
    names_.erase(&bob);
  }
  EXPECT_EQ(ann.message("presence")["change"].str(), "joined");
  // All five were one visit, on a machine that is quick enough; on any, each joined has its left.
  int there = 1;
  while (there > 0) {
    there += ann.message("presence")["change"].str() == "joined" ? 1 : -1;
    ASSERT_LE(there, 1);
  }
}

TEST_F(Channels, AClientEventGoesToTheOthersAndIsKeptNowhere) {
  WebSocketClient ann(server_.address(), "/app/app/live"), bob(server_.address(), "/app/app/live");
  join(ann, "presence-talk", "ann");
  ann.message("presence");
  join(bob, "presence-talk", "bob");
  bob.message("presence");
  const auto type =
      R"({"op":"publish","channel":"presence-talk","event":{"type":"client-typing"}})";
  bob.send(type);
  EXPECT_FALSE(bob.message("ack").has("offset"));
  const Json event = ann.message("event");
  EXPECT_EQ(event["event"]["type"].str(), "client-typing");
  EXPECT_EQ(event["from"].str(), "bob");
  EXPECT_EQ(get("/v1/streams/presence-talk", admin_).status, 404u);
  // Not by who is not there, nor where no rule allows it.
  WebSocketClient outside(server_.address(), "/app/app/live");
  outside.message("connected");
  outside.send(type);
  EXPECT_EQ(outside.message("error")["code"].str(), "forbidden");
  join(bob, "presence-quiet", "bob");
  bob.message("presence");
  bob.send(R"({"op":"publish","channel":"presence-quiet","event":{"type":"client-typing"}})");
  EXPECT_EQ(bob.message("error")["code"].str(), "forbidden");
}

TEST_F(Channels, WhatIsForOneUserOrConnectionReachesNobodyElse) {
  const auto page = [&](const std::string& user) {
    const Response made =
        ask("POST", "/v1/tickets", admin_, R"({"grants":"subscribe:x","user":")" + user + "\"}");
    return WebSocketClient(server_.address(), "/v1/live?ticket=" + made.json()["ticket"].str());
  };
  WebSocketClient one = page("ann"), two = page("ann"), other = page("bob");
  const std::string name = one.message("connected")["connection"].str();
  two.message("connected");
  other.message("connected");
  const std::string body = R"({"type":"mail","data":{"n":1}})";
  EXPECT_EQ(ask("POST", "/v1/users/ann/events", admin_, body).json()["connections"].number(), 2u);
  for (WebSocketClient* client : {&one, &two}) {
    const Json event = client->message();
    EXPECT_EQ(event["user"].str(), "ann");
    EXPECT_EQ(event["event"]["data"]["n"].number(), 1u);
  }
  EXPECT_EQ(ask("POST", "/v1/connections/" + name + "/events", admin_, body).status, 200u);
  EXPECT_EQ(one.message()["connection"].str(), name);
  EXPECT_EQ(ask("POST", "/v1/connections/1.1/events", admin_, body).status, 404u);
  EXPECT_EQ(ask("POST", "/v1/users/ann/events", make_key("p", "publish:s"), body).status, 403u);
  const Json info = get("/v1/connections/" + name, admin_).json();
  EXPECT_EQ(info["user"].str(), "ann");
  EXPECT_EQ(ask("DELETE", "/v1/users/ann/connections", admin_).json()["connections"].number(), 2u);
  EXPECT_EQ(one.closed(), 4009u);
  EXPECT_EQ(two.closed(), 4009u);
  other.send(R"({"op":"ping"})");
  EXPECT_EQ(other.message()["op"].str(), "pong");
}

TEST_F(Channels, SubscribersAreCountedWhereARuleSaysSo) {
  WebSocketClient one(server_.address(), "/app/app/live"), two(server_.address(), "/app/app/live");
  one.send(subscribe("news"));
  EXPECT_EQ(one.message("subscribers")["count"].number(), 1u);
  two.send(subscribe("news"));
  EXPECT_EQ(one.message("subscribers")["count"].number(), 2u);
  const Json all = get("/v1/channels?prefix=new", admin_).json()["channels"];
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["subscribers"].number(), 2u);
}

TEST_F(Channels, ComingAndGoingIsWrittenDownAlsoOverAKill) {
  WebSocketClient ann(server_.address(), "/app/app/live");
  join(ann, "presence-talk", "ann");
  ann.message("presence");
  {
    WebSocketClient bob(server_.address(), "/app/app/live");
    join(bob, "presence-talk", "bob");
    bob.message("presence");
    names_.erase(&bob);
  }
  const auto told = [&] {
    std::vector<std::string> lines;
    const Json events = get("/v1/streams/$channels/events?limit=1000", admin_).json()["events"];
    for (size_t i = 0; i < events.size(); ++i) {
      const Json& event = events[i];
      const std::string type = event["type"].str();
      std::string line = type.substr(type.rfind('.') + 1);
      if (event["data"].has("user")) line += " " + event["data"]["user"].str();
      if (event["data"].has("reason")) line += " " + event["data"]["reason"].str();
      lines.push_back(line);
    }
    return lines;
  };
  EXPECT_TRUE(eventually([&] { return told().size() >= 5; }));
  EXPECT_THAT(told(), testing::ElementsAre("started", "occupied", "joined ann", "joined bob",
                                           "left bob left"));
  server_.kill();
  server_ = ServerProcess(directory_ / "data", app_flags(directory_));
  client_ = server_.client();
  EXPECT_THAT(told(), testing::ElementsAre("started", "occupied", "joined ann", "joined bob",
                                           "left bob left", "vacated restart", "left ann restart",
                                           "started"));
  EXPECT_THAT(members("presence-talk"), testing::IsEmpty());
  // Nobody else sees it.
  EXPECT_EQ(get("/v1/streams/$channels/events", make_key("r", "read:*")).status, 403u);
  // In order, nothing is left to be said by the next.
  EXPECT_EQ(server_.stop(), 0);
  server_ = ServerProcess(directory_ / "data", app_flags(directory_));
  client_ = server_.client();
  EXPECT_EQ(told().size(), 8u);
}

TEST_F(Channels, PrivateChannelsNeedAccessControl) {
  ServerProcess open(directory_ / "open", app_flags(directory_));
  WebSocketClient client(open.address(), "/app/app/live");
  join(client, "presence-talk", "ann");
  EXPECT_EQ(client.message("error")["code"].str(), "forbidden");
  WebSocketClient anybody(open.address());
  anybody.message("connected");
  anybody.send(subscribe("private-*"));
  EXPECT_EQ(anybody.message("error")["code"].str(), "forbidden");
  // Whoever has the application's key alone does not stay when it begins.
  ASSERT_EQ(open.client()
                .send("POST", "/v1/keys", R"({"key":"admin","grants":"admin"})",
                      {{"Content-Type", "application/json"}})
                .status,
            201u);
  EXPECT_EQ(client.message("error")["code"].str(), "access-control-on");
}

}  // namespace
}  // namespace strandline::tests
