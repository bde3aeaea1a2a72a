// A restored log at the door: a place in it that another incarnation gave out is refused, and never
// answered with other events (docs/lifecycle.md, Incarnations).
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

TEST(ServerIncarnation, PlacesFromAfterTheRestoredPointAreRefused) {
  const TemporaryDirectory directory;
  const std::string data = (directory / "data").string(), fresh = (directory / "fresh").string(),
                    backups = (directory / "backups").string();
  const auto fill = [](HttpClient& client, uint64_t first) {
    ASSERT_EQ(client.post("/v1/streams/s/events", json_events("s", first, 5)).status, 201u);
  };
  {
    std::vector<std::string> flags = {"--backup-directory", backups};
    ServerProcess server(data, flags);
    HttpClient client = server.client();
    fill(client, 0);
    EXPECT_EQ(client.get("/v1/all/events?from=3").status, 200u);
    EXPECT_TRUE(client.get("/v1/all/events").header("strandline-incarnation").empty());
    ASSERT_EQ(
        strandline({"backup", "create", "--server", "http://127.0.0.1:" + server.address().port})
            .exit,
        0);
    fill(client, 5);
  }
  ASSERT_EQ(strandline(
                {"backup", "restore", "--forget-later-acts", "--backups", backups, "--data", fresh})
                .exit,
            0);
  ServerProcess server(fresh);
  HttpClient client = server.client();
  const auto point =
      Json::parse(
          strandline({"backup", "--json", "--backups", backups}).output)["backups"][0]["next"]
          .number();
  fill(client, 5);
  const Response page = client.get("/v1/all/events?from=" + std::to_string(point));
  EXPECT_EQ(page.status, 200u) << page.body;
  const std::string suffix = "@" + std::string(page.header("strandline-incarnation"));
  EXPECT_EQ(suffix.size(), 9u);
  const std::string after = std::to_string(point + 2);
  const Response refused = client.get("/v1/all/events?from=" + after);
  expect_problem(refused, 409);
  EXPECT_THAT(refused.body, HasSubstr("restored from a backup"));
  EXPECT_EQ(client.get("/v1/all/events?from=" + after + suffix).status, 200u);
  EXPECT_EQ(client.get("/v1/all/events?from=" + after + "@00000000").status, 409u);
  EXPECT_EQ(client.get("/v1/streams/s/events?from=6").status, 200u);
  // The command line goes on from page to page by itself.
  const std::string url = "http://127.0.0.1:" + server.address().port;
  const Outcome all = strandline({"export", "--all", "--full", "--server", url});
  EXPECT_EQ(all.exit, 0) << all.errors;
  EXPECT_THAT(all.output, HasSubstr("strandline.log.restored"));
}

}  // namespace
}  // namespace strandline::tests
