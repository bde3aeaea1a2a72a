// A server listens on several addresses at once, each with or without TLS, and on Unix sockets; and
// every command of the command line reaches it by each.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "server/connection/binding.h"
#include "tests/support/http/certificates.h"
#include "tests/support/http/server_test.h"
#include "tools/base/url.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Arguments = std::vector<std::string>;

class Listening : public ::testing::Test {
 protected:
  Listening() : authority_(directory_.path()), pair_(authority_.issue("server")) {}

  // A server, and the URLs that it says, of as many addresses as it is given.
  std::unique_ptr<Process> serve(const Arguments& addresses, Arguments flags = {}) {
    Arguments all = {STRANDLINE_PROGRAM, "serve", "--data", (directory_ / "data").string()};
    for (const std::string& address : addresses) all.insert(all.end(), {"--listen", address});
    all.insert(all.end(), flags.begin(), flags.end());
    auto process = std::make_unique<Process>(all);
    urls_.clear();
    for (size_t i = 0; i < addresses.size(); ++i) {
      const auto line = process->line();
      if (!line) throw std::runtime_error(process->errors());
      urls_.push_back(line->substr(std::string("listening on ").size()));
    }
    return process;
  }
  Arguments tls() const { return {"--tls-cert", pair_.certificate, "--tls-key", pair_.key}; }
  std::string socket() const { return (directory_ / "s.sock").string(); }

  TemporaryDirectory directory_;
  TestAuthority authority_;
  const CertificatePair pair_;
  Arguments urls_;
};

TEST_F(Listening, OnSeveralAddressesAndEveryCommandReachesEach) {
  const auto server = serve(
      {"127.0.0.1:0", "http://127.0.0.1:0", "https://localhost:0", "unix:" + socket()}, tls());
  ASSERT_THAT(urls_[0], testing::StartsWith("https://127.0.0.1:"));
  ASSERT_THAT(urls_[1], testing::StartsWith("http://127.0.0.1:"));
  ASSERT_THAT(urls_[2], testing::StartsWith("https://"));
  ASSERT_EQ(urls_[3], "unix:" + socket());
  const auto lines = (directory_ / "lines").string();
  write_file(lines, "a\nb\n");
  for (size_t i = 0; i < urls_.size(); ++i) {
    const std::string s = "s" + std::to_string(i);
    for (const Arguments& arguments : {Arguments{"append", s},
                                       {"read", s},
                                       {"export", s},
                                       {"tail", s, "--limit", "1"},
                                       {"streams"},
                                       {"streams", "show", s},
                                       {"consumers", "create", "c" + s, s},
                                       {"import", lines, "--stream", "t" + s, "--text"},
                                       {"stats"}}) {
      Arguments all = arguments;
      all.insert(all.end(), {"--server", urls_[i]});
      if (urls_[i].starts_with("https")) all.insert(all.end(), {"--ca", authority_.file()});
      const Outcome outcome = strandline(all, "one\n");
      EXPECT_EQ(outcome.exit, 0) << urls_[i] << " " << arguments[0] << ": " << outcome.errors;
    }
  }
  EXPECT_EQ(run({"curl", "-sS", "--unix-socket", socket(), "http://localhost/healthz"}).exit, 0);
}

TEST_F(Listening, ByTheFileAndTheEnvironmentToo) {
  write_file(directory_ / "list.toml",
             "[serve]\nlisten = [\"127.0.0.1:0\", \"unix:" + socket() + "\"]\n");
  const Outcome by_file =
      strandline({"serve", "--config", (directory_ / "list.toml").string(), "--print-config"});
  EXPECT_THAT(by_file.output, HasSubstr("listen = \"127.0.0.1:0,unix:" + socket() + "\""));
  const Outcome by_variable = run({"env", "STRANDLINE_LISTEN=127.0.0.1:0, unix:" + socket(),
                                   STRANDLINE_PROGRAM, "serve", "--print-config"});
  EXPECT_EQ(by_variable.exit, 0) << by_variable.errors;
  write_file(directory_ / "bad.toml", "[serve]\nlisten = [1]\n");
  EXPECT_EQ(
      strandline({"serve", "--config", (directory_ / "bad.toml").string(), "--print-config"}).exit,
      2);
}

// --- Unix sockets.

TEST_F(Listening, AUnixSocketIsItsGroupsAndGoesWithItsServer) {
  const std::string path = socket();
  const auto server = serve({"unix:" + path});
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 07777, mode_t{0660});
  server->signal(SIGTERM);
  EXPECT_EQ(server->wait(), 0);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(Listening, WhatAKilledServerLeftIsReplacedAndNothingElseIs) {
  const std::string path = socket();
  auto server = serve({"unix:" + path});
  server->kill_and_wait();
  ASSERT_TRUE(fs::exists(path));
  server = serve({"unix:" + path});
  EXPECT_EQ(strandline({"streams", "--server", "unix:" + path}).exit, 0);
  // One that somebody listens on.
  const auto start_at = [&](const std::string& address) {
    return run({"timeout", "60", STRANDLINE_PROGRAM, "serve", "--data",
                (directory_ / "two").string(), "--listen", address});
  };
  const Outcome second = start_at("unix:" + path);
  EXPECT_EQ(second.exit, 1);
  EXPECT_THAT(second.errors, HasSubstr("another program listens there"));
  EXPECT_EQ(strandline({"streams", "--server", "unix:" + path}).exit, 0);
  // A file that is no socket.
  const auto file = directory_ / "file";
  write_file(file, "mine");
  const Outcome over = start_at("unix:" + file.string());
  EXPECT_EQ(over.exit, 1);
  EXPECT_EQ(read_file(file), "mine");
  EXPECT_FALSE(fs::exists(directory_ / "two"));
  // Where the name was given to another meanwhile, that one stays.
  fs::remove(path);
  write_file(path, "another's");
  server->signal(SIGTERM);
  EXPECT_EQ(server->wait(), 0);
  EXPECT_EQ(read_file(path), "another's");
}

TEST_F(Listening, AUnixSocketTakesNamesAsALoopbackAddressDoes) {
  const auto server = serve({"unix:" + socket()});
  const auto status = [&](const std::string& url) {
    return run({"curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", socket(),
                url})
        .output;
  };
  EXPECT_EQ(status("http://localhost/healthz"), "200");
  EXPECT_EQ(status("http://log.example.org/healthz"), "421");
}

TEST(ListenAddresses, SayWhatIsSpoken) {
  using Speaks = server::ListenAddress::Speaks;
  EXPECT_EQ(server::parse_listen_address("127.0.0.1:1")->speaks, Speaks::unsaid);
  EXPECT_EQ(server::parse_listen_address("http://127.0.0.1:1")->speaks, Speaks::clear);
  EXPECT_EQ(server::parse_listen_address("https://[::1]:1")->speaks, Speaks::tls);
  EXPECT_EQ(server::parse_listen_address("https://[::1]:1")->tcp.host, "::1");
  EXPECT_EQ(server::parse_listen_address("unix:/a/b")->path, "/a/b");
  for (const std::string& bad :
       {std::string("unix:"), std::string("unix:a"), std::string("unix://a:1"),
        "unix:/" + std::string(200, 'x'), std::string("ftp://a:1"), std::string("https://a"),
        std::string("http://https://a:1"), std::string("https://a:1/x"), std::string("")}) {
    if (bad == "unix://a:1") continue;  // a path, as others have it
    EXPECT_FALSE(server::parse_listen_address(bad)) << bad;
  }
  EXPECT_EQ(tools::Url::parse("https://a")->port, "443");
  EXPECT_TRUE(tools::Url::parse("HTTPS://a:1")->tls);
  EXPECT_EQ(tools::Url::parse("unix:/a/b")->socket, "/a/b");
  EXPECT_FALSE(tools::Url::parse("unix:a"));
}

// --- Whom the command line trusts.

TEST_F(Listening, TheCommandLineTrustsWhoWasNamedForTheNameThatWasAsked) {
  TestAuthority others(directory_.path(), "others");
  const auto server = serve({"127.0.0.1:0", "http://127.0.0.1:0", "127.0.0.2:0"}, tls());
  const std::string port = urls_[0].substr(urls_[0].rfind(':'));
  const auto stats = [&](Arguments flags) {
    flags.insert(flags.begin(), {"stats"});
    return strandline(flags);
  };
  EXPECT_EQ(stats({"--server", urls_[0], "--ca", authority_.file()}).exit, 0);
  EXPECT_EQ(stats({"--server", "https://localhost" + port, "--ca", authority_.file()}).exit, 0);
  const std::pair<Arguments, std::string> refused[] = {
      {{"--server", urls_[0]}, "is not trusted"},
      {{"--server", urls_[0], "--ca", others.file()}, "is not trusted"},
      {{"--server", urls_[2], "--ca", authority_.file()}, "IP address mismatch"},
      {{"--server", urls_[0], "--ca", (directory_ / "none").string()}, "No such file"},
      {{"--server", urls_[0], "--ca", pair_.key}, "there is no certificate in PEM"},
      {{"--server", urls_[0], "--ca", authority_.file(), "--cert", pair_.certificate},
       "--cert FILE --cert-key FILE"},
      {{"--server", "https" + urls_[1].substr(4), "--ca", authority_.file()}, "does not speak TLS"},
      {{"--server", "http" + urls_[0].substr(5)}, "its URL begins with https://"}};
  for (const auto& [flags, why] : refused) {
    const Outcome outcome = stats(flags);
    EXPECT_EQ(outcome.exit, 2) << flags[1] << ": " << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr(why));
  }
  // One that follows does not try again what no waiting makes right.
  EXPECT_EQ(strandline({"tail", "s", "--server", urls_[0]}).exit, 2);
  EXPECT_EQ(run({"env", "STRANDLINE_SERVER=" + urls_[0], "STRANDLINE_CA=" + authority_.file(),
                 STRANDLINE_PROGRAM, "stats"})
                .exit,
            0);
}

TEST_F(Listening, TheCommandLineShowsACertificateWhereItIsAskedFor) {
  const CertificatePair friendly = authority_.issue("friendly");
  Arguments flags = tls();
  flags.insert(flags.end(), {"--tls-client-ca", authority_.file()});
  const auto server = serve({"127.0.0.1:0"}, flags);
  const Arguments with = {"stats", "--server", urls_[0], "--ca", authority_.file()};
  Arguments shown = with;
  shown.insert(shown.end(), {"--cert", friendly.certificate, "--cert-key", friendly.key});
  EXPECT_EQ(strandline(shown).exit, 0);
  const Outcome none = strandline(with);
  EXPECT_EQ(none.exit, 2) << none.errors;
  EXPECT_THAT(none.errors, HasSubstr("certificate required"));
}

}  // namespace
}  // namespace strandline::tests
