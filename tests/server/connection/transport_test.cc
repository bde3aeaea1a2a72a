// A session knows nothing of what carries its bytes: over a transport in memory, whatever that
// does, it answers as it does over TCP, and leaves nothing behind.
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <regex>
#include <thread>

#include "server/connection/session.h"
#include "server/connection/worker.h"
#include "server/routes/route_table.h"
#include "server/server.h"
#include "tests/support/http/http.h"
#include "tests/support/http/memory_transport.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace asio = boost::asio;

// Sessions over transports in memory, as the server has them over sockets: one worker, one log.
class MemoryServer {
 public:
  explicit MemoryServer(Log& log)
      : service_(log, {.threads = 1}, server::route_table()), worker_(service_) {
    worker_.start();
  }
  ~MemoryServer() { drain(); }

  std::shared_ptr<Wire> begin(std::span<const std::string_view> pieces, Manners manners = {}) {
    auto wire = std::make_shared<Wire>();
    ++service_.metrics.connections;  // as the listener does
    auto session = std::make_shared<server::Session>(
        worker_, service_, authorities_,
        std::make_unique<MemoryTransport>(worker_.context().get_executor(), pieces, manners, wire));
    sessions_.push_back(session);
    asio::post(worker_.context(), [this, session = std::move(session)]() mutable {
      worker_.adopt(std::move(session));
    });
    return wire;
  }
  bool all_ended() {
    return eventually([&] { return service_.metrics.connections == 0 && is_empty(); });
  }
  void drain() {
    if (service_.draining.exchange(true)) return;
    worker_.drain();
    worker_.join();
    service_.history.join();
    service_.blocking.join();
    EXPECT_TRUE(eventually([&] { return service_.owed == 0; }));
  }

 private:
  bool is_empty() const {
    return std::ranges::all_of(sessions_, [](const auto& one) { return one.expired(); }) &&
           service_.bodies.used() == 0 && service_.owed == 0 && service_.metrics.followers == 0;
  }

  server::Service service_;
  const server::Authorities authorities_{{}, false};
  server::Worker worker_;
  std::vector<std::weak_ptr<server::Session>> sessions_;
};

class Transports : public LogTest {
 protected:
  Transports() { options.clock = std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000}); }

  std::unique_ptr<Log> fresh_log() {
    auto opened = Log::open(directory() / ("log" + std::to_string(logs_++)), options);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  // All that a client is sent over TCP that sends this.
  static std::string over_tcp(Log& log, std::string_view requests, size_t until = SIZE_MAX) {
    auto binding = server::Binding::open_all({"127.0.0.1:0"});
    auto started = server::Server::start(log, {.threads = 1}, std::move(*binding));
    EXPECT_TRUE(started) << started.error().message;
    const std::string address = (*started)->address();
    asio::io_context context;
    asio::ip::tcp::socket socket(context);
    socket.connect({asio::ip::make_address("127.0.0.1"),
                    static_cast<uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)))});
    asio::write(socket, asio::buffer(requests.data(), requests.size()));
    std::string answers;
    boost::system::error_code error;
    const size_t wanted = std::min<size_t>(until, 64 << 20);
    asio::read(socket, asio::dynamic_buffer(answers, wanted), asio::transfer_at_least(wanted),
               error);
    (*started)->drain();
    if (!error) asio::read(socket, asio::dynamic_buffer(answers), error);
    EXPECT_EQ(error, asio::error::eof);
    return without_dates(answers);
  }
  static std::string without_dates(const std::string& answers) {
    return std::regex_replace(answers, std::regex("\r\nDate: [^\r]*"), "");
  }
  static std::vector<std::string_view> cut(std::string_view text, size_t bytes) {
    std::vector<std::string_view> pieces;
    for (size_t at = 0; at < text.size(); at += bytes) pieces.push_back(text.substr(at, bytes));
    return pieces;
  }

  // Requests of all kinds, one behind the other, of which the last closes.
  static std::string conversation() {
    const auto ask = [](const std::string& method, const std::string& target,
                        const std::string& body = {}, Headers headers = {}) {
      if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
      return HttpClient::request(method, target, body, headers);
    };
    const std::string events = "/v1/streams/s/events";
    std::string large = "[";
    for (uint64_t i = 0; i < 400; ++i) {
      if (i > 0) large += ',';
      large += R"({"type":"large","data":")" + std::string(200, 'x') + R"("})";
    }
    std::string text = ask("PUT", "/v1/streams/s", "{}");
    for (int i = 0; i < 20; ++i) text += ask("POST", events, R"({"type":"t","data":1})");
    text += ask("GET", events + "?limit=3");
    text += ask("HEAD", events);
    text += ask("POST", events, large + "]");  // more than what is read at once
    text += "POST " + events +
            " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n6\r\n{\"type\r\n8\r\n\":\"c\"}  \r\n0\r\n\r\n";
    text += ask("PUT", "/v1/consumers/c", R"({"stream":"s","mode":"shared"})");
    text += ask("POST", "/v1/consumers/c/fetch", R"({"limit":2})");
    text += ask("POST", events, "not json");
    text += ask("GET", "/nowhere");
    text += ask("DELETE", events);
    text += ask("GET", "/v1/streams/none/events");
    return text + ask("GET", events + "?limit=10000", {}, {{"Connection", "close"}});
  }

 private:
  int logs_ = 0;
};

TEST_F(Transports, AreAnsweredAlikeHoweverTheBytesAreCut) {
  const std::string asked = conversation();
  const auto first = fresh_log();
  const std::string answers = over_tcp(*first, asked);
  ASSERT_THAT(answers, testing::HasSubstr("HTTP/1.1 405"));
  ASSERT_GT(answers.size(), size_t{80'000}) << "one answer does not fit a small write";
  for (const size_t bytes : {asked.size(), size_t{1}, size_t{7}, size_t{4096}}) {
    for (const size_t room : {SIZE_MAX, size_t{11}}) {
      SCOPED_TRACE(std::to_string(bytes) + " bytes a read, room for " + std::to_string(room));
      const auto log = fresh_log();
      const auto pieces = cut(asked, bytes);
      MemoryServer memory(*log);
      const auto wire = memory.begin(pieces, {.room = room});
      EXPECT_TRUE(memory.all_ended());
      EXPECT_TRUE(without_dates(wire->written()) == answers);
    }
  }
}

TEST_F(Transports, ThatBlockGetAllOfAStream) {
  append_singly("s", 50);
  // By HTTP/1.0, whose stream is not cut into chunks, for those depend on the moment.
  const std::string asked =
      "GET /v1/streams/s/events?follow=true HTTP/1.0\r\nHost: 127.0.0.1\r\n"
      "Accept: text/event-stream\r\n\r\n";
  const auto pieces = cut(asked, 1);
  std::string unhindered;
  for (const Manners& manners :
       {Manners{.stays = true}, Manners{.stays = true, .blocks = true},
        Manners{.stays = true, .room = 3}, Manners{.stays = true, .room = 3, .blocks = true}}) {
    SCOPED_TRACE(std::to_string(manners.room) + (manners.blocks ? ", blocks" : ""));
    MemoryServer memory(log());
    const auto wire = memory.begin(pieces, manners);
    const auto has_all = [&] {
      const std::string written = wire->written();
      return unhindered.empty() ? written.contains("id: 49\n") && written.ends_with("\n\n")
                                : written.size() >= unhindered.size();
    };
    EXPECT_TRUE(eventually(has_all));
    memory.drain();
    EXPECT_TRUE(memory.all_ended());
    const std::string all = without_dates(wire->written());
    if (unhindered.empty()) unhindered = all;
    EXPECT_EQ(all, unhindered);
  }
  EXPECT_EQ(over_tcp(log(), asked, unhindered.size()), unhindered);
}

TEST_F(Transports, ThatBreakAnywhereLeaveNothingBehind) {
  const std::string asked = conversation();
  const std::string follow =
      "POST /v1/streams/f/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Content-Length: 12\r\n\r\n{\"type\":\"t\"}"
      "GET /v1/streams/f/events?follow=true HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      "Accept: text/event-stream\r\n\r\n";
  const auto log = fresh_log();
  MemoryServer memory(*log);
  std::vector<std::vector<std::string_view>> all;  // borrowed by the sessions
  for (const std::string* text : {&asked, &follow}) {
    const size_t step = text == &asked ? 997 : 13;
    for (size_t at = 0; at < text->size(); at += step) {
      for (const bool breaks : {true, false}) {
        all.push_back(cut(std::string_view(*text).substr(0, at), 64));
        memory.begin(all.back(), {.breaks_sending = breaks});
        EXPECT_TRUE(memory.all_ended()) << at << " bytes sent";
      }
    }
    const auto pieces = cut(*text, 64);
    for (const size_t at : {0, 1, 10, 100, 300, 1'000, 5'000, 50'000}) {
      for (const bool blocks : {true, false}) {
        // A follower that is sent less than that has no end.
        if (text == &follow && at > 300) continue;
        memory.begin(pieces, {.stays = true, .breaks_after = at, .room = 100, .blocks = blocks});
        EXPECT_TRUE(memory.all_ended()) << at << " bytes taken";
      }
    }
  }
}

}  // namespace
}  // namespace strandline::tests
