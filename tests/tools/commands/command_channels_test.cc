// `strandline channels`: who is connected to a server, as its API says it; and ending them.
#include "tests/support/http/server_test.h"
#include "tests/support/http/websocket_client.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

class ChannelsCommand : public ServerTest {
 protected:
  Outcome channels(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "channels");
    arguments.insert(arguments.end(), {"--server", server_.address().url()});
    return strandline(std::move(arguments));
  }
};

TEST_F(ChannelsCommand, ListsWhoIsThereAndEndsThem) {
  WebSocketClient client(server_.address());
  const std::string name = client.message("connected")["connection"].str();
  client.send(R"({"op":"subscribe","channel":"news"})");
  client.message("subscribed");
  const Outcome list = channels({});
  EXPECT_EQ(list.exit, 0) << list.errors;
  EXPECT_THAT(list.output, testing::ContainsRegex("news +1"));
  EXPECT_EQ(Json::parse(channels({"--json"}).output)["channels"][0]["channel"].str(), "news");
  EXPECT_THAT(channels({"--prefix", "x"}).output, testing::Not(testing::HasSubstr("news")));
  EXPECT_THAT(channels({"connections"}).output, testing::HasSubstr(name));
  EXPECT_THAT(channels({"connections", "news"}).output, testing::HasSubstr(name));
  EXPECT_EQ(channels({"members", "presence-x"}).exit, 0);
  EXPECT_NE(channels({"members", "news"}).exit, 0);
  EXPECT_EQ(channels({"end"}).exit, 2);
  EXPECT_NE(channels({"end", "--connection", "1.1"}).exit, 0);
  EXPECT_EQ(channels({"end", "--connection", name}).exit, 0);
  EXPECT_EQ(client.closed(), 4009u);
  // A directory has no live clients.
  EXPECT_NE(strandline({"channels", "--data", (directory_ / "none").string()}).exit, 0);
}

}  // namespace
}  // namespace strandline::tests
