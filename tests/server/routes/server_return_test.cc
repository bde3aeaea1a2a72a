// What a member gives back untried: others get it at once, and no attempt is counted. At each door
// that takes a settlement.
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class Returns : public ServerTest {
 protected:
  Returns() {
    append("s", 0, 3);
    const Response created =
        client_.send("PUT", "/v1/consumers/c", R"({"stream":"s","mode":"shared","max_attempts":2})",
                     {{"Content-Type", "application/json"}});
    EXPECT_EQ(created.status, 201u) << created.body;
  }
  Response post(const std::string& what, const std::string& body) {
    return client_.post("/v1/consumers/c/" + what, body);
  }
  // As what attempt the first event is given now, and to which epoch.
  uint64_t fetch(std::string& epoch, const std::string& more = {}) {
    const std::string joined = epoch.empty() ? "" : ",\"epoch\":" + epoch;
    const Response response = post("fetch", "{\"max\":3" + joined + more + "}");
    EXPECT_EQ(response.status, 200u) << response.body;
    const Json fetched = response.json();
    epoch = std::to_string(fetched["epoch"].number());
    EXPECT_EQ(fetched["events"][0]["position"].number(), 0u);
    return fetched["events"][0]["attempt"].number();
  }
};

TEST_F(Returns, CountNoAttemptAtEachDoor) {
  std::string epoch;
  EXPECT_EQ(fetch(epoch), 1u);
  for (int again = 0; again < 3; ++again) {
    const std::string settle = "{\"epoch\":" + epoch + ",\"return\":[[0,3]]}";
    EXPECT_EQ(post("settle", settle).status, 200u);
    EXPECT_EQ(fetch(epoch), 1u);
    EXPECT_EQ(fetch(epoch, ",\"return\":[0,1,2]"), 1u);
    const std::string with_events =
        "{\"appends\":[{\"stream\":\"out\",\"events\":[{\"type\":\"t\"}]}],\"settle\":{"
        "\"consumer\":"
        "\"c\",\"epoch\":" +
        epoch + ",\"return\":[[0,2],2]}}";
    EXPECT_EQ(client_.post("/v1/append", with_events).status, 201u);
    EXPECT_EQ(fetch(epoch), 1u);
  }
  EXPECT_EQ(client_.get("/v1/consumers/c").json()["redelivered"].number(), 0u);
}

TEST_F(Returns, OfOnePositionTwiceCountItOnce) {
  std::string epoch;
  EXPECT_EQ(fetch(epoch), 1u);
  EXPECT_EQ(post("settle", "{\"epoch\":" + epoch + ",\"return\":[[0,3],0,0,[0,2]]}").status, 200u);
  EXPECT_EQ(fetch(epoch), 1u);
  // What another has is not given back.
  EXPECT_NE(post("settle", "{\"epoch\":999,\"return\":[0]}").status, 200u);
  EXPECT_NE(post("settle", "{\"epoch\":" + epoch + ",\"return\":[7]}").status, 200u);
}

}  // namespace
}  // namespace strandline::tests
