// SIGTERM drains: acknowledged appends are answered, streams end cleanly, the exit code is 0. And
// what a sealed log answers.
#include "server/server.h"
#include "tests/support/disk/fault_file_system.h"
#include "tests/support/http/server_test.h"
#include "tests/support/http/tight_server.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

TEST(Draining, AnswersWhatWasAcknowledgedAndLosesNothing) {
  const TemporaryDirectory directory;
  ServerProcess server(directory / "data");
  std::atomic<uint64_t> acknowledged = 0, unclear = 0;
  {
    std::vector<std::jthread> appenders;
    for (int a = 0; a < 4; ++a) {
      appenders.emplace_back([&] {
        try {
          HttpClient client = server.client();
          for (;;) {
            const Response response = client.post("/v1/streams/s/events", R"({"type":"t"})");
            if (response.status != 201) {
              if (response.status != 503) ++unclear;
              return;
            }
            ++acknowledged;
          }
        } catch (const ConnectionLost&) {
          // Between two requests, or before an answer: then nothing was promised.
        }
      });
    }
    EXPECT_TRUE(eventually([&] { return acknowledged > 200; }));
    EXPECT_EQ(server.stop(), 0) << server.process().errors();
  }
  EXPECT_EQ(unclear, 0u);
  auto log = Log::open(directory / "data");
  ASSERT_TRUE(log);
  const uint64_t tail = (*log)->describe("s")->tail.value;
  EXPECT_GE(tail, acknowledged);
  EXPECT_LE(tail, acknowledged + 4);  // one of each appender at most had no answer
}

TEST(Draining, EndsStreamsCleanly) {
  const TemporaryDirectory directory;
  ServerProcess server(directory / "data");
  server.client().post("/v1/streams/s/events", json_events("s", 0, 3));
  std::vector<std::unique_ptr<HttpStream>> followers;
  for (const char* accept :
       {"text/event-stream", "application/x-ndjson", "application/vnd.strandline.batch"}) {
    followers.push_back(std::make_unique<HttpStream>(
        server.address(), "/v1/streams/s/events?follow=true", Headers{{"Accept", accept}}));
  }
  EXPECT_EQ(server.stop(), 0);
  for (const auto& follower : followers) {
    // A body that is cut off would be a ConnectionLost, not an end.
    EXPECT_NO_THROW(while (follower->line()){});
  }
  EXPECT_THROW(server.client(), ConnectionLost);
}

TEST(Draining, IsNotHeldUpByIdleOrSlowConnections) {
  const TemporaryDirectory directory;
  ServerProcess server(directory / "data");
  HttpClient idle = server.client(), half = server.client();
  half.write("GET /healthz HT");
  EXPECT_EQ(idle.get("/healthz").status, 200u);
  EXPECT_EQ(server.stop(), 0);
}

TEST(Draining, ASecondServerOnTheSameDirectorySaysWhoHasIt) {
  const TemporaryDirectory directory;
  ServerProcess server(directory / "data");
  const Outcome second =
      strandline({"serve", "--data", (directory / "data").string(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(second.exit, 5);
  EXPECT_THAT(second.errors, testing::HasSubstr((directory / "data").string()));
  EXPECT_EQ(server.client().get("/healthz").status, 200u);
}

TEST(Draining, AnAddressInUseIsSaid) {
  const TemporaryDirectory directory;
  ServerProcess server(directory / "one");
  const Outcome second = strandline({"serve", "--data", (directory / "two").string(), "--listen",
                                     server.address().host + ":" + server.address().port});
  EXPECT_EQ(second.exit, 1);
  EXPECT_THAT(second.errors, testing::HasSubstr(server.address().port));
}

class SearchingServer : public TightServer {
 protected:
  void end() {
    server_->drain();
    faults->release();
    running_.join();
    server_.reset();
  }
  const std::shared_ptr<FaultFileSystem> faults = std::make_shared<FaultFileSystem>();
};

// Where the last events of a type are is searched for backwards through all of the log.
TEST_F(SearchingServer, EndsASearchThatFindsNothing) {
  options.file_system = FaultFileSystem::as_option(faults);
  for (int i = 0; i < 10; ++i) append("s", 1000);
  ASSERT_TRUE(
      log().create_consumer("there", {.select = Selection::stream("s"), .types = {"none"}}));
  const std::vector<std::array<std::string, 3>> searches = {
      {"GET", "/v1/streams/s/events?from=-1&type=none", ""},
      {"GET", "/v1/streams/s/events?from=-1&type=none&follow=true", ""},
      {"GET", "/v1/all/events?from=-1&type=none", ""},
      {"PUT", "/v1/consumers/c", R"({"stream":"s","types":["none"],"from":"-1"})"},
      {"POST", "/v1/consumers/there/reset", R"({"from":"-1"})"},
  };
  for (const auto& [method, target, body] : searches) {
    SCOPED_TRACE(method + " " + target);
    reopen();  // in tables, and no longer in memory
    start({.threads = 1, .drain_timeout_ms = 60'000});
    faults->hold_reads();
    std::optional<Response> answer;
    {
      HttpClient asking = client();
      const Headers json = body.empty() ? Headers{} : Headers{{"Content-Type", "application/json"}};
      std::jthread ask([&, method = method, target = target, body = body] {
        answer = asking.send(method, target, body, json);
      });
      EXPECT_TRUE(eventually([&] { return faults->reads_waiting() > 0; }));
      // The first of the windows is being read: it is the last one, too.
      end();
    }
    ASSERT_TRUE(answer);
    expect_problem(*answer, 503);
    EXPECT_EQ(answer->json()["type"].str(), "urn:strandline:problem:closed");
  }
  // The log is another server's next.
  reopen();
  start({.threads = 1});
  EXPECT_EQ(client().get(searches[0][1]).json()["next"].number(), 10'000u);
}

TEST_F(SearchingServer, KeepsNothingButSearchesWaiting) {
  options.file_system = FaultFileSystem::as_option(faults);
  append("s", 1000);
  reopen();
  start({.threads = 1});
  HttpClient other = client();
  {
    std::vector<std::jthread> searches;
    faults->hold_reads();
    // More than there are threads of a pool.
    for (int i = 0; i < 4; ++i) {
      searches.emplace_back([address = address()] {
        HttpClient asking(address);
        const Response found = asking.get("/v1/streams/s/events?from=-1&type=none");
        EXPECT_EQ(found.json()["next"].number(), 1000u) << found.body;
      });
    }
    EXPECT_TRUE(eventually([&] { return faults->reads_waiting() > 0; }));
    EXPECT_EQ(other.get("/v1/consumers").status, 200u);
    EXPECT_EQ(other.send("PUT", "/v1/streams/new").status, 201u);
    faults->release();
  }
}

class SealedServer : public LogTest {};

TEST_F(SealedServer, SaysOutcomeUnknownThenNotAppliedAndGoesOnReading) {
  const auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  append("s", 3);
  auto server =
      server::Server::start(log(), {}, server::Binding::open_all({"127.0.0.1:0"}).value()).value();
  std::jthread running([&] { server->run(); });
  const std::string address = server->address();
  const size_t colon = address.rfind(':');
  {
    HttpClient client(Address{address.substr(0, colon), address.substr(colon + 1)});
    faults->fail();
    expect_problem(client.post("/v1/streams/s/events", R"({"type":"t"})"), 500, "outcome-unknown");
    const Response sealed = client.post("/v1/streams/s/events", R"({"type":"t"})");
    expect_problem(sealed, 503);
    EXPECT_FALSE(sealed.json()["detail"].str().empty());
    EXPECT_EQ(client.get("/readyz").status, 503u);
    EXPECT_EQ(client.get("/healthz").status, 200u);
    EXPECT_EQ(client.get("/v1/streams/s/events").json()["events"].size(), 3u);
  }
  server->drain();
  running.join();
  server.reset();
  close();
}

TEST_F(SealedServer, ADiskThatIsNearlyFullIs507) {
  append("s");
  close();
  options.disk_reserve_bytes = uint64_t{1} << 60;
  auto server =
      server::Server::start(log(), {}, server::Binding::open_all({"127.0.0.1:0"}).value()).value();
  std::jthread running([&] { server->run(); });
  const std::string address = server->address();
  const size_t colon = address.rfind(':');
  HttpClient client(Address{address.substr(0, colon), address.substr(colon + 1)});
  const Response refused = client.post("/v1/streams/s/events", R"({"type":"t"})");
  expect_problem(refused, 507);
  EXPECT_EQ(refused.json()["type"].str(), "urn:strandline:problem:disk-full");
  EXPECT_EQ(client.get("/v1/streams/s/events").json()["events"].size(), 1u);
  server->drain();
  running.join();
  server.reset();
  close();
}

}  // namespace
}  // namespace strandline::tests
