// Clients that take their time: a head has its time, a body as much as its size deserves, and what
// all of them send at once has its bound. 408, or closed, and nothing applied.
#include "tests/support/http/tight_server.h"

namespace strandline::tests {
namespace {

using SlowClients = TightServer;

std::string append_head(size_t length) {
  return "POST /v1/streams/s/events HTTP/1.1\r\nHost: localhost\r\n"
         "Content-Type: application/json\r\nContent-Length: " +
         std::to_string(length) + "\r\n\r\n";
}

TEST_F(SlowClients, ASlowHeadIs408AndClosed) {
  start({.head_timeout_ms = 100});
  HttpClient slow = client();
  slow.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n");  // and nothing more
  expect_problem(slow.read_response(), 408);
  EXPECT_TRUE(slow.closed());
  EXPECT_EQ(client().get("/healthz").status, 200u);
}

TEST_F(SlowClients, ASlowBodyIsClosedToo) {
  start({.body_timeout_ms = 100});
  HttpClient slow = client();
  slow.write(
      "POST /v1/streams/s/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 100\r\n\r\n{");
  expect_problem(slow.read_response(), 408);
  EXPECT_TRUE(slow.closed());
  EXPECT_EQ(log().durable_next(), Sequence{0});
}

TEST_F(SlowClients, AnIdleConnectionIsClosed) {
  start({.idle_timeout_ms = 100});
  HttpClient idle = client();
  EXPECT_EQ(idle.get("/healthz").status, 200u);
  EXPECT_TRUE(idle.closed());
}

TEST_F(SlowClients, AHeadThatComesByteByByteHasNoMoreTimeThanAnyOther) {
  start({.head_timeout_ms = 300});
  HttpClient slow = client();
  // Every byte is progress of a kind, and none of it gives more time.
  std::jthread trickle([&slow](std::stop_token stop) {
    try {
      slow.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
      pollfd none{.fd = -1, .events = 0, .revents = 0};
      while (!stop.stop_requested()) {
        slow.write("x");
        poll(&none, 1, 10);
      }
    } catch (const ConnectionLost&) {
      // Closed in the middle of it, as it should be.
    }
  });
  expect_problem(slow.read_response(), 408);
}

TEST_F(SlowClients, ARequestThatComesByteByByteInItsTimeIsTaken) {
  start({});
  HttpClient slow = client();
  const std::string body = R"({"type":"t"})";
  for (const char c : append_head(body.size()) + body) slow.write(std::string_view(&c, 1));
  EXPECT_EQ(slow.read_response().status, 201u);
  for (const char c : std::string("POST /v1/streams/s/events HTTP/1.1\r\nHost: localhost\r\n"
                                  "Content-Type: application/json\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n"
                                  "8;name=value\r\n{\"type\":\r\n4\r\n\"t\"}\r\n"
                                  "0\r\nX-Trailer: yes\r\n\r\n")) {
    slow.write(std::string_view(&c, 1));
  }
  EXPECT_EQ(slow.read_response().status, 201u);
  EXPECT_EQ(log().durable_next(), Sequence{2});
}

TEST_F(SlowClients, ABodyThatComesFastEnoughHasTimeForAllOfIt) {
  // A tenth of a second alone would not do for these 40 pieces; the bytes that came buy the rest.
  start({.body_timeout_ms = 100, .body_bytes_per_s_min = 1000});
  const std::string body = R"({"type":"t","data":")" + std::string(40'000, 'x') + "\"}";
  HttpClient steady = client();
  steady.write(append_head(body.size()));
  pollfd none{.fd = -1, .events = 0, .revents = 0};
  for (size_t at = 0; at < body.size(); at += 1000) {
    steady.write(std::string_view(body).substr(at, 1000));
    poll(&none, 1, 10);
  }
  EXPECT_EQ(steady.read_response().status, 201u);
}

TEST_F(SlowClients, ASlowChunkedBodyIs408) {
  start({.body_timeout_ms = 100});
  HttpClient slow = client();
  slow.write(
      "POST /v1/streams/s/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"ty");
  expect_problem(slow.read_response(), 408);
  EXPECT_TRUE(slow.closed());
}

TEST_F(SlowClients, BodiesUnderWayShareABoundAndPastItAre503) {
  start({.bodies_bytes_max = 1'000'000});
  const std::string large(600'000, ' ');
  HttpClient first = client(), second = client();
  first.write(append_head(large.size()) + "{");
  // The first holds its share from its head on; when it has been seen, a second has no room.
  EXPECT_TRUE(eventually([&] {
    HttpClient other = client();
    other.write(append_head(large.size()) + "{");
    try {
      const Response response = other.read_response(std::chrono::milliseconds(200));
      expect_problem(response, 503);
      EXPECT_FALSE(response.header("retry-after").empty());
      EXPECT_EQ(response.header("connection"), "close");
      return true;
    } catch (const ConnectionLost&) {
      return false;  // it came first
    }
  }));
  // A small one has, and what was held is given back with its request.
  EXPECT_EQ(second.post("/v1/streams/s/events", R"({"type":"t"})").status, 201u);
  first.write(large.substr(1));
  expect_problem(first.read_response(), 400);
  EXPECT_TRUE(eventually([&] {
    return client().post("/v1/streams/s/events", R"({"type":"t"})" + large).status == 201;
  }));
}

}  // namespace
}  // namespace strandline::tests
