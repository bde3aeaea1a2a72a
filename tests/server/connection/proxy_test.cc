// The proxies of docs/operating.md, as it configures them, before a real server: events come
// through at once, over HTTP/2, and nothing that the server refuses or takes is changed on the way.
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "tests/support/http/certificates.h"
#include "tests/support/http/server_test.h"
#include "tests/support/process/held_port.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

// The fenced block of a language in docs/operating.md.
std::string block_of(const std::string& language) {
  const std::string page = read_file(fs::path(STRANDLINE_SOURCE_DIR) / "docs/operating.md");
  const std::string fence = "```" + language + "\n";
  const size_t begin = page.find(fence) + fence.size();
  return page.substr(begin, page.find("```", begin) - begin);
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

class Proxies : public ::testing::TestWithParam<const char*> {
 protected:
  Proxies()
      : authority_(directory_.path()),
        pair_(authority_.issue("server")),
        server_(directory_ / "data",
                {"--authorities", "localhost", "--trusted-proxies", "127.0.0.1", "--access-log",
                 (directory_ / "access.log").string()}) {}

  std::string url() const { return "https://localhost:" + port_.address().port; }
  // The document's block, for this test's ports and files.
  std::string configured() const {
    std::string text = block_of(GetParam());
    text = replaced(text, "log.example.org:8443", "localhost:" + port_.address().port);
    text = replaced(text, "8443", port_.address().port);
    text = replaced(text, "server.pem", pair_.certificate);
    text = replaced(text, "server.key", pair_.key);
    return replaced(text, "127.0.0.1:7070", server_.address().host + ":" + server_.address().port);
  }
  // `nginx` and `caddy` as they are started here: nothing outside of the test's directory.
  std::unique_ptr<Process> start() const {
    const std::string here = directory_.path().string();
    const std::string file = (directory_ / "proxy.conf").string();
    if (GetParam() == std::string("nginx")) {
      std::string temporary;
      for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
        temporary += std::string(kind) + "_temp_path " + here + "/" + kind + ";\n";
      }
      write_file(file, "daemon off; pid " + here + "/pid; error_log stderr;\nevents {}\nhttp {\n" +
                           temporary + "access_log off;\n" + configured() + "}\n");
      return std::make_unique<Process>(
          std::vector<std::string>{"nginx", "-e", "stderr", "-p", here, "-c", file, "-g",
                                   ::geteuid() == 0 ? "user root;" : ""});
    }
    write_file(file, "{\nadmin off\nauto_https disable_redirects\n}\n" + configured());
    return std::make_unique<Process>(std::vector<std::string>{
        "env", "HOME=" + here, "XDG_DATA_HOME=" + here, "XDG_CONFIG_HOME=" + here, "caddy", "run",
        "--config", file, "--adapter", "caddyfile"});
  }
  std::vector<std::string> curl(std::vector<std::string> flags) const {
    flags.insert(flags.begin(), {"curl", "-sSN", "--http2", "--cacert", authority_.file()});
    return flags;
  }

  TemporaryDirectory directory_;
  TestAuthority authority_;
  const CertificatePair pair_;
  ServerProcess server_;
  const HeldPort port_;
};

TEST_P(Proxies, PassEventsOnAtOnce) {
  if (run({"bash", "-c", std::string("command -v ") + GetParam()}).exit != 0) {
    GTEST_SKIP() << "this machine does not let " << GetParam() << " run: it is not installed";
  }
  const auto proxy = start();
  ASSERT_TRUE(eventually([&] {
    return run(curl({"-f", url() + "/healthz"})).exit == 0;
  })) << proxy->errors();
  EXPECT_EQ(run(curl({"-o", "/dev/null", "-w", "%{http_version}", url() + "/healthz"})).output,
            "2");
  const std::string events = url() + "/v1/streams/s/events";
  ASSERT_EQ(run(curl({"-f", "-d", R"({"type":"t","data":0})", events})).exit, 0);

  Process follower(curl({"-H", "Accept: text/event-stream", events + "?follow=true"}));
  const auto next_id = [&] {
    while (const auto line = follower.line()) {
      if (line->starts_with("id: ")) return line->substr(4);
    }
    return "the end: " + follower.errors();
  };
  EXPECT_EQ(next_id(), "0");
  for (int i = 1; i < 5; ++i) {
    ASSERT_EQ(run(curl({"-f", "-d", R"({"type":"t"})", events})).exit, 0);
    EXPECT_EQ(next_id(), std::to_string(i)) << "it waits for more before it passes it on";
  }
  // A name with a slash, and an answer that is no success.
  EXPECT_EQ(run(curl({"-f", "-d", R"({"type":"t"})", url() + "/v1/streams/a%2Fb/events"})).exit, 0);
  EXPECT_EQ(server_.client().get("/v1/streams/a%2Fb").status, 200u);
  EXPECT_EQ(run(curl({"-o", "/dev/null", "-w", "%{http_code}", "-H", "Origin: https://evil.example",
                      "-d", R"({"type":"t"})", events}))
                .output,
            "403");
  EXPECT_EQ(run(curl({"-o", "/dev/null", "-w", "%{http_code}", "-H", "Origin: " + url(), "-H",
                      "Content-Type: application/json", "-d", R"({"type":"t"})", events}))
                .output,
            "201")
      << "the proxy's own page is refused";
}

// The proxy says whom it serves, whatever the client says before it; the address here is its own.
TEST_P(Proxies, TellWhomARequestComesFrom) {
  if (run({"bash", "-c", std::string("command -v ") + GetParam()}).exit != 0) {
    GTEST_SKIP() << "this machine does not let " << GetParam() << " run: it is not installed";
  }
  const auto proxy = start();
  ASSERT_TRUE(eventually([&] {
    return run(curl({"-f", url() + "/healthz"})).exit == 0;
  })) << proxy->errors();
  // The proxy is asked from another address of the loopback than it asks from.
  const auto ask = [&](const std::string& path, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--interface", "127.0.0.9", "-4", "-f", url() + path});
    return run(curl(flags)).exit;
  };
  EXPECT_EQ(ask("/v1/streams?prefix=plain", {}), 0);
  EXPECT_EQ(ask("/v1/streams?prefix=forged", {"-H", "X-Forwarded-For: 203.0.113.7"}), 0);
  EXPECT_EQ(ask("/v1/streams?prefix=both",
                {"-H", "X-Forwarded-For: 127.0.0.1", "-H", "Forwarded: for=203.0.113.8"}),
            0);
  const auto client_of = [&](const std::string& path) {
    std::string client;
    eventually([&] {
      std::istringstream lines(read_file(directory_ / "access.log"));
      for (std::string line; std::getline(lines, line);) {
        const Json told = Json::parse(line);
        if (told["path"].str() == path) client = told["client"].str();
      }
      return !client.empty();
    });
    return client;
  };
  EXPECT_EQ(client_of("/v1/streams?prefix=plain"), "127.0.0.9");
  EXPECT_EQ(client_of("/v1/streams?prefix=forged"), "127.0.0.9");
  // A client's Forwarded ends at the proxy, as the page configures it.
  EXPECT_EQ(client_of("/v1/streams?prefix=both"), "127.0.0.9");
}

INSTANTIATE_TEST_SUITE_P(, Proxies, testing::Values("nginx", "caddy"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace strandline::tests
