// What is promised over TCP is promised over TLS, to real programs: openssl(1), curl (scanners:
// tls_scan_test.cc). Only what is modern is agreed on, a handshake costs the others nothing, and a
// certificate is renewed under the connections that are open.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/http/certificates.h"
#include "tests/support/http/server_test.h"
#include "tests/support/http/tight_server.h"
#include "tests/support/process/held_port.h"
#include "tests/support/process/process_facts.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> tls_flags(const CertificatePair& pair) {
  return {"--tls-cert", pair.certificate, "--tls-key", pair.key};
}

class Tls : public ::testing::Test {
 protected:
  Tls() : authority_(directory_.path()), pair_(authority_.issue("server")) {}

  ServerProcess serve(std::vector<std::string> flags = {}) const {
    const auto tls = tls_flags(pair_);
    flags.insert(flags.begin(), tls.begin(), tls.end());
    return ServerProcess(directory_ / "data", flags);
  }
  // What openssl(1) says of a connection with these flags.
  static std::string s_client(const Address& address, std::vector<std::string> flags,
                              const std::string& input = "Q\n") {
    std::vector<std::string> all = {"timeout",  "20",       "openssl",
                                    "s_client", "-connect", address.host + ":" + address.port};
    all.insert(all.end(), flags.begin(), flags.end());
    const Outcome outcome = run(all, input);
    return outcome.output + outcome.errors;
  }
  Outcome curl(std::vector<std::string> flags) const {
    std::vector<std::string> all = {"curl", "-sS", "--http1.1", "--cacert", authority_.file()};
    all.insert(all.end(), flags.begin(), flags.end());
    return run(all);
  }

  TemporaryDirectory directory_;
  TestAuthority authority_;
  CertificatePair pair_;
};

TEST_F(Tls, OpensslAgreesOnWhatIsModernAndOnNothingElse) {
  const ServerProcess server = serve();
  const Address& at = server.address();
  ASSERT_TRUE(at.tls);
  const std::string ca = authority_.file();
  // The server's tickets come behind its handshake, and before its answer.
  const std::string now =
      s_client(at, {"-CAfile", ca, "-verify_return_error", "-alpn", "http/1.1", "-ign_eof"},
               "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(now, HasSubstr("New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256"));
  EXPECT_THAT(now, HasSubstr("Verify return code: 0 (ok)"));
  EXPECT_THAT(now, HasSubstr("ALPN protocol: http/1.1"));
  EXPECT_THAT(now, HasSubstr("Compression: NONE"));
  EXPECT_THAT(now, HasSubstr("Max Early Data: 0"));
  const std::string before = s_client(at, {"-CAfile", ca, "-tls1_2"});
  EXPECT_THAT(before, HasSubstr("New, TLSv1.2, Cipher is ECDHE-ECDSA-AES"));
  for (const std::vector<std::string>& old :
       {std::vector<std::string>{"-tls1_1", "-cipher", "ALL@SECLEVEL=0"},
        {"-tls1", "-cipher", "ALL@SECLEVEL=0"},
        {"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"},
        {"-tls1_2", "-cipher", "AES128-GCM-SHA256"},
        {"-tls1_2", "-cipher", "NULL:aNULL@SECLEVEL=0"}}) {
    EXPECT_THAT(s_client(at, old), HasSubstr("Cipher is (NONE)")) << old[0] << " " << old.back();
  }
  EXPECT_THAT(s_client(at, {"-alpn", "h2"}), HasSubstr("alert no application protocol"));
  // `R` asks for a renegotiation.
  EXPECT_THAT(s_client(at, {"-tls1_2"}, "R\n"), HasSubstr("no renegotiation"));
}

TEST_F(Tls, SessionsAreResumedByTickets) {
  const ServerProcess server = serve();
  const std::string session = (directory_ / "session").string();
  const std::string request =
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const std::string first =
        s_client(server.address(), {version, "-ign_eof", "-sess_out", session}, request);
    EXPECT_THAT(first, HasSubstr("New, TLSv1"));
    EXPECT_THAT(first, HasSubstr("HTTP/1.1 200"));
    const std::string again =
        s_client(server.address(), {version, "-ign_eof", "-sess_in", session}, request);
    EXPECT_THAT(again, HasSubstr("Reused, TLSv1")) << version;
    EXPECT_THAT(again, HasSubstr("HTTP/1.1 200")) << version;
  }
}

TEST_F(Tls, CurlAppendsAndReadsAndVerifies) {
  const ServerProcess server = serve();
  const std::string url = server.address().url() + "/v1/streams/s/events";
  const Outcome appended = curl({"-d", R"({"type":"t","data":"over TLS"})", url});
  EXPECT_THAT(appended.output, HasSubstr("\"first\":0")) << appended.errors;
  EXPECT_THAT(curl({url}).output, HasSubstr("over TLS"));
  EXPECT_EQ(run({"curl", "-sS", url}).exit, 60) << "it was trusted without its CA";
  EXPECT_EQ(curl({"--resolve", "other.example:" + server.address().port + ":127.0.0.1",
                  "https://other.example:" + server.address().port + "/healthz"})
                .exit,
            60)
      << "by a name that the certificate does not have";
}

TEST_F(Tls, LargeBodiesAndAnswersPassWholeThroughReadersThatAreSlow) {
  ServerProcess server = serve();
  HttpClient client = server.client();
  std::string events;
  for (int i = 0; i < 3'000; ++i) {
    events += R"({"type":"t","data":")" + std::to_string(i) + std::string(1'000, 'x') + "\"}\n";
  }
  const Response appended = client.post("/v1/streams/s/events", events, "application/x-ndjson");
  ASSERT_EQ(appended.status, 201u) << appended.body;
  // Asked for several times before anything is read: more than the socket's buffers hold.
  constexpr int kPages = 4;
  for (int i = 0; i < kPages; ++i) {
    client.write(HttpClient::request("GET", "/v1/streams/s/events?limit=10000"));
  }
  std::string first;
  for (int i = 0; i < kPages; ++i) {
    const Response page = client.read_response();
    ASSERT_EQ(page.status, 200u);
    EXPECT_GT(page.body.size(), size_t{3'000'000});
    if (i == 0) first = page.body;
    EXPECT_TRUE(page.body == first) << i;
  }
  for (const char* place : {"0xxx", "1499xxx", "2999xxx"}) {
    EXPECT_THAT(first.find(std::string(":\"") + place), Not(std::string::npos)) << place;
  }
  EXPECT_EQ(client.get("/healthz").status, 200u);
}

TEST_F(Tls, RequestsComeInAnyPieces) {
  const ServerProcess server = serve();
  HttpClient client = server.client();
  const std::string append = HttpClient::request("POST", "/v1/streams/s/events", R"({"type":"t"})",
                                                 {{"Content-Type", "application/json"}});
  // A byte a record, and many requests in one.
  for (const char& byte : append) client.write(std::string_view(&byte, 1));
  std::string many;
  for (int i = 0; i < 100; ++i) many += append;
  client.write(many);
  for (uint64_t i = 0; i <= 100; ++i) {
    const Response response = client.read_response();
    ASSERT_EQ(response.status, 201u) << response.body;
    EXPECT_EQ(response.json()["first"].number(), i);
  }
  // What is said to be the last of a connection is answered, and then TLS is ended, too.
  client.write(HttpClient::request("GET", "/healthz", "", {{"Connection", "close"}}));
  EXPECT_EQ(client.read_response().status, 200u);
  EXPECT_TRUE(client.closed());
}

TEST_F(Tls, AFollowerResumesBehindAKill) {
  const HeldPort port;
  const auto start = [&] {
    return std::make_unique<ServerProcess>(directory_ / "data", tls_flags(pair_),
                                           port.address().port);
  };
  auto server = start();
  const auto append = [&](uint64_t first, uint64_t count) {
    const Response response =
        server->client().post("/v1/streams/s/events", json_events("s", first, count));
    ASSERT_EQ(response.status, 201u) << response.body;
  };
  std::string last;
  uint64_t next = 0;
  for (int life = 0; life < 3; ++life) {
    append(next, 20);
    Headers headers = {{"Accept", "text/event-stream"}};
    if (!last.empty()) headers.emplace_back("Last-Event-ID", last);
    HttpStream stream(server->address(), "/v1/streams/s/events?from=earliest", headers);
    for (int i = 0; i < 20; ++i, ++next) {
      const SseBlock event = next_event(stream);
      EXPECT_EQ(event.id, std::to_string(next));
      last = event.id;
    }
    server->kill();
    EXPECT_THROW(while (next_block(stream)){}, ConnectionLost) << "the stream seems to have ended";
    server = start();
  }
}

TEST_F(Tls, AStreamThatEndsSaysSo) {
  ServerProcess server = serve();
  ASSERT_EQ(server.client().post("/v1/streams/s/events", R"({"type":"t"})").status, 201u);
  HttpStream stream(server.address(), "/v1/streams/s/events?follow=true",
                    {{"Accept", "application/x-ndjson"}});
  ASSERT_TRUE(stream.line());
  server.process().signal(SIGTERM);
  while (stream.line()) {
  }
  EXPECT_EQ(server.process().wait(), 0);
}

// --- The wrong protocol.

TEST_F(Tls, ARequestInClearIsAnsweredInClear) {
  const ServerProcess server = serve();
  Address clear = server.address();
  clear.tls = false;
  for (const char* method : {"GET", "POST", "DELETE"}) {
    const Response response = HttpClient(clear).send(method, "/v1/streams/s/events");
    expect_problem(response, 400);
    EXPECT_THAT(response.body, HasSubstr("https://"));
  }
  EXPECT_EQ(server.client().get("/healthz").status, 200u);
}

TEST_F(Tls, TlsToAnAddressInClearIsAnsweredAtOnce) {
  const ServerProcess server(directory_ / "data");
  Address tls = server.address();
  tls.tls = true;
  EXPECT_THROW(HttpClient{tls}, ConnectionLost);
  HttpClient client = server.client();
  client.write(std::string("\x16\x03\x01\x02\x00\x01\n", 7));
  const Response response = client.read_response();
  EXPECT_EQ(response.status, 400u);
  EXPECT_THAT(response.body, HasSubstr("begin TLS"));
  EXPECT_TRUE(client.closed());
}

// --- Handshakes.

class SlowTls : public TightServer {
 protected:
  SlowTls() : authority_(directory().path()), pair_(authority_.issue("server")) {}

  void serve(server::ServerOptions options) {
    auto tls = server::TlsContext::open({.certificate = pair_.certificate, .key = pair_.key});
    ASSERT_TRUE(tls) << tls.error().message;
    options.threads = 1;
    start(options, std::move(*tls));
  }
  Address clear() const { return {address().host, address().port}; }

  TestAuthority authority_;
  const CertificatePair pair_;
};

TEST_F(SlowTls, AHandshakeHasADeadlineAndKeepsNobodyWaiting) {
  serve({.handshake_timeout_ms = 400});
  std::vector<HttpClient> silent;
  for (int i = 0; i < 50; ++i) silent.emplace_back(clear());
  HttpClient dribbling(clear());
  // A handshake's record of 512 bytes, of which one comes now.
  dribbling.write(std::string("\x16\x03\x01\x02\x00\x01", 6));
  // On the one thread that all share.
  EXPECT_EQ(client().get("/healthz").status, 200u);
  for (HttpClient& one : silent) EXPECT_TRUE(one.closed());
  EXPECT_TRUE(dribbling.closed());
  EXPECT_THAT(client().get("/metrics").body, HasSubstr("strandline_http_timeouts_total 51"));
}

TEST_F(SlowTls, HandshakesCountAgainstTheConnections) {
  serve({.connections_max = 3, .handshake_timeout_ms = 60'000});
  std::vector<HttpClient> silent;
  for (int i = 0; i < 3; ++i) silent.emplace_back(clear());
  EXPECT_THROW(
      {
        for (int i = 0; i < 3; ++i) HttpClient{address()};
      },
      ConnectionLost);
  silent.clear();
  EXPECT_TRUE(eventually([&] {
    try {
      return client().get("/healthz").status == 200;
    } catch (const ConnectionLost&) {
      return false;
    }
  }));
}

TEST_F(SlowTls, AServerThatDrainsWaitsForNoHandshake) {
  serve({.handshake_timeout_ms = 60'000, .drain_timeout_ms = 60'000});
  HttpClient silent(clear());
  ASSERT_EQ(client().get("/healthz").status, 200u);
  server_->drain();
  EXPECT_TRUE(silent.closed());
  server_->run();
}

// --- Certificates and keys.

TEST_F(Tls, ANewCertificateIsUsedWithoutDroppingAConnection) {
  ServerProcess server = serve();
  const Address& at = server.address();
  const auto subject = [&] { return s_client(at, {}); };
  HttpStream open(at, "/v1/all/events?follow=true", {{"Accept", "application/x-ndjson"}});
  EXPECT_THAT(subject(), HasSubstr("subject=CN = server\n"));

  const CertificatePair next = authority_.issue("next");
  // The key first: for a moment the two do not fit.
  std::filesystem::rename(next.key, pair_.key);
  EXPECT_TRUE(eventually([&] {
    return server.process().errors().contains("goes on with the certificate from before");
  }));
  EXPECT_THAT(server.process().errors(), HasSubstr("it is not the key of the certificate"));
  EXPECT_THAT(subject(), HasSubstr("subject=CN = server\n"));
  std::filesystem::rename(next.certificate, pair_.certificate);
  EXPECT_TRUE(eventually([&] { return subject().contains("subject=CN = next\n"); }));
  EXPECT_THAT(server.process().errors(), HasSubstr("TLS has a new certificate, good until"));

  // A bad pair changes nothing.
  write_file(pair_.certificate, "no certificate");
  EXPECT_TRUE(eventually(
      [&] { return server.process().errors().contains("there is no certificate in PEM in it"); }));
  EXPECT_THAT(subject(), HasSubstr("subject=CN = next\n"));

  ASSERT_EQ(server.client().post("/v1/streams/s/events", R"({"type":"t"})").status, 201u);
  EXPECT_TRUE(open.line()) << "the connection from before was dropped";
}

TEST_F(Tls, WhatCannotBeUsedIsRefusedBeforeALogIsMade) {
  const CertificatePair other = authority_.issue("other");
  const std::string loose = (directory_ / "loose.key").string();
  std::filesystem::copy(pair_.key, loose);
  std::filesystem::permissions(loose, std::filesystem::perms(0644));
  const std::string locked = (directory_ / "locked.key").string();
  ASSERT_EQ(
      run({"openssl", "ec", "-in", pair_.key, "-aes256", "-passout", "pass:secret", "-out", locked})
          .exit,
      0);
  const std::string empty = (directory_ / "empty.key").string();
  write_file(empty, "no key");
  std::filesystem::permissions(empty, std::filesystem::perms(0600));
  const std::string missing = (directory_ / "missing.pem").string();
  using Flags = std::vector<std::string>;
  const std::pair<Flags, std::string> wrong[] = {
      {{"--tls-cert", missing, "--tls-key", pair_.key}, missing + ": No such file"},
      {{"--tls-cert", pair_.certificate, "--tls-key", missing}, missing + ": No such file"},
      {{"--tls-cert", pair_.certificate, "--tls-key", other.key}, "it is not the key of"},
      {{"--tls-cert", pair_.certificate, "--tls-key", loose}, "chmod 600 " + loose},
      {{"--tls-cert", pair_.certificate, "--tls-key", locked}, "it needs a passphrase"},
      {{"--tls-cert", pair_.key, "--tls-key", pair_.key}, "there is no certificate in PEM"},
      {{"--tls-cert", pair_.certificate, "--tls-key", empty}, "no private key in PEM"},
      {{"--tls-cert", directory_.path().string(), "--tls-key", pair_.key}, "it is not a file"},
      {{"--tls-cert", pair_.certificate}, "--tls-key FILE"},
      {{"--tls-key", pair_.key}, "--tls-cert FILE"},
      {{"--tls-client-ca", authority_.file()}, "--tls-cert FILE"},
      {{"--listen", "https://127.0.0.1:0"}, "needs a certificate: --tls-cert FILE"}};
  const std::string data = (directory_ / "data").string();
  for (const auto& [flags, why] : wrong) {
    Flags all = {"timeout", "60", STRANDLINE_PROGRAM, "serve",
                 "--data",  data, "--listen",         "127.0.0.1:0"};
    all.insert(all.end(), flags.begin(), flags.end());
    const Outcome outcome = run(all);
    EXPECT_EQ(outcome.exit, 2) << flags[1];
    EXPECT_THAT(outcome.errors, HasSubstr(why));
    EXPECT_FALSE(std::filesystem::exists(data)) << flags[1];
  }
}

TEST_F(Tls, ACertificateThatHasExpiredIsServedWithAWarning) {
  pair_ = authority_.issue("old", "IP:127.0.0.1", -1);
  ServerProcess server = serve();
  EXPECT_TRUE(eventually([&] { return server.process().errors().contains("has expired"); }));
  EXPECT_EQ(server.client().get("/healthz").status, 200u);
  EXPECT_EQ(curl({server.address().url() + "/healthz"}).exit, 60);
}

TEST_F(Tls, ClientsShowACertificateWhereItIsAskedFor) {
  TestAuthority others(directory_.path(), "others");
  const CertificatePair friendly = authority_.issue("friendly"), foreign = others.issue("foreign");
  const ServerProcess server = serve({"--tls-client-ca", authority_.file()});
  const std::string url = server.address().url() + "/healthz";
  for (const char* version : {"1.2", "1.3"}) {
    const std::vector<std::string> only = {"--tls-max", version, url};
    const auto with = [&](const CertificatePair& pair) {
      std::vector<std::string> all = {"--cert", pair.certificate, "--key", pair.key};
      all.insert(all.end(), only.begin(), only.end());
      return curl(all).exit;
    };
    EXPECT_EQ(with(friendly), 0) << version;
    EXPECT_NE(with(foreign), 0) << version;
    EXPECT_NE(curl(only).exit, 0) << version;
  }
}

// --- What it costs, and what a scanner says.

TEST_F(Tls, AnIdleFollowerTakesAtMost40KiB) {
#ifdef STRANDLINE_SANITIZED
  GTEST_SKIP() << "this machine does not let memory be measured: a sanitizer is in it";
#endif
  ServerProcess server = serve();
  ASSERT_EQ(server.client().post("/v1/streams/s/events", R"({"type":"t"})").status, 201u);
  std::vector<std::unique_ptr<HttpStream>> streams;
  const auto follow = [&](int count) {
    for (int i = 0; i < count; ++i) {
      streams.push_back(std::make_unique<HttpStream>(
          server.address(), "/v1/streams/s/events?follow=true&from=earliest",
          Headers{{"Accept", "application/x-ndjson"}}));
      ASSERT_TRUE(streams.back()->line());
    }
  };
  follow(50);  // what the first ones bring into memory is not theirs
  const size_t before = memory_bytes(server.process().pid());
  constexpr size_t kFollowers = 200;
  follow(kFollowers);
  const size_t each = (memory_bytes(server.process().pid()) - before) / kFollowers;
  RecordProperty("bytes_each", static_cast<int>(each));
  EXPECT_LE(each, size_t{40} << 10);
}

}  // namespace
}  // namespace strandline::tests
