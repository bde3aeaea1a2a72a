// Requests that another program might read differently, or that are no requests: refused with a
// problem, the connection closed, and nothing behind them looked at. One test a line of the list.
// RFC 9112 unless it says otherwise; the sections stand at the tests.
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class Refused : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<TemporaryDirectory>();
    server_ = std::make_unique<ServerProcess>(*directory_ / "data");
  }
  static void TearDownTestSuite() {
    server_.reset();
    directory_.reset();
  }

  // An append that is good, the bad bytes, and an append that must never be seen: the first is
  // answered, the second refused, the connection closed. And the bad ones alone are refused too.
  static void expect_refused(const std::string& bad, unsigned status,
                             const std::string& type = {}) {
    SCOPED_TRACE(testing::PrintToString(bad.substr(0, 300)));
    HttpClient client = server_->client();
    client.write(append_to("good") + bad + append_to("smuggled"));
    const Response good = client.read_response();
    EXPECT_EQ(good.status, 201u) << good.body;
    expect_last(client, status, type);

    HttpClient alone = server_->client();
    alone.write(bad);
    expect_last(alone, status, type);
    EXPECT_EQ(server_->client().get("/v1/streams/smuggled").status, 404u);
  }
  // A request for / with these lines, and a body that is an append where the framing is misread.
  static void expect_fields_refused(const std::string& lines, unsigned status = 400) {
    expect_refused(
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n" + append_to("smuggled"),
        status);
  }
  // The same as a POST that has just this Content-Length or Transfer-Encoding.
  static void expect_chunks_refused(const std::string& chunks, unsigned status = 400) {
    expect_refused(
        "POST /v1/streams/smuggled/events HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
            chunks,
        status);
  }
  static void expect_taken(const std::string& request, unsigned status) {
    HttpClient client = server_->client();
    client.write(request + append_to("good"));
    EXPECT_EQ(client.read_response().status, status) << testing::PrintToString(request);
    EXPECT_EQ(client.read_response().status, 201u) << testing::PrintToString(request);
  }

 private:
  static std::string append_to(const std::string& stream) {
    return HttpClient::request("POST", "/v1/streams/" + stream + "/events", R"({"type":"t"})",
                               {{"Content-Type", "application/json"}});
  }
  static void expect_last(HttpClient& client, unsigned status, const std::string& type) {
    const Response response = client.read_response();
    expect_problem(response, status);
    EXPECT_EQ(response.header("connection"), "close");
    if (!type.empty()) {
      EXPECT_EQ(response.json()["type"].str(), "urn:strandline:problem:" + type);
    }
    EXPECT_TRUE(client.closed());
  }

  static inline std::unique_ptr<TemporaryDirectory> directory_;
  static inline std::unique_ptr<ServerProcess> server_;
};

// --- How a body ends: sections 6.1 to 6.3.

TEST_F(Refused, TransferEncodingBesideContentLength) {
  expect_fields_refused("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n");
  expect_fields_refused("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
  expect_fields_refused("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n");
  expect_fields_refused("Transfer-Encoding: identity\r\nContent-Length: 5\r\n");
  expect_fields_refused("Content-Length: 0\r\nTransfer-Encoding:\r\n");
}

TEST_F(Refused, TransferCodingsThatLookLikeChunked) {
  for (const char* coding :
       {"xchunked", "chunkedx", "chunked;x", "chunked; q=1", "chunked, chunked", "chunked, gzip",
        "chunked,", ",chunked", "x, chunked", "\"chunked\"", "'chunked'", "chunk ed", "identity",
        "identity, chunked", "", "gzip;q=1, chunked", "\x63hunked\x80"}) {
    expect_fields_refused(std::string("Transfer-Encoding: ") + coding + "\r\n");
  }
}

TEST_F(Refused, MoreThanOneTransferEncoding) {
  expect_fields_refused("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n");
  expect_fields_refused("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n");
  expect_fields_refused("Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n");
}

TEST_F(Refused, TransferCodingsThatAreNotThere) {
  for (const char* coding : {"gzip", "gzip, chunked", "deflate", "x-compress, Chunked", "GZIP"}) {
    expect_fields_refused(std::string("Transfer-Encoding: ") + coding + "\r\n", 501);
  }
}

TEST_F(Refused, TransferEncodingInHttp10) {
  expect_refused("POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}

TEST_F(Refused, EqualContentLengthsTwice) {
  expect_fields_refused("Content-Length: 0\r\nContent-Length: 0\r\n");
  expect_fields_refused("Content-Length: 0, 0\r\n");
}

TEST_F(Refused, DifferentContentLengths) {
  expect_fields_refused("Content-Length: 0\r\nContent-Length: 5\r\n");
  expect_fields_refused("Content-Length: 5,0\r\n");
}

TEST_F(Refused, ContentLengthsThatAreNoNumber) {
  for (const char* length :
       {"+5", "-5", "-0", " ", "5 5", "0x5", "5.0", "5e0", "5;", "5_0", "\"5\"", "\xd9\xa5", "5\t5",
        "18446744073709551616", "99999999999999999999", "100000000000000000000000000005"}) {
    expect_fields_refused(std::string("Content-Length: ") + length + "\r\n");
  }
}

// --- Lines: sections 2.2 and 5.

TEST_F(Refused, FoldedFields) {  // 5.2
  expect_fields_refused("X-A: b\r\n c\r\n");
  expect_fields_refused("X-A: b\r\n\tc\r\n");
  expect_fields_refused("Transfer-Encoding:\r\n chunked\r\n");
  expect_refused("GET / HTTP/1.1\r\n Host: localhost\r\nHost: localhost\r\n\r\n", 400);
}

TEST_F(Refused, WhiteSpaceBeforeTheColon) {  // 5.1
  expect_fields_refused("Content-Length : 5\r\n");
  expect_fields_refused("Transfer-Encoding\t: chunked\r\n");
}

TEST_F(Refused, NamesThatAreNoTokens) {
  for (const char* line : {": x", "a b: x", "a(b): x", "a\"b: x", "\x80: x", "no colon", "a/b: x",
                           "[: x", "Content-Length\x0b: 5"}) {
    expect_fields_refused(std::string(line) + "\r\n");
  }
}

TEST_F(Refused, ALineFeedAlone) {
  expect_refused("GET / HTTP/1.1\nHost: localhost\n\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: localhost\r\n\n", 400);
  expect_refused("\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400);
}

TEST_F(Refused, ACarriageReturnAlone) {
  expect_fields_refused("X-A: b\rTransfer-Encoding: chunked\r\n");
  expect_fields_refused("X-A: b\r\r\n");
  expect_refused("GET / HTTP/1.1\r\rHost: localhost\r\n\r\n", 400);
  expect_refused("\rGET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400);
}

TEST_F(Refused, ANulAnywhereInAHead) {
  using namespace std::string_literals;
  expect_fields_refused("X-A: b\0c\r\n"s);
  expect_fields_refused("X-\0A: b\r\n"s);
  expect_refused("GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"s, 400);
  expect_refused("\0GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"s, 400);
}

TEST_F(Refused, ControlCharactersInValues) {
  for (char c = 1; c < 0x20; ++c) {
    if (c == '\t' || c == '\n') continue;
    expect_fields_refused(std::string("X-A: b") + c + "c\r\n");
  }
  expect_fields_refused("X-A: \x7f\r\n");
  expect_fields_refused(
      "Transfer-Encoding: \x0b"
      "chunked\r\n");
}

TEST_F(Refused, MoreThanOneEmptyLineBeforeARequest) {
  expect_refused("\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400);
}

// --- The request line: section 3.

TEST_F(Refused, WhiteSpaceInTheRequestLine) {
  for (const char* line : {"GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1",
                           "GET / HTTP/1.1 ", "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1",
                           "GET / a HTTP/1.1", "GET /a\x0b HTTP/1.1", "GET / "}) {
    expect_refused(std::string(line) + "\r\nHost: localhost\r\n\r\n", 400);
  }
}

TEST_F(Refused, WhatIsNoRequestLine) {
  for (const char* line :
       {"GET /", "GET", "complete nonsense", "GET / HTTP/1", "GET / http/1.1", "GET / HTTP/11",
        "GET / HTTP/1.1.1", "GET / HTTP/+1.1", "GET / XTTP/1.1"}) {
    expect_refused(std::string(line) + "\r\nHost: localhost\r\n\r\n", 400);
  }
  expect_refused("\x16\x03\x01\x02", 400);  // TLS, which never sends a line end
}

TEST_F(Refused, MethodsThatAreNoTokens) {
  for (const char* method : {"G(T", "GET,", "\"GET\"", "G\x80T", "G\x01T", "GET/", "{GET}"}) {
    expect_refused(std::string(method) + " / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400);
  }
}

TEST_F(Refused, MethodsThatAreNotThere) {  // RFC 9110, section 15.6.2
  for (const char* method : {"BREW", "get", "GETS", "XPOST", "CONNECT", "PROPFIND", "M-SEARCH"}) {
    expect_refused(std::string(method) + " /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 501,
                   "no-such-method");
  }
}

TEST_F(Refused, VersionsThatAreNotThere) {  // RFC 9110, section 15.6.6
  for (const char* version : {"0.9", "0.1", "2.0", "3.0", "9.9"}) {
    expect_refused(std::string("GET / HTTP/") + version + "\r\nHost: localhost\r\n\r\n", 505);
  }
  expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}

TEST_F(Refused, TargetsThatAreNone) {
  for (const char* target : {"healthz", "*", "/a#b", "/\x80", "/\x7f", "ftp://localhost/", "//",
                             "http://localhost", "localhost:80"}) {
    // (Two slashes are a path, of which there is nothing: 404, and the connection goes on.)
    if (std::string(target) == "//") continue;
    expect_refused(std::string("GET ") + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 400);
  }
}

// --- The authority: sections 3.2 and 3.3; RFC 9110, sections 7.2 and 15.5.20.

TEST_F(Refused, NoHost) {
  expect_refused("GET / HTTP/1.1\r\n\r\n", 400);
  expect_refused("GET http://localhost/ HTTP/1.1\r\n\r\n", 400);
}

TEST_F(Refused, TwoHosts) {
  expect_fields_refused("Host: localhost\r\n");
  expect_fields_refused("host: other\r\n");
  expect_refused("GET / HTTP/1.0\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400);
}

TEST_F(Refused, BadHosts) {
  for (const char* host :
       {"", "a b", "a/b", "user@localhost", "localhost:x", "localhost:80:80", "a,b", "::1", "[::1",
        "localhost\\", "http://localhost", "%6cocalhost", "localhost:123456", ":80", "\xc3\xa9"}) {
    expect_refused(std::string("GET / HTTP/1.1\r\nHost: ") + host + "\r\n\r\n", 400);
  }
}

TEST_F(Refused, ATargetThatIsNotItsHosts) {
  expect_refused("GET http://127.0.0.1/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400);
  expect_refused("GET http://localhost:1/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400);
  expect_refused("GET http://u@localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400);
  expect_refused("GET https://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400);
}

TEST_F(Refused, AnotherAuthority) {
  for (const char* host : {"evil.example", "evil.example:7070", "localhost.evil.example"}) {
    expect_refused(std::string("GET / HTTP/1.1\r\nHost: ") + host + "\r\n\r\n", 421);
  }
  expect_refused("GET http://evil.example/ HTTP/1.0\r\n\r\n", 421);
}

// --- Limits.

TEST_F(Refused, ATargetThatIsTooLong) {
  expect_refused("GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 414);
  expect_refused("GET /" + std::string(100'000, 'a'), 414);  // and no line end
}

TEST_F(Refused, AHeadThatIsTooLarge) {
  expect_fields_refused("X-A: " + std::string(17'000, 'x') + "\r\n", 431);
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X-A: b\r\n";
  expect_fields_refused(many, 431);
  expect_refused("GET / HTTP/1.1\r\nX-A: " + std::string(100'000, 'x'), 431);
}

TEST_F(Refused, ABodyThatIsTooLarge) {
  expect_fields_refused("Content-Length: 1000000000\r\n", 413);
  expect_fields_refused("Content-Length: 18446744073709551599\r\n", 413);
  expect_chunks_refused("2000001\r\n", 413);
  expect_chunks_refused("ffffffffffffffff\r\n", 413);
}

// --- Chunks: section 7.1.

TEST_F(Refused, ChunkSizesThatAreNone) {
  for (const char* size : {"", "x", "-1", "+1", "0x1", " 1", "1 ", "1\t", "1,", "1 2", "g",
                           "00000000000000001", "10000000000000000"}) {
    expect_chunks_refused(std::string(size) + "\r\n");
  }
}

TEST_F(Refused, ChunksWhoseLinesDoNotEndInBoth) {
  expect_chunks_refused("1\n{\r\n0\r\n\r\n");
  expect_chunks_refused("1\r\n{\n0\r\n\r\n");
  expect_chunks_refused("1\r\n{0\r\n\r\n");
  expect_chunks_refused("1\r\n{}\r\n0\r\n\r\n");
  expect_chunks_refused("1;a\rb\r\n{\r\n0\r\n\r\n");
  expect_chunks_refused("0\r\n\n");
}

TEST_F(Refused, ChunkExtensionsThatAreTooLongOrNone) {
  expect_chunks_refused("1;" + std::string(20'000, 'x') + "\r\n{\r\n0\r\n\r\n");
  std::string many;
  for (int i = 0; i < 200; ++i) many += "1;extension\r\n \r\n";  // together, and none of them alone
  expect_chunks_refused(many + "0\r\n\r\n");
  expect_chunks_refused("1;a\x01\r\n{\r\n0\r\n\r\n");
  expect_chunks_refused("1 a\r\n{\r\n0\r\n\r\n");
}

TEST_F(Refused, TrailersThatBelongInAHead) {  // RFC 9110, section 6.5.1
  for (const char* line : {"Content-Length: 5", "transfer-encoding: chunked", "Host: localhost",
                           "Connection: close", "Content-Type: text/html", "If-Match: \"0\"",
                           "Authorization: x", "Bad : x", " folded", "no colon", "X: \x01"}) {
    expect_chunks_refused("2\r\n{}\r\n0\r\n" + std::string(line) + "\r\n\r\n");
  }
  expect_chunks_refused("2\r\n{}\r\n0\r\nX: " + std::string(5'000, 'x') + "\r\n\r\n");
}

// --- And what is unusual but right is taken.

TEST_F(Refused, IsNothingThatIsRight) {
  const auto get = [](const std::string& lines) {
    return "GET /healthz HTTP/1.1\r\n" + lines + "\r\n";
  };
  expect_taken(get("Host: localhost\r\n"), 200);
  expect_taken("\r\n" + get("hOST:localhost:7070\r\n"), 200);
  expect_taken(get("Host:\t [::1]:1 \t\r\nX-Empty:\r\nX-Text: \xc3\xa9 \"a, b\"\r\n"), 200);
  expect_taken(get("Host: my.localhost\r\nContent-Length: 0005\r\n") + "     ", 200);
  expect_taken(get("Host: localhost\r\nTransfer-Encoding: CHUNKED\r\n") +
                   "00001;a=b;c=\"d e\"\r\nx\r\n0;z\r\nX-Trailer: y\r\n\r\n",
               200);
  expect_taken("GET http://LOCALHOST:80/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200);
  expect_taken("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200);
  expect_taken("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 204);
  expect_taken("GET // HTTP/1.1\r\nHost: localhost\r\n\r\n", 404);
  expect_taken("PATCH /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 405);
  expect_taken("TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404);
}

TEST(ServedNames, AreTakenWhereTheyAreConfigured) {
  const TemporaryDirectory directory;
  ServerProcess server(directory / "data", {"--authorities", "log.example.org,db:7070"});
  const auto status = [&](const std::string& host) {
    HttpClient client = server.client();
    client.write("GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    return client.read_response().status;
  };
  for (const char* own : {"log.example.org", "LOG.example.org:80", "db:7070", "localhost",
                          "127.0.0.1", "[::1]:7070"}) {
    EXPECT_EQ(status(own), 200u) << own;
  }
  for (const char* other : {"example.org", "db", "db:7071", "log.example.org.evil.example"}) {
    EXPECT_EQ(status(other), 421u) << other;
  }
  const Outcome bad = strandline({"serve", "--data", (directory / "other").string(), "--listen",
                                  "127.0.0.1:0", "--authorities", "a b"});
  EXPECT_NE(bad.exit, 0);
  EXPECT_THAT(bad.errors, testing::HasSubstr("a b"));
}

TEST(ServedNames, AreAllThatThereAreWhereOthersCanConnectAndNoneIsConfigured) {
  const TemporaryDirectory directory;
  Process server({STRANDLINE_PROGRAM, "serve", "--data", (directory / "data").string(), "--listen",
                  "0.0.0.0:0", "--insecure"});
  std::string line;
  while (!line.starts_with("listening on")) line = server.line().value();
  HttpClient client(Address{"127.0.0.1", line.substr(line.rfind(':') + 1)});
  client.write("GET /healthz HTTP/1.1\r\nHost: any.example\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200u);
}

}  // namespace
}  // namespace strandline::tests
