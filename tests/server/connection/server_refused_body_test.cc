// Who is refused by the head of a request is refused before its body: nothing of that is kept, none
// is asked for, and the connection goes on where its end is near.
#include "tests/support/http/guarded_server.h"
#include "tests/support/http/tight_server.h"
#include "tests/support/process/process_facts.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

// Of an append without a key.
std::string announced(const std::string& framing, const std::string& more = {}) {
  return "POST /v1/streams/s/events HTTP/1.1\r\nHost: localhost\r\n"
         "Content-Type: application/json\r\n" +
         framing + "\r\n" + more + "\r\n";
}

class RefusedBodies : public GuardedServerTest {
 protected:
  RefusedBodies() { guard(); }
};

TEST_F(RefusedBodies, OfCrowdsWithoutAKeyTakeNoMemory) {
  constexpr size_t kBody = 16 << 20, kSent = 1 << 20;
  constexpr int kClients = 100;
  EXPECT_EQ(get("/v1/info", "").status, 401u);
  const size_t before = memory_bytes(server_.process().pid());
  const std::string sent(kSent, ' ');
  std::vector<HttpClient> crowd;
  for (int i = 0; i < kClients; ++i) {
    HttpClient& one = crowd.emplace_back(server_.address());
    one.write(announced("Content-Length: " + std::to_string(kBody)) + sent);
    // It is told while it still sends.
    const Response refused = one.read_response();
    expect_problem(refused, 401);
    EXPECT_EQ(refused.header("connection"), "close");
  }
  EXPECT_LT(memory_bytes(server_.process().pid()), before + kClients * (kSent / 8));
}

TEST_F(RefusedBodies, AreNotAskedFor) {
  HttpClient one = server_.client();
  one.write(announced("Content-Length: 15", "Expect: 100-continue\r\n"));
  // A 100 would be the first answer.
  const Response refused = one.read_response();
  expect_problem(refused, 401);
  EXPECT_EQ(refused.header("connection"), "close");
  EXPECT_TRUE(one.closed());

  HttpClient known = server_.client();
  known.write(announced("Content-Length: 12",
                        "Expect: 100-continue\r\nAuthorization: Bearer " + admin_ + "\r\n"));
  EXPECT_EQ(known.read_response().status, 100u);
  known.write(R"({"type":"t"})");
  EXPECT_EQ(known.read_response().status, 201u);
}

TEST_F(RefusedBodies, ThatAreShortAreSkippedAndTheConnectionGoesOn) {
  const std::string next = HttpClient::request("GET", "/healthz");
  const std::vector<std::string> bodies = {
      announced("Content-Length: 15") + "GET / HTTP/1.1\n",
      announced("Content-Length: 30000") + std::string(30'000, 'x'),
      announced("Transfer-Encoding: chunked") + "5\r\nGET /\r\n3\r\nabc\r\n0\r\n\r\n",
      announced("Content-Length: 0")};
  for (const std::string& body : bodies) {
    SCOPED_TRACE(body.substr(0, 150));
    HttpClient whole = server_.client();
    whole.write(body + next + body + next);
    for (int i = 0; i < 2; ++i) {
      expect_problem(whole.read_response(), 401);
      EXPECT_EQ(whole.read_response().status, 200u);
    }
    // In pieces, with the answer before the body.
    HttpClient pieces = server_.client();
    const size_t head = body.find("\r\n\r\n") + 4;
    pieces.write(body.substr(0, head));
    expect_problem(pieces.read_response(), 401);
    pieces.write(body.substr(head) + next);
    EXPECT_EQ(pieces.read_response().status, 200u);
  }
}

TEST_F(RefusedBodies, ThatDoNotEndWellEndTheConnection) {
  HttpClient one = server_.client();
  one.write(announced("Transfer-Encoding: chunked") + "x\r\n" +
            HttpClient::request("GET", "/healthz"));
  expect_problem(one.read_response(), 401);
  EXPECT_TRUE(one.closed());
}

TEST_F(RefusedBodies, AnswersKeepTheirOrderAmongThoseThatAreTaken) {
  const std::string append = HttpClient::request(
      "POST", "/v1/streams/s/events", R"({"type":"t"})",
      {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + admin_}});
  HttpClient one = server_.client();
  std::string all;
  for (int i = 0; i < 10; ++i) all += append + announced("Content-Length: 3") + "abc";
  one.write(all);
  for (uint64_t i = 0; i < 10; ++i) {
    const Response appended = one.read_response();
    ASSERT_EQ(appended.status, 201u) << appended.body;
    EXPECT_EQ(appended.json()["first"].number(), i);
    expect_problem(one.read_response(), 401);
  }
}

TEST_F(RefusedBodies, AreThoseOfAKeyThatEndsWhileTheyCome) {
  const std::string key = make_key("slow", "append:*");
  const std::string event = R"({"type":"t"})";
  HttpClient slow = server_.client();
  slow.write(announced("Content-Length: 12",
                       "Expect: 100-continue\r\nAuthorization: Bearer " + key + "\r\n"));
  ASSERT_EQ(slow.read_response().status, 100u);
  revoke("slow");
  slow.write(event);
  const Response refused = slow.read_response();
  expect_problem(refused, 401);
  EXPECT_THAT(refused.body, HasSubstr("key-revoked"));
  expect_problem(get("/v1/streams/s", admin_), 404);
}

using RefusedSlowly = TightServer;

TEST_F(RefusedSlowly, ABodyThatIsSkippedHasItsTimeAndNoMore) {
  start({.body_timeout_ms = 100});
  HttpClient slow = client();
  slow.write("POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
  expect_problem(slow.read_response(), 404);
  EXPECT_TRUE(slow.closed());
}

}  // namespace
}  // namespace strandline::tests
