// Request bodies in gzip: the same as without, on every route that has a body; limited by what they
// unpack to; and what is not whole gzip changes nothing.
#include <zlib.h>

#include "server/http/gunzip.h"
#include "tests/support/http/tight_server.h"

namespace strandline::tests {
namespace {

std::string gzipped(const std::string& text, int window_bits = 15 + 16) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::runtime_error("deflateInit2");
  }
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

class GzipBodies : public TightServer {
 protected:
  static constexpr size_t kBodyBytesMax = 4 << 20;

  GzipBodies() {
    start({.body_bytes_max = kBodyBytesMax, .bodies_bytes_max = 24 << 20});
    client_.emplace(client());
  }
  Response post(const std::string& body, const std::string& coding = "gzip",
                const std::string& type = "application/json",
                const std::string& target = "/v1/streams/s/events") {
    return client_->send("POST", target, body,
                         {{"Content-Type", type}, {"Content-Encoding", coding}});
  }
  uint64_t appended() { return log().durable_next().value; }
  // Lines of about 100 bytes, that take little when packed.
  static std::string lines(size_t bytes) {
    std::string text;
    const std::string line = R"({"type":"t","data":")" + std::string(78, 'x') + "\"}\n";
    while (text.size() + line.size() <= bytes) text += line;
    return text;
  }

  std::optional<HttpClient> client_;
};

TEST_F(GzipBodies, AreTakenInEveryForm) {
  const std::string json = R"({"type":"t","id":"7","data":{"a":1}})";
  for (const char* coding : {"gzip", "GZip", "x-gzip", "X-GZIP"}) {
    EXPECT_EQ(post(gzipped(json), coding).status, 201u) << coding;
  }
  EXPECT_EQ(post("[" + json + "]", "identity").status, 201u);
  EXPECT_EQ(post(gzipped(json + "\n" + json + "\n"), "gzip", "application/x-ndjson").status, 201u);
  EXPECT_EQ(post(gzipped(std::string(batch("s", Offset{0}, 2).bytes())), "gzip",
                 "application/vnd.strandline.batch")
                .status,
            201u);
  EXPECT_EQ(post(gzipped(json), "gzip", "application/cloudevents+json").status, 201u);
  EXPECT_EQ(client_
                ->send("POST", "/v1/streams/s/events", gzipped("data"),
                       {{"Content-Type", "text/plain"},
                        {"Content-Encoding", "gzip"},
                        {"ce-specversion", "1.0"},
                        {"ce-type", "t"},
                        {"ce-id", "1"},
                        {"ce-source", "/s"}})
                .status,
            201u);
  EXPECT_EQ(appended(), 11u);
  EXPECT_EQ(client_->get("/v1/streams/s/events").json()["events"][10]["data"].str(), "data");
  // Members behind each other are one body.
  EXPECT_EQ(post(gzipped(json.substr(0, 9)) + gzipped(json.substr(9))).status, 201u);
}

TEST_F(GzipBodies, AreTakenOnOtherRoutes) {
  const Headers gzip = {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}};
  const auto send = [&](const std::string& method, const std::string& target,
                        const std::string& body) {
    return client_->send(method, target, gzipped(body), gzip).status;
  };
  EXPECT_EQ(send("PUT", "/v1/streams/s", R"({"description":"d"})"), 201u);
  EXPECT_EQ(send("POST", "/v1/append", R"({"appends":[{"stream":"s","events":[{"type":"t"}]}]})"),
            201u);
  EXPECT_EQ(send("PUT", "/v1/consumers/c", R"({"stream":"s","mode":"shared"})"), 201u);
  EXPECT_EQ(send("POST", "/v1/consumers/c/fetch", R"({"max":1})"), 200u);
  EXPECT_EQ(send("PUT", "/v1/consumers/p/positions/s", R"({"next":1})"), 200u);
  EXPECT_EQ(send("PUT", "/v1/consumers/p/once/x", R"({"ttl_s":60})"), 201u);
  EXPECT_EQ(send("POST", "/v1/streams/s/truncate", R"({"before":1})"), 200u);
}

TEST_F(GzipBodies, AreLimitedByWhatTheyUnpackTo) {
  const std::string most = lines(kBodyBytesMax);
  const uint64_t events = static_cast<uint64_t>(std::ranges::count(most, '\n'));
  const Response whole = post(gzipped(most), "gzip", "application/x-ndjson");
  EXPECT_TRUE(whole.status == 201u || whole.status == 413u) << whole.body;  // batch_events_max
  const uint64_t before = appended();
  EXPECT_TRUE(before == 0 || before == events);
  for (const size_t bytes : {kBodyBytesMax + 1, size_t{64 << 20}}) {  // the second is a bomb
    const std::string packed = gzipped(std::string(bytes, ' '));
    EXPECT_LT(packed.size(), 100'000u);
    const Response response = post(packed);
    expect_problem(response, 413);
    EXPECT_THAT(response.json()["detail"].str(), testing::HasSubstr("unpacks"));
  }
  EXPECT_EQ(appended(), before);
  EXPECT_EQ(post(gzipped(R"({"type":"t"})")).status, 201u) << "and the connection goes on";
}

// Larger than what a session's thread unpacks, and less than the limit: in order all the same.
TEST_F(GzipBodies, OfAnySizeKeepTheirOrder) {
  const std::string large = lines(2 << 20), small = R"({"type":"small"})";
  std::string requests;
  const auto add = [&](const std::string& body, const std::string& type) {
    requests += HttpClient::request("POST", "/v1/streams/s/events", body,
                                    {{"Content-Type", type}, {"Content-Encoding", "gzip"}});
  };
  for (int i = 0; i < 3; ++i) {
    add(gzipped(lines(1 << 20)), "application/x-ndjson");
    add(gzipped(small), "application/json");
    add(gzipped(large.substr(0, large.size() / 2 * 1)), "text/html");  // refused
  }
  client_->write(requests);
  uint64_t next = 0;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 2; ++j) {
      const Response response = client_->read_response();
      ASSERT_EQ(response.status, 201u) << response.body;
      EXPECT_EQ(response.json()["first"].number(), next);
      next = response.json()["next"].number();
    }
    EXPECT_EQ(client_->read_response().status, 415u);
  }
}

TEST_F(GzipBodies, ThatAreNotWholeAreRefused) {
  const std::string json = R"({"type":"t","data":"some of it, and more of it"})";
  const std::string good = gzipped(json);
  std::string wrong_sum = good, wrong_size = good, wrong_middle = good;
  wrong_sum[good.size() - 8] ^= 1;
  wrong_size[good.size() - 4] ^= 1;
  wrong_middle[good.size() / 2] ^= 0x55;
  for (const std::string& bad :
       {std::string(), std::string("x"), json, good.substr(0, 5), good.substr(0, good.size() / 2),
        good.substr(0, good.size() - 1), good.substr(0, good.size() - 8), good + "x",
        good + std::string(8, '\0'), good + good.substr(0, 12), wrong_sum, wrong_size, wrong_middle,
        gzipped(json, 15) /* zlib's own */, gzipped(json, -15) /* deflate alone */}) {
    expect_problem(post(bad), 400);
  }
  std::string large = gzipped(lines(3 << 20));
  large[large.size() - 8] ^= 1;
  expect_problem(post(large, "gzip", "application/x-ndjson"), 400);
  EXPECT_EQ(appended(), 0u);
  EXPECT_EQ(post(good).status, 201u) << "and the connection goes on";
}

TEST_F(GzipBodies, AreTheOnlyOnesInACoding) {
  const std::string good = gzipped(R"({"type":"t"})");
  for (const char* coding :
       {"br", "deflate", "compress", "zstd", "gzip, gzip", "identity, gzip", "gzip;q=1", "gzipx"}) {
    const Response response = post(good, coding);
    expect_problem(response, 415);
    EXPECT_EQ(response.header("accept-encoding"), "gzip");
  }
  EXPECT_EQ(appended(), 0u);
}

TEST_F(GzipBodies, HaveTheFingerprintOfWhatTheyUnpackTo) {
  const std::string json = R"({"type":"t"})";
  const auto keyed = [&](const std::string& body, const std::string& coding) {
    return client_->send("POST", "/v1/streams/s/events", body,
                         {{"Content-Type", "application/json"},
                          {"Content-Encoding", coding},
                          {"Idempotency-Key", "\"k\""}});
  };
  ASSERT_EQ(keyed(json, "identity").status, 201u);
  EXPECT_TRUE(keyed(gzipped(json), "gzip").json().has("retried"));
  EXPECT_EQ(appended(), 1u);
}

TEST(Gunzip, AsksForTheMemoryThatItTakes) {
  const std::string text(1 << 20, 'x'), packed = gzipped(text);
  size_t asked = 0;
  const auto counted = [&](size_t bytes) {
    asked = bytes;
    return true;
  };
  EXPECT_EQ(server::gunzip(packed, 1 << 20, counted).value(), text);
  EXPECT_LE(asked, (1 << 20) + 1u);
  EXPECT_EQ(server::gunzip(packed, (1 << 20) - 1, counted).error().status, 413u);
  EXPECT_EQ(
      server::gunzip(packed, 1 << 30, [](size_t bytes) { return bytes < 100'000; }).error().status,
      503u);
}

}  // namespace
}  // namespace strandline::tests
