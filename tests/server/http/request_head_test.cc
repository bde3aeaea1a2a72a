// The parser of heads and of chunked bodies, without a socket: what it takes, and that it makes no
// difference in which pieces the bytes come. What it refuses is in server_hardening_test.cc.
#include "server/http/request_head.h"

#include <deque>
#include <random>

#include "server/http/authority.h"
#include "server/http/chunked_body.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using server::Framing;
using server::HeadLimits;
using server::HeadScan;
using server::Refusal;
using server::RequestHead;

// As the reader does: bytes come in pieces, until a head has come or is refused.
std::expected<RequestHead, Refusal> parse(const std::string& bytes, size_t piece,
                                          const HeadLimits& limits = {}) {
  HeadScan scan;
  for (size_t have = std::min(piece, bytes.size());; have = std::min(have + piece, bytes.size())) {
    const auto end = server::find_head(std::string_view(bytes).substr(0, have), scan, limits);
    if (!end) return std::unexpected(end.error());
    if (*end) {
      return server::parse_head(std::string_view(bytes).substr(scan.begin, **end - scan.begin),
                                limits);
    }
    if (have == bytes.size()) return std::unexpected(Refusal{0, "incomplete", ""});
  }
}

TEST(RequestHeads, SayWhatTheyHave) {
  const std::string bytes =
      "POST /v1/streams/s/events?durability=accepted HTTP/1.1\r\n"
      "Host: Example.org:8080\r\n"
      "content-LENGTH:  12 \r\n"
      "X-Empty:\r\n"
      "X-Text: \t a b\tc\xc3\xa9 \t\r\n"
      "Expect: 100-continue\r\n"
      "Connection: x, Close\r\n\r\n{\"type\":\"t\"}";
  const auto head = parse(bytes, bytes.size());
  ASSERT_TRUE(head) << head.error().detail;
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->target, "/v1/streams/s/events?durability=accepted");
  EXPECT_EQ(head->authority, "Example.org:8080");
  EXPECT_EQ(head->framing, Framing::sized);
  EXPECT_EQ(head->content_length, 12u);
  EXPECT_TRUE(head->expects_continue);
  EXPECT_FALSE(head->keep_alive);
  EXPECT_EQ(head->fields.size(), 6u);
  EXPECT_EQ(head->fields[3].value, "a b\tc\xc3\xa9");
  EXPECT_EQ(head->fields[2].value, "");
  EXPECT_EQ(head->field(server::Header::content_length), "12");
  EXPECT_FALSE(head->has(server::Header::origin));
}

TEST(RequestHeads, KnowHowABodyEndsAndWhetherTheConnectionGoesOn) {
  std::deque<std::string> kept;
  const auto of = [&kept](const std::string& version, const std::string& fields) {
    return parse(kept.emplace_back("GET / HTTP/" + version + "\r\n" + fields + "\r\n"), 1000)
        .value();
  };
  EXPECT_EQ(of("1.1", "Host: a\r\n").framing, Framing::none);
  EXPECT_EQ(of("1.1", "Host: a\r\nTransfer-Encoding: Chunked\r\n").framing, Framing::chunked);
  EXPECT_EQ(of("1.1", "Host: a\r\nContent-Length: 18446744073709551599\r\n").content_length,
            18446744073709551599u);
  EXPECT_TRUE(of("1.1", "Host: a\r\n").keep_alive);
  EXPECT_FALSE(of("1.1", "Host: a\r\nConnection: a\r\nConnection: CLOSE\r\n").keep_alive);
  EXPECT_FALSE(of("1.0", "").keep_alive);
  EXPECT_TRUE(of("1.0", "Connection: Keep-Alive\r\n").keep_alive);
  EXPECT_TRUE(of("1.0", "").authority.empty());
}

TEST(RequestHeads, TakeTheFormsOfATarget) {
  std::deque<std::string> kept;  // what the heads' views point into
  const auto of = [&kept](const std::string& line) {
    return parse(kept.emplace_back(line + " HTTP/1.1\r\nHost: example.org\r\n\r\n"), 1000);
  };
  EXPECT_EQ(of("GET /a?b=c%20d")->target, "/a?b=c%20d");
  EXPECT_EQ(of("OPTIONS *")->target, "*");
  EXPECT_EQ(of("GET http://EXAMPLE.org:80/a?b")->target, "/a?b");
  EXPECT_EQ(of("GET http://EXAMPLE.org:80/a?b")->authority, "EXAMPLE.org:80");
  for (const char* bad :
       {"GET *", "GET a", "GET example.org:80", "GET http://example.org",
        "GET https://example.org/", "GET http:///", "GET http://u@example.org/"}) {
    ASSERT_FALSE(of(bad)) << bad;
    EXPECT_EQ(of(bad).error().status, 400u) << bad;
  }
}

TEST(RequestHeads, ComeOutTheSameInWhateverPieces) {
  std::mt19937_64 random(seed("RequestHeads"));
  std::string long_field(300, 'n');
  long_field += ": v\r\n";
  const std::vector<std::string> fields = {"Host: a\r\n",
                                           "Content-Length: 5\r\n",
                                           "Transfer-Encoding: chunked\r\n",
                                           "X: y\r\n",
                                           " folded\r\n",
                                           "Bad : x\r\n",
                                           "X: \x01\r\n",
                                           "X: y\n",
                                           "Connection: close\r\n",
                                           "No colon\r\n",
                                           "\r\n",
                                           "Transfer-Encoding: gzip\r\n",
                                           long_field};
  const HeadLimits tight{.head_bytes_max = 400, .request_line_bytes_max = 60, .fields_max = 6};
  size_t taken = 0, refused = 0;
  for (int i = 0; i < 5'000; ++i) {
    std::string bytes = random() % 4 == 0 ? "\r\n" : "";
    bytes += random() % 8 == 0 ? "BREW /" : "GET /";
    bytes += std::string(random() % 8 == 0 ? random() % 100 : 3, 'p') + " HTTP/1.1\r\nHost: b\r\n";
    for (size_t n = random() % 4; n > 0; --n) bytes += fields[random() % fields.size()];
    bytes += "\r\nbehind it";
    if (random() % 8 == 0) bytes[random() % bytes.size()] = static_cast<char>(random());
    const auto whole = parse(bytes, bytes.size(), tight);
    for (const size_t piece : {size_t{1}, 1 + random() % 50}) {
      const auto pieces = parse(bytes, piece, tight);
      ASSERT_EQ(pieces.has_value(), whole.has_value()) << testing::PrintToString(bytes);
      if (whole) {
        EXPECT_EQ(pieces->target, whole->target);
        EXPECT_EQ(pieces->fields.size(), whole->fields.size());
      }
    }
    ++(whole ? taken : refused);
  }
  EXPECT_GT(taken, 100u);
  EXPECT_GT(refused, 100u);
}

TEST(ChunkedBodies, ComeOutTheSameInWhateverPieces) {
  const std::string bytes =
      "5\r\nhello\r\n0001;a=\"b;c\"\r\n \r\nA \t;x\r\n0123456789\r\n"
      "000\r\nX-One: 1\r\nX-Two:\r\n\r\nbehind it";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    server::ChunkedBody chunks(16);
    std::string body;
    size_t at = 0;
    while (!chunks.is_done()) {
      ASSERT_LT(at, bytes.size());
      const auto taken = chunks.take(std::string_view(bytes).substr(at, piece), body);
      ASSERT_TRUE(taken) << taken.error().detail;
      at += *taken;
    }
    EXPECT_EQ(body, "hello 0123456789");
    EXPECT_EQ(bytes.substr(at), "behind it");
  }
}

TEST(ChunkedBodies, HaveALimitOnTheWholeAndNotOnAChunkOnly) {
  server::ChunkedBody chunks(10);
  std::string body;
  ASSERT_TRUE(chunks.take("6\r\nabcdef\r\n", body));
  const auto taken = chunks.take("5\r\n", body);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().status, 413u);
  EXPECT_LE(body.size(), 10u);
  server::ChunkedBody huge(10);
  EXPECT_EQ(huge.take("ffffffffffffffff\r\n", body).error().status, 413u);
}

TEST(Authority, IsANameOrAnAddressPerhapsWithAPort) {
  for (const char* good : {"a", "A.example-1.org", "a_b", "127.0.0.1", "[::1]", "[::1]:80",
                           "a:", "a:65535", "localhost.", "1.2.3"}) {
    EXPECT_TRUE(server::parse_authority(good)) << good;
  }
  for (const char* bad :
       {"", ":80", "a b", "a/b", "u@a", "a,b", "a:b", "a:80:80", "a:123456", "::1", "[::1", "::1]",
        "[]", "[a]", "[::1]x", "[::1]80", "a%41", "\xc3\xa9"}) {
    EXPECT_FALSE(server::parse_authority(bad)) << bad;
  }
}

TEST(Authority, AddressesAndLocalhostAreAlwaysTakenAndNamesWhenTheyAreOurs) {
  const server::Authorities loopback({}, true), open({}, false),
      named({"log.example.org", "db:7070"}, true);
  for (const char* always :
       {"127.0.0.1:7070", "10.0.0.7", "[::1]:1", "localhost", "LocalHost.:80", "my.localhost"}) {
    EXPECT_TRUE(loopback.takes(always)) << always;
    EXPECT_TRUE(open.takes(always)) << always;
    EXPECT_TRUE(named.takes(always)) << always;
  }
  for (const char* other : {"evil.example", "notlocalhost", "localhost.evil.example", "1.2.3.4.5",
                            "127.0.0.1.evil.example"}) {
    EXPECT_FALSE(loopback.takes(other)) << other;
    EXPECT_TRUE(open.takes(other)) << other;
    EXPECT_FALSE(named.takes(other)) << other;
  }
  EXPECT_TRUE(named.takes("LOG.example.org:1234"));
  EXPECT_TRUE(named.takes("db:7070"));
  EXPECT_FALSE(named.takes("db:7071"));
  EXPECT_FALSE(named.takes("db"));
}

TEST(Authority, AnOriginIsOursByHostByAddressOrByName) {
  const server::Authorities loopback({}, true, "127.0.0.1:7070"), other({}, true, "127.0.0.2:7070"),
      everywhere({}, false, "0.0.0.0:7070"), one({}, false, "10.0.0.7:7070"),
      named({"log.example.org", "db:7070"}, true, "127.0.0.1:7070");
  EXPECT_TRUE(loopback.is_own_origin("http://localhost:7070", "127.0.0.1:7070"));
  EXPECT_TRUE(loopback.is_own_origin("http://127.0.0.1:7070", "localhost:7070"));
  EXPECT_TRUE(loopback.is_own_origin("http://my.localhost", "my.localhost:80"));
  EXPECT_FALSE(loopback.is_own_origin("http://my.localhost:7070", "localhost:7070"));
  EXPECT_FALSE(loopback.is_own_origin("http://[::1]:7070", "127.0.0.1:7070"));
  EXPECT_FALSE(other.is_own_origin("http://127.0.0.1:7070", "127.0.0.2:7070"));
  EXPECT_TRUE(everywhere.is_own_origin("http://127.0.0.1:7070", "log:7070"));
  // However an IPv6 address is written.
  const server::Authorities six({"[2001:db8::1]"}, true, "[::1]:7070");
  for (const char* one : {"[::1]:7070", "[0:0:0:0:0:0:0:1]:7070", "[::0001]:7070"}) {
    EXPECT_TRUE(six.is_own_origin(std::string("http://") + one, "localhost:7070")) << one;
    EXPECT_TRUE(six.is_own_origin("http://[0::1]:7070", one)) << one;
    EXPECT_TRUE(everywhere.is_own_origin(std::string("http://") + one, "log:7070")) << one;
  }
  EXPECT_TRUE(six.is_own_origin("https://[2001:DB8:0::1]", "localhost:7070"));
  EXPECT_FALSE(six.is_own_origin("http://[::2]:7070", "[::1]:7070"));
  EXPECT_FALSE(everywhere.is_own_origin("http://log:7070", "log:7070"))
      << "any name may be made to lead here";
  EXPECT_TRUE(everywhere.is_own_origin("http://10.0.0.7:7070", "10.0.0.7:7070"));
  EXPECT_FALSE(everywhere.is_own_origin("http://log:7071", "log:7070"));
  EXPECT_FALSE(one.is_own_origin("http://localhost:7070", "10.0.0.7:7070"));
  EXPECT_TRUE(named.is_own_origin("https://log.example.org", "upstream"));
  EXPECT_FALSE(named.is_own_origin("http://db", "upstream"));
  for (const char* none : {"", "null", "localhost:7070", "https://127.0.0.1:7070", "http://",
                           "http://127.0.0.1:7070/", "http://u@127.0.0.1:7070"}) {
    EXPECT_FALSE(loopback.is_own_origin(none, "127.0.0.1:7070")) << none;
  }
}

TEST(Authority, WhereTlsIsSpokenHttpsIsOursAndItsPortIs443) {
  const server::Authorities tls({}, true, "127.0.0.1:7443", true),
      known({"log.example.org:443"}, false, "10.0.0.7:443", true);
  EXPECT_TRUE(tls.is_own_origin("https://localhost:7443", "127.0.0.1:7443"));
  EXPECT_TRUE(tls.is_own_origin("https://my.localhost", "my.localhost"));
  EXPECT_FALSE(tls.is_own_origin("http://localhost:7443", "127.0.0.1:7443"));
  EXPECT_FALSE(tls.is_own_origin("https://localhost", "127.0.0.1:7443"));
  EXPECT_TRUE(known.is_own_origin("https://10.0.0.7", "log.example.org"));
  EXPECT_TRUE(known.takes("log.example.org"));
  EXPECT_FALSE(known.takes("log.example.org:80"));
}

}  // namespace
}  // namespace strandline::tests
