// Whether appends are taken, and why not: asked of the engine, of /readyz, /v1/info and /metrics,
// which all say the same. (A disk that fills and empties: disk_full_test.cc.)
#include "tests/support/disk/fault_file_system.h"
#include "tests/support/http/tight_server.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

class Readiness : public TightServer {
 protected:
  void expect_refused(const std::string& reason, const std::string& detail) {
    HttpClient client = this->client();
    const Response ready = client.get("/readyz");
    EXPECT_EQ(ready.status, 503u);
    EXPECT_EQ(ready.json()["status"].str(), "not ready");
    EXPECT_EQ(ready.json()["appends"].str(), "refused");
    EXPECT_EQ(ready.json()["reason"].str(), reason);
    EXPECT_THAT(ready.json()["detail"].str(), HasSubstr(detail));
    const Json info = client.get("/v1/info").json()["appends_refused_because"];
    EXPECT_EQ(info["reason"].str(), reason);
    EXPECT_THAT(info["detail"].str(), HasSubstr(detail));
    EXPECT_THAT(client.get("/metrics").body,
                HasSubstr("strandline_refusing_appends{reason=\"" + reason + "\"} 1"));
    EXPECT_EQ(client.get("/healthz").status, 200u);
  }
};

TEST_F(Readiness, IsSaidInTheBody) {
  append("s");
  start({});
  HttpClient client = this->client();
  const Response ready = client.get("/readyz");
  EXPECT_EQ(ready.status, 200u);
  EXPECT_EQ(ready.json()["status"].str(), "ready");
  EXPECT_EQ(ready.json()["appends"].str(), "accepted");
  EXPECT_TRUE(ready.json()["reason"].is_null());
  const Json info = client.get("/v1/info").json();
  EXPECT_TRUE(info.has("appends_refused_because"));
  EXPECT_TRUE(info["appends_refused_because"].is_null());
  EXPECT_GT(info["disk"]["free_bytes"].number(), 0u);
  EXPECT_EQ(info["disk"]["reserve_bytes"].number(), options.disk_reserve_bytes);
  const std::string metrics = client.get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("strandline_disk_free_bytes "));
  EXPECT_THAT(metrics, HasSubstr("strandline_refusing_appends{reason=\"disk-full\"} 0"));
  EXPECT_EQ(log().appends_refused(), std::nullopt);
}

TEST_F(Readiness, ADiskThatIsNearlyFullRefusesAppendsAndCountsThem) {
  append("s");
  close();
  options.disk_reserve_bytes = uint64_t{1} << 60;
  start({});
  expect_refused("disk-full", "reserve");
  HttpClient client = this->client();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.post("/v1/streams/s/events", R"({"type":"t"})").status, 507u);
  }
  EXPECT_EQ(client.send("PUT", "/v1/streams/s/events", "").status, 405u);
  const Json counters = client.get("/v1/info").json()["counters"];
  EXPECT_EQ(counters["appends_refused"].number(), 3u);
  EXPECT_EQ(counters["appends_refused_by"]["disk-full"].number(), 3u);
  EXPECT_THAT(client.get("/metrics").body,
              HasSubstr("strandline_appends_refused_total{reason=\"disk-full\"} 3"));
}

TEST_F(Readiness, ASealedLogRefusesAppends) {
  const auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  append("s");
  start({});
  faults->fail();
  EXPECT_EQ(client().post("/v1/streams/s/events", R"({"type":"t"})").status, 500u);
  expect_refused("sealed", "told to fail");
}

TEST_F(Readiness, AnObserverRefusesAppends) {
  append("s");
  close();
  options.mode = Options::Mode::observer;
  start({});
  expect_refused("read-only", "observer");
}

TEST_F(Readiness, AClosedLogRefusesAppends) {
  log().close();
  const auto refused = log().appends_refused();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, Code::closed);
}

}  // namespace
}  // namespace strandline::tests
