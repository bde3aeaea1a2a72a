// What a key may not read shows nowhere: neither by how a page ends, nor by which refusal it gets.
#include "tests/support/http/guarded_server.h"

namespace strandline::tests {
namespace {

class Hidden : public GuardedServerTest {
 protected:
  Hidden() {
    guard();
    for (const char* stream : {"payroll/alice", "public/news"}) {
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(ask("POST", "/v1/streams/" + escaped(stream) + "/events", admin_,
                      R"({"type":"t","subject":"alice"})")
                      .status,
                  201u);
      }
    }
  }
  static std::string escaped(std::string name) { return name.replace(name.find('/'), 1, "%2F"); }
  // Where a page of all events ends.
  std::string next(const std::string& parameters, const std::string& secret) {
    const Response page = get("/v1/all/events?" + parameters, secret);
    EXPECT_EQ(page.status, 200u) << page.body;
    return page.header("strandline-next");
  }
};

// Each of these once ended right behind what it did not show.
TEST_F(Hidden, NeitherALimitNorAFilterTellsOfStreamsThatMayNotBeRead) {
  const std::string reader = make_key("reader", "read:public/*");
  const std::string none = next("prefix=nothing&limit=1", reader);
  EXPECT_EQ(next("prefix=payroll%2F&limit=1", reader), none);
  EXPECT_NE(next("prefix=payroll%2F&limit=1", admin_), none);
  // Of what it may read the first is shown, wherever the rest is.
  EXPECT_EQ(next("subject=alice&limit=1", reader), next("prefix=public%2F&limit=1", admin_));
  EXPECT_EQ(next("type=t&limit=1", reader), next("prefix=public%2F&limit=1", admin_));
  for (const char* last : {"from=-2", "from=-2&subject=alice", "from=-2&prefix=p"}) {
    const Response page = get(std::string("/v1/all/events?") + last, reader);
    EXPECT_EQ(page.json()["events"].size(), 2u) << last << page.body;
  }
}

TEST_F(Hidden, AQuotaOfNewStreamsDoesNotTellWhichThereAre) {
  const std::string writer = make_key("writer", "append:public/*", R"(,"quota":"streams=1/h")");
  const auto append = [&](const std::string& stream) {
    return ask("POST", "/v1/streams/" + escaped(stream) + "/events", writer, R"({"type":"t"})")
        .status;
  };
  EXPECT_EQ(append("public/new"), 201u);
  EXPECT_EQ(append("public/newer"), 429u);
  EXPECT_EQ(append("payroll/alice"), 403u);
  EXPECT_EQ(append("payroll/nobody"), 403u);
}

}  // namespace
}  // namespace strandline::tests
