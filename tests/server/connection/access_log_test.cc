// The access log: a line for each request, without its secrets; rotated; and never waited for.
#include "server/connection/access_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <sstream>

#include "tests/support/http/guarded_server.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) { return fs::exists(path) ? read_file(path) : ""; }

std::vector<Json> lines_of(const fs::path& path) {
  std::vector<Json> lines;
  std::istringstream text(text_of(path));
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

TEST(AccessLogLine, HasNoTicket) {
  EXPECT_EQ(server::without_tickets("/v1/all/events"), "/v1/all/events");
  EXPECT_EQ(server::without_tickets("/e?a=1&ticket=strt_0f&b=2"), "/e?a=1&ticket=...&b=2");
  EXPECT_EQ(server::without_tickets("/e?ticket=strt_0f"), "/e?ticket=...");
  EXPECT_EQ(server::without_tickets("/e?%74icket=strt_0f&ticket=strt_1f"),
            "/e?ticket=...&ticket=...");
  EXPECT_EQ(server::without_tickets("/e?%zz=strt_0f"), "/e?ticket=...");
  EXPECT_EQ(server::without_tickets("/e?"), "/e?");
  EXPECT_EQ(server::without_tickets("/e?a=ticket"), "/e?a=ticket");
}

// Before the server that writes there.
struct LogPlace {
  TemporaryDirectory place_;
};

class AccessLogged : protected LogPlace, public GuardedServerTest {
 protected:
  AccessLogged()
      : GuardedServerTest(
            {"--access-log", (place_ / "access.log").string(), "--trusted-proxies", "127.0.0.1"}) {}

  // The last line of a path, once it is there.
  Json line_of(const std::string& path) {
    std::optional<Json> found;
    EXPECT_TRUE(eventually([&] {
      for (Json& line : lines_of(log_)) {
        if (line["path"].str() == path) found = std::move(line);
      }
      return found.has_value();
    })) << path;
    return found.value_or(Json::parse("{}"));
  }

  const fs::path log_ = place_ / "access.log";
};

TEST_F(AccessLogged, ALineSaysWhoAskedForWhatAndWhatCameOfIt) {
  guard();
  add("s", "word");
  const std::string reader = make_key("reader", "read:s");
  Headers headers = bearer(reader);
  headers.emplace_back("X-Forwarded-For", "203.0.113.7");
  headers.emplace_back("X-Request-Id", "f3a1\"");
  const Response page = client_.send("GET", "/v1/streams/s/events?limit=7", "", headers);
  ASSERT_EQ(page.status, 200u);
  const Json line = line_of("/v1/streams/s/events?limit=7");
  EXPECT_EQ(line["client"].str(), "203.0.113.7");
  EXPECT_EQ(line["kind"].str(), "key");
  EXPECT_EQ(line["principal"].str(), "reader");
  EXPECT_EQ(line["method"].str(), "GET");
  EXPECT_EQ(line["route"].str(), "read_events");
  EXPECT_EQ(line["status"].number(), 200u);
  EXPECT_EQ(line["bytes"].number(), page.body.size());
  EXPECT_LT(line["duration_us"].number(), 60'000'000u);
  EXPECT_EQ(line["request_id"].str(), "f3a1\"");
  EXPECT_THAT(line["time"].str(), testing::MatchesRegex("20.*Z"));

  get("/v1/streams/t/events", reader);
  EXPECT_EQ(line_of("/v1/streams/t/events")["status"].number(), 403u);
  get("/v1/streams/u/events", "");
  const Json refused = line_of("/v1/streams/u/events");
  EXPECT_EQ(refused["status"].number(), 401u);
  EXPECT_EQ(refused["kind"].str(), "address");
  client_.get("/nowhere");
  EXPECT_EQ(line_of("/nowhere")["status"].number(), 404u);
}

// What probes a server, or speaks to it wrongly, is what its operator looks for.
TEST_F(AccessLogged, ARequestThatCannotBeReadHasALine) {
  HttpClient prober(server_.address());
  prober.write("GET /v1/streams HTTP/1.1\r\nno colon here\r\n\r\n");
  EXPECT_EQ(prober.read_response().status, 400u);
  EXPECT_TRUE(eventually([&] {
    for (Json& line : lines_of(log_)) {
      if (line["status"].number() == 400u) {
        return line["client"].str() == "127.0.0.1" && line["kind"].str() == "address" &&
               line["method"].is_null() && line["path"].is_null() && line["route"].is_null();
      }
    }
    return false;
  }));
}

TEST_F(AccessLogged, AFollowersLineIsWrittenWhenItEnds) {
  add("s", "word");
  {
    HttpStream follower(server_.address(), "/v1/streams/s/events?follow=true",
                        {{"Accept", "application/x-ndjson"}});
    ASSERT_TRUE(follower.line());
  }
  const Json line = line_of("/v1/streams/s/events?follow=true");
  EXPECT_EQ(line["status"].number(), 200u);
  EXPECT_GT(line["bytes"].number(), 50u);
}

TEST_F(AccessLogged, SecretsAreInNoLineAndNoMetricAndNoArgument) {
  guard();
  add("s", "word");
  const std::string key = make_key("k", "read:s");
  const Response made = ask("POST", "/v1/tickets", key, R"({"grants":"read:s"})");
  const std::string ticket = made.json()["ticket"].str();
  ASSERT_EQ(client_.get("/v1/streams/s/events?ticket=" + ticket).status, 200u);
  client_.get("/v1/streams/s/events?ticket=" + ticket + "x");
  client_.get("/v1/streams/s/events?%74icket=" + ticket + "&n");
  get("/v1/streams/s/events?n=1", key);
  get("/v1/streams/s/events?n=2", key + "0");
  line_of("/v1/streams/s/events?n=2");
  std::string all = text_of(log_) + get("/metrics", admin_).body +
                    text_of("/proc/" + std::to_string(server_.process().pid()) + "/cmdline");
  server_.stop();
  all += server_.process().errors();
  for (const std::string& secret : {key, admin_, ticket}) {
    EXPECT_THAT(all, testing::Not(testing::HasSubstr(secret.substr(5, 20))));
  }
  EXPECT_THAT(all, testing::HasSubstr("ticket=..."));
}

TEST_F(AccessLogged, AHangUpGoesOnInANewFileAndLosesNoLine) {
  const fs::path old = place_ / "access.log.1";
  size_t asked = 0;
  const auto ask_some = [&] {
    for (int i = 0; i < 50; ++i) client_.get("/healthz?n=" + std::to_string(asked++));
  };
  ask_some();
  fs::rename(log_, old);
  ask_some();
  server_.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return fs::exists(log_); }));
  ask_some();
  server_.stop();
  EXPECT_EQ(lines_of(old).size() + lines_of(log_).size(), asked);
  EXPECT_GE(lines_of(old).size(), 100u);
  EXPECT_EQ(fs::status(log_).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST(AccessLog, ThatCannotBeOpenedRefusesToStart) {
  const TemporaryDirectory directory;
  const auto refused = run({STRANDLINE_PROGRAM, "serve", "--data", (directory / "data").string(),
                            "--listen", "127.0.0.1:0", "--access-log", "/nowhere/access.log"});
  EXPECT_NE(refused.exit, 0);
  EXPECT_THAT(refused.errors, testing::HasSubstr("/nowhere/access.log"));
}

// A pipe that nobody reads takes no lines: requests are answered, and what is lost is counted.
TEST(AccessLog, ThatIsFullHoldsNobodyUp) {
  const TemporaryDirectory directory;
  const std::string pipe = (directory / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reading = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reading, 0);
  {
    const auto log = server::AccessLog::open(pipe);
    ASSERT_TRUE(log) << log.error().message;
    std::signal(SIGPIPE, SIG_IGN);
    const std::string target(4'000, 'x');
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 10'000; ++i) (*log)->write({.target = target});
    EXPECT_GT((*log)->dropped(), 1'000u);
    // Who waited for the reader would wait for ever; a sanitizer takes a millisecond each.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::minutes(1));
    ::close(reading);  // so that it ends
  }
}

// What a server that crashes leaves in a file, with a secret that it was shown.
std::string core_of(const std::vector<std::string>& flags) {
  const TemporaryDirectory directory;
  std::string command =
      "ulimit -c unlimited; exec " STRANDLINE_PROGRAM " serve --data data --listen 127.0.0.1:0";
  for (const std::string& flag : flags) command += " " + flag;
  Process server({"bash", "-c", command}, "", directory.path().string());
  const std::string line = server.line().value_or("");
  HttpClient client({"127.0.0.1", line.substr(line.rfind(':') + 1)});
  EXPECT_EQ(client.get("/v1/streams?ticket=strt_" + std::string(64, '7')).status, 200u);
  server.signal(SIGABRT);
  EXPECT_EQ(server.wait(), -SIGABRT);
  for (const auto& file : fs::directory_iterator(directory.path())) {
    if (file.path().filename().string().starts_with("core")) return read_file(file.path());
  }
  return "";
}

TEST(CoreDumps, AServerLeavesNoneUnlessItIsToldTo) {
  EXPECT_EQ(core_of({}).size(), 0u);
  if (!text_of("/proc/sys/kernel/core_pattern").starts_with("core")) {
    GTEST_SKIP() << "this machine does not let a test see core dumps: they go elsewhere";
  }
  // A sanitizer writes no core of the memory that it watches.
#ifndef STRANDLINE_SANITIZED
  EXPECT_THAT(core_of({"--core-dumps"}).find(std::string(64, '7')), testing::Ne(std::string::npos));
#endif
}

}  // namespace
}  // namespace strandline::tests
