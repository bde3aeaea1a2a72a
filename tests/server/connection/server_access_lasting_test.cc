// Access is checked while it lasts: what waits or follows ends when its key does, and says why.
#include <thread>

#include "schemas/frame.h"
#include "tests/support/http/guarded_server.h"

namespace strandline::tests {
namespace {

class AccessLasts : public GuardedServerTest {
 protected:
  AccessLasts() {
    add("s", "word");
    EXPECT_EQ(ask("PUT", "/v1/consumers/group", "", R"({"stream":"s","mode":"shared"})").status,
              201u);
    EXPECT_EQ(ask("PUT", "/v1/consumers/single", "", R"({"stream":"s"})").status, 201u);
  }

  HttpStream follow(const std::string& target, const std::string& secret,
                    const std::string& accept = "application/x-ndjson",
                    const std::string& method = "GET") {
    Headers headers = secret.empty() ? Headers() : bearer(secret);
    headers.emplace_back("Accept", accept);
    return HttpStream(server_.address(), target, headers, method);
  }
  // The last line that is not empty, of a stream that ends.
  static std::string last_line(HttpStream& stream) {
    std::string last;
    while (const auto line = stream.line()) {
      if (!line->empty()) last = *line;
    }
    return last;
  }
  // What does not end is told within this: a second, and what a busy machine takes.
  static constexpr auto kSoon = std::chrono::seconds(10);
};

constexpr char kReader[] = "read,consume:*";

TEST_F(AccessLasts, AFollowerInEachFormEndsWithTheReason) {
  guard();
  for (const std::string accept : {"application/x-ndjson", "text/event-stream"}) {
    SCOPED_TRACE(accept);
    for (const std::string target :
         {"/v1/streams/s/events?follow=true", "/v1/all/events?follow=true",
          "/v1/streams/later/events?follow=true&wait=true"}) {
      const std::string name = "k" + std::to_string(std::hash<std::string>()(accept + target));
      HttpStream stream = follow(target, make_key(name, kReader), accept);
      ASSERT_EQ(stream.status(), 200u);
      if (!target.contains("later")) {
        while (!stream.line().value().contains("word")) {
        }
      }
      const auto begin = std::chrono::steady_clock::now();
      revoke(name);
      EXPECT_THAT(last_line(stream),
                  testing::HasSubstr(R"({"type":"strandline.end","reason":"key-revoked"})"));
      EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
    }
  }
}

TEST_F(AccessLasts, AFollowerOfFramesEndsWithTheReason) {
  guard();
  HttpStream stream = follow("/v1/streams/s/events?follow=true", make_key("k", kReader),
                             std::string(schema::kBatchMediaType));
  ASSERT_EQ(stream.status(), 200u);
  revoke("k");
  const std::string all = stream.bytes(SIZE_MAX);
  std::string_view rest = all;
  std::optional<schema::Frame> last;
  while (const auto frame = schema::parse_frame(rest)) {
    last = frame;
    rest.remove_prefix(frame->head.bytes);
  }
  ASSERT_TRUE(last);
  EXPECT_EQ(last->head.kind, schema::FrameKind::end);
  EXPECT_EQ(last->payload, "key-revoked");
}

TEST_F(AccessLasts, AMembersStreamEndsWithTheReason) {
  guard();
  for (const std::string consumer : {"group", "single"}) {
    for (const std::string accept : {"application/x-ndjson", "text/event-stream"}) {
      const std::string name = consumer + accept.substr(0, 4);
      HttpStream stream =
          follow("/v1/consumers/" + consumer + "/events", make_key(name, kReader), accept, "POST");
      ASSERT_EQ(stream.status(), 200u);
      revoke(name);
      EXPECT_THAT(last_line(stream), testing::HasSubstr("key-revoked")) << consumer << accept;
    }
  }
}

TEST_F(AccessLasts, ALongPollEndsAndSaysThatItMayNotWait) {
  guard();
  const std::string key = make_key("k", kReader);
  ASSERT_EQ(ask("POST", "/v1/consumers/group/fetch", key, "{}").status, 200u);
  HttpClient waiting = server_.client();
  waiting.write(HttpClient::request(
      "POST", "/v1/consumers/group/fetch", R"({"wait_ms":60000})",
      {{"Authorization", "Bearer " + key}, {"Content-Type", "application/json"}}));
  const auto begin = std::chrono::steady_clock::now();
  revoke("k");
  const Response answer = waiting.read_response();
  expect_problem(answer, 401);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon * 3);
}

TEST_F(AccessLasts, ExpiryAndRotationEndItToo) {
  guard();
  HttpStream expiring =
      follow("/v1/streams/s/events?follow=true", make_key("e", kReader, ",\"expires_s\":2"));
  ASSERT_EQ(expiring.status(), 200u);
  EXPECT_THAT(last_line(expiring), testing::HasSubstr("key-expired"));
  HttpStream rotating = follow("/v1/streams/s/events?follow=true", make_key("r", kReader));
  ASSERT_EQ(rotating.status(), 200u);
  ASSERT_EQ(ask("POST", "/v1/keys/r/rotate", admin_, "{}").status, 200u);
  EXPECT_THAT(last_line(rotating), testing::HasSubstr("key-rotated"));
  // With a grace it goes on.
  HttpStream graced = follow("/v1/streams/s/events?follow=true", make_key("g", kReader));
  ASSERT_EQ(graced.status(), 200u);
  ASSERT_EQ(ask("POST", "/v1/keys/g/rotate", admin_, R"({"grace_s":3600})").status, 200u);
  EXPECT_THAT(graced.line().value(), testing::HasSubstr("word"));
  add("s", "later");
  EXPECT_THAT(graced.line().value(), testing::HasSubstr("later"));
}

TEST_F(AccessLasts, WhatBeganWhileTheServerWasOpenEndsWithTheFirstKey) {
  HttpStream stream = follow("/v1/streams/s/events?follow=true", "");
  ASSERT_EQ(stream.status(), 200u);
  guard();
  EXPECT_THAT(last_line(stream), testing::HasSubstr("access-control-on"));
}

TEST_F(AccessLasts, TheOthersGoOn) {
  guard();
  HttpStream stream = follow("/v1/streams/s/events?follow=true", make_key("stays", kReader));
  ASSERT_EQ(stream.status(), 200u);
  EXPECT_THAT(stream.line().value(), testing::HasSubstr("word"));
  make_key("goes", kReader);
  revoke("goes");
  add("s", "later");
  EXPECT_THAT(stream.line().value(), testing::HasSubstr("later"));
}

// --- Tickets.

class AccessTickets : public GuardedServerTest {
 protected:
  AccessTickets() {
    add("s", "word");
    add("t", "word");
    guard();
    key_ = make_key("page", "read,append:*");
  }
  Response make_ticket(const std::string& body) { return ask("POST", "/v1/tickets", key_, body); }
  std::string ticket(const std::string& grants, const std::string& more = {}) {
    const Response made = make_ticket("{\"grants\":\"" + grants + "\"" + more + "}");
    EXPECT_EQ(made.status, 201u) << made.body;
    return made.json()["ticket"].str();
  }
  unsigned status(const std::string& target) { return client_.get(target).status; }

  std::string key_;
};

TEST_F(AccessTickets, AllowWhatTheyNameAndNoMoreThanTheirKey) {
  const std::string one = ticket("read:s");
  EXPECT_EQ(status("/v1/streams/s/events?ticket=" + one), 200u);
  EXPECT_EQ(status("/v1/streams/s/events?limit=1&ticket=" + one + "&from=0"), 200u);
  EXPECT_EQ(status("/v1/streams/t/events?ticket=" + one), 403u);
  EXPECT_EQ(status("/v1/info?ticket=" + one), 403u);
  EXPECT_EQ(client_.post("/v1/streams/s/events?ticket=" + one, R"({"type":"t"})").status, 403u);
  EXPECT_EQ(client_.post("/v1/tickets?ticket=" + one, R"({"grants":"read:s"})").status, 403u)
      << "a ticket makes no tickets";
  expect_problem(make_ticket(R"({"grants":"manage:s"})"), 403);
  expect_problem(make_ticket(R"({"grants":"read:private-x"})"), 403);
  expect_problem(make_ticket(R"({"grants":"admin"})"), 422);
  expect_problem(make_ticket(R"({"grants":"read:s","ttl_s":0})"), 422);
  expect_problem(make_ticket(R"({"grants":"read:s","ttl_s":100000000})"), 422);
  expect_problem(make_ticket(R"({})"), 422);
  EXPECT_EQ(status("/v1/all/events?ticket=" + ticket("read:*")), 200u);
}

TEST_F(AccessTickets, ThatWereChangedAreNoTickets) {
  const std::string one = ticket("read:s");
  for (size_t i = 0; i < one.size(); i += 3) {
    std::string changed = one;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_EQ(status("/v1/streams/s/events?ticket=" + changed), 401u) << i;
  }
  for (const std::string& other : {std::string(), std::string("strt_"), one.substr(0, 80),
                                   one + "00", key_, std::string("strt_zz")}) {
    EXPECT_EQ(status("/v1/streams/s/events?ticket=" + other), 401u) << other;
  }
  EXPECT_EQ(status("/v1/streams/s/events?ticket=" + one + "&ticket=" + one), 400u);
  expect_problem(client_.get("/v1/streams/s?ticket=" + one, bearer(key_)), 400);
}

TEST_F(AccessTickets, AreGoodForResumingUntilTheyExpire) {
  const std::string brief = ticket("read:s", ",\"ttl_s\":2");
  const std::string target = "/v1/streams/s/events?follow=true&ticket=" + brief;
  {
    HttpStream first(server_.address(), target, {{"Accept", "text/event-stream"}});
    ASSERT_EQ(next_event(first).id, "0");
  }
  HttpStream again(server_.address(), target,
                   {{"Accept", "text/event-stream"}, {"Last-Event-ID", "0"}});
  ASSERT_EQ(again.status(), 200u);
  EXPECT_THAT(next_event(again).data, testing::HasSubstr("ticket-expired"));
  EXPECT_EQ(status(target), 401u);
}

TEST_F(AccessTickets, EndWithTheirKey) {
  const std::string one = ticket("read:s", ",\"ttl_s\":3600");
  HttpStream stream(server_.address(), "/v1/streams/s/events?follow=true&ticket=" + one,
                    {{"Accept", "text/event-stream"}});
  ASSERT_EQ(next_event(stream).id, "0");
  ASSERT_EQ(ask("POST", "/v1/keys/page/rotate", admin_, R"({"grace_s":3600})").status, 200u);
  EXPECT_EQ(status("/v1/streams/s/events?ticket=" + one), 200u) << "as its secret is";
  revoke("page");
  EXPECT_EQ(status("/v1/streams/s/events?ticket=" + one), 401u);
  EXPECT_THAT(next_event(stream).data, testing::HasSubstr("key-revoked"));
}

}  // namespace
}  // namespace strandline::tests
