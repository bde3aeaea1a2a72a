// What a WebSocket takes from clients that know no manners (RFC 6455).
#include "tests/support/http/certificates.h"
#include "tests/support/http/guarded_server.h"
#include "tests/support/http/websocket_client.h"
#include "tests/support/process/process_facts.h"

namespace strandline::tests {
namespace {

using Socket = WebSocketClient;

class WebSocketManners : public ServerTest {
 protected:
  Socket connect() {
    Socket client(server_.address());
    EXPECT_EQ(client.answer().status, 101u);
    client.message("connected");
    return client;
  }
  static constexpr char kPing[] = R"({"op":"ping"})";
};

TEST_F(WebSocketManners, TheHandshakeIsAnsweredAsTheStandardSays) {
  Socket client(server_.address());
  EXPECT_EQ(client.answer().header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(client.answer().header("upgrade"), "websocket");
}

TEST_F(WebSocketManners, WhoDoesNotAskForAWebSocketIsToldTo) {
  const Response plain = client_.get("/v1/live");
  expect_problem(plain, 426);
  EXPECT_EQ(plain.header("upgrade"), "websocket");
  expect_problem(client_.get("/v1/live", {{"Upgrade", "h2c"}, {"Connection", "upgrade"}}), 426);
  // The connection is as good as before.
  EXPECT_EQ(client_.get("/healthz").status, 200u);
}

TEST_F(WebSocketManners, AnUpgradeThatIsNoneIsRefused) {
  HttpClient client = server_.client();
  client.write(HttpClient::request("GET", "/v1/live", {},
                                   {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}}));
  EXPECT_EQ(client.read_response().status, 400u);
}

TEST_F(WebSocketManners, AnUpgradeHasNoBody) {
  HttpClient client = server_.client();
  client.write(HttpClient::request("GET", "/app/x?protocol=7", std::string((1 << 20) + 1, ' '),
                                   {{"Upgrade", "websocket"},
                                    {"Connection", "Upgrade"},
                                    {"Sec-WebSocket-Version", "13"},
                                    {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}));
  EXPECT_EQ(client.read_response().status, 400u);
}

TEST_F(WebSocketManners, AMessageMayComeInFragmentsWithControlFramesInBetween) {
  Socket client = connect();
  client.write(Socket::frame(Socket::text, "{\"op\":", false));
  client.write(Socket::frame(Socket::ping, "are you there"));
  client.write(Socket::frame(Socket::more, "\"pi", false));
  client.write(Socket::frame(Socket::pong, ""));
  client.write(Socket::frame(Socket::more, "ng\"}", true));
  const auto pong = client.next();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->opcode, Socket::pong);
  EXPECT_EQ(pong->payload, "are you there");
  EXPECT_EQ(client.message()["op"].str(), "pong");
}

TEST_F(WebSocketManners, AMessageMayComeByteByByte) {
  Socket client = connect();
  for (const char byte : Socket::frame(Socket::text, kPing)) client.write({&byte, 1});
  EXPECT_EQ(client.message()["op"].str(), "pong");
}

TEST_F(WebSocketManners, FramesBehindTheRequestAreNotLost) {
  HttpClient client = server_.client();
  client.write(HttpClient::request("GET", "/v1/live", {},
                                   {{"Upgrade", "websocket"},
                                    {"Connection", "keep-alive, Upgrade"},
                                    {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                                    {"Sec-WebSocket-Version", "13"}}) +
               Socket::frame(Socket::text, kPing) + Socket::frame(Socket::close, "\x03\xe8"));
  EXPECT_EQ(client.read_response().status, 101u);
  EXPECT_FALSE(client.closed());
}

TEST_F(WebSocketManners, AgainstTheProtocolCloses1002) {
  const std::vector<std::pair<const char*, std::string>> wrong = {
      {"no mask", Socket::frame(Socket::text, kPing, true, false)},
      {"a reserved opcode", Socket::frame(3, "")},
      {"a reserved bit", std::string("\xc1\x80\0\0\0\0", 6)},
      {"a fragment of nothing", Socket::frame(Socket::more, "x")},
      {"a control frame in fragments", Socket::frame(Socket::ping, "x", false)},
      {"a control frame that is too large", Socket::frame(Socket::ping, std::string(126, 'x'))},
      {"a message within a message",
       Socket::frame(Socket::text, "{", false) + Socket::frame(Socket::text, "}")},
      {"a closing frame of one byte", Socket::frame(Socket::close, "x")},
      {"a close code that nobody may send", Socket::frame(Socket::close, "\x03\xed")},
  };
  for (const auto& [what, bytes] : wrong) {
    Socket client = connect();
    client.write(bytes);
    EXPECT_EQ(client.closed(), 1002u) << what;
    EXPECT_FALSE(client.next()) << what;
  }
}

TEST_F(WebSocketManners, TextThatIsNotUtf8Closes1007) {
  for (const char* text : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    Socket client = connect();
    client.write(Socket::frame(Socket::text, text));
    EXPECT_EQ(client.closed(), 1007u);
  }
  // A character may stand in two fragments.
  Socket client = connect();
  client.write(Socket::frame(Socket::text, "{\"op\":\"\xe2\x82", false));
  client.write(Socket::frame(Socket::more, "\xac\"}"));
  EXPECT_EQ(client.message()["op"].str(), "error");
}

TEST_F(WebSocketManners, AMessageThatIsTooLargeCloses1009) {
  Socket client = connect();
  // Its length alone says so.
  std::string head = "\x81\xff";
  head += std::string("\0\0\0\0\x7f\xff\xff\xff", 8) + "mask";
  client.write(head);
  EXPECT_EQ(client.closed(), 1009u);
  Socket other = connect();
  const std::string piece(400'000, ' ');
  other.write(Socket::frame(Socket::text, piece, false));
  other.write(Socket::frame(Socket::more, piece, false));
  other.write(Socket::frame(Socket::more, piece, true));
  EXPECT_EQ(other.closed(), 1009u);
}

TEST_F(WebSocketManners, BinaryCloses1003) {
  Socket client = connect();
  client.write(Socket::frame(Socket::binary, kPing));
  EXPECT_EQ(client.closed(), 1003u);
}

TEST_F(WebSocketManners, AClosingFrameIsAnswered) {
  Socket client = connect();
  client.write(Socket::frame(Socket::close,
                             "\x03\xe8"
                             "bye"));
  EXPECT_EQ(client.closed(), 1000u);
  EXPECT_FALSE(client.next());
}

TEST_F(WebSocketManners, OneThatSendsTooManyIsToldAndThenWaits) {
  Socket client = connect();
  constexpr int kMany = 260;  // of which 200 at once are taken
  std::string all;
  for (int i = 0; i < kMany; ++i) all += Socket::frame(Socket::text, kPing);
  client.write(all);
  int pongs = 0, errors = 0;
  while (pongs < kMany) {
    const Json answer = client.message();
    if (answer["op"].str() == "pong") ++pongs;
    if (answer["op"].str() == "error") {
      ++errors;
      EXPECT_EQ(answer["code"].str(), "busy");
    }
  }
  EXPECT_EQ(errors, 1);
}

TEST_F(WebSocketManners, AHalfOpenConnectionIsFoundAndEnded) {
  ServerProcess server(directory_ / "other", {"--live-ping", "1s"});
  Socket silent(server.address());
  silent.message("connected");
  const auto ping = silent.next();
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->opcode, Socket::ping);
  EXPECT_EQ(silent.closed(), 1001u);
  // One that answers stays.
  Socket there(server.address());
  there.message("connected");
  for (int i = 0; i < 3; ++i) {
    const auto asked = there.next();
    ASSERT_TRUE(asked);
    ASSERT_EQ(asked->opcode, Socket::ping);
    there.write(Socket::frame(Socket::pong, ""));
  }
}

TEST_F(WebSocketManners, AConnectionLivesNoLongerThanItMay) {
  ServerProcess server(directory_ / "other", {"--live-life", "1s"});
  Socket client(server.address());
  client.message("connected");
  EXPECT_EQ(client.closed(), 1001u);
}

TEST_F(WebSocketManners, OverTlsItIsTheSame) {
  TestAuthority authority(directory_.path());
  const CertificatePair pair = authority.issue("server");
  ServerProcess server(directory_ / "other",
                       {"--tls-cert", pair.certificate, "--tls-key", pair.key});
  ASSERT_TRUE(server.address().tls);
  // More than a socket holds, to one that does not read yet.
  const std::string event = R"({"type":"t","data":")" + std::string(32 << 10, 'x') + "\"}";
  HttpClient producer = server.client();
  constexpr uint64_t kEvents = 200;
  for (uint64_t n = 0; n < kEvents; ++n) {
    ASSERT_EQ(producer.post("/v1/streams/s/events", event).status, 201u);
  }
  Socket client(server.address());
  client.send(R"({"op":"subscribe","channel":"s","from":"earliest"})");
  for (uint64_t n = 0; n < kEvents; ++n) {
    ASSERT_EQ(client.message("event")["position"].number(), n);
  }
  client.write(Socket::frame(Socket::close, "\x03\xe8"));
  EXPECT_EQ(client.closed(), 1000u);
}

TEST_F(WebSocketManners, APageOfAnotherOriginIsRefused) {
  const Socket other(server_.address(), "/v1/live", {{"Origin", "https://evil.example"}});
  EXPECT_EQ(other.answer().status, 403u);
  const Socket own(server_.address(), "/v1/live",
                   {{"Origin", "http://" + server_.address().host + ":" + server_.address().port}});
  EXPECT_EQ(own.answer().status, 101u);
  const Socket site(server_.address(), "/v1/live", {{"Sec-Fetch-Site", "cross-site"}});
  EXPECT_EQ(site.answer().status, 403u);
}

#ifndef STRANDLINE_SANITIZED
TEST_F(WebSocketManners, AnIdleConnectionIsSmall) {
  const pid_t server = server_.process().pid();
  const auto connect_all = [&](size_t count) {
    std::vector<Socket> all;
    for (size_t i = 0; i < count; ++i) all.push_back(connect());
    return all;
  };
  // What the first ones make stays for all.
  connect_all(200);
  constexpr size_t kConnections = 1'000, kBytesEach = 12 << 10;
  const size_t files = open_files(server), before = memory_bytes(server);
  {
    const std::vector<Socket> all = connect_all(kConnections);
    EXPECT_LE(memory_bytes(server), before + kConnections * kBytesEach);
  }
  EXPECT_TRUE(eventually([&] { return open_files(server) <= files; }));
}
#endif

TEST_F(WebSocketManners, ChurnLeavesNothingBehind) {
  const auto open = [&] {
    const std::string text = client_.get("/metrics").body;
    const std::string name = "\nstrandline_live_connections ";
    return std::stoi(text.substr(text.find(name) + name.size()));
  };
  for (int round = 0; round < 20; ++round) {
    std::vector<Socket> some;
    for (int i = 0; i < 20; ++i) {
      some.push_back(connect());
      some.back().send(R"({"op":"subscribe","channel":"c"})");
    }
    if (round % 2 == 0) {
      for (Socket& one : some) one.write(Socket::frame(Socket::close, "\x03\xe8"));
    }
  }
  EXPECT_TRUE(eventually([&] { return open() == 0; }));
  EXPECT_EQ(client_.get("/v1/channels").json()["channels"].size(), 0u);
  EXPECT_EQ(client_.get("/v1/connections").json()["connections"].size(), 0u);
}

}  // namespace
}  // namespace strandline::tests
