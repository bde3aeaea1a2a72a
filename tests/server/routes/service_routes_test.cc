// The SSE service's API: the shapes that its clients know, and what is better here: nothing is
// lost.
#include "tests/support/http/guarded_server.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

class SseService : public ServerTest {
 protected:
  HttpStream follow(const std::string& stream, Headers headers = {}) {
    return HttpStream(server_.address(), "/api/v1/events/stream/" + stream, headers);
  }
  Response broadcast(const std::string& body) {
    return client_.post("/api/v1/events/broadcast", body);
  }
  Response turn(const std::string& stream, const std::string& verb) {
    return client_.send("POST", "/api/v1/events/stream/" + stream + "/" + verb);
  }
  static void expect_mistake(const Response& response, unsigned status) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.json()["success"].text(), "false");
    EXPECT_FALSE(response.json()["message"].str().empty());
  }
  static void expect_success(const Response& response) {
    EXPECT_EQ(response.status, 200u) << response.body;
    EXPECT_EQ(response.json()["success"].text(), "true");
    EXPECT_FALSE(response.json()["message"].str().empty());
    EXPECT_GT(response.json()["timestamp"].number(), 1'700'000'000u);
  }
  static void expect_connection(HttpStream& stream, const std::string& name) {
    const SseBlock block = next_event(stream);
    EXPECT_FALSE(block.has_id) << "it is no place to come back to";
    const Json event = Json::parse(block.data);
    EXPECT_EQ(event["type"].str(), "connection");
    EXPECT_EQ(event["stream_id"].str(), name);
  }
};

TEST_F(SseService, AClientIsToldThatItIsConnectedAndThenWhatIsBroadcast) {
  HttpStream stream = follow("news");
  EXPECT_EQ(stream.status(), 200u);
  EXPECT_THAT(stream.header("Content-Type"), testing::StartsWith("text/event-stream"));
  expect_connection(stream, "news");
  expect_success(broadcast(
      R"({"stream_id":"news","type":"update","message":"Hello \"you\"","data":{"a":[1,2]}})"));
  const SseBlock block = next_event(stream);
  EXPECT_EQ(block.id, "0");
  EXPECT_EQ(block.event, "") << "onmessage sees it";
  const Json event = Json::parse(block.data);
  EXPECT_EQ(event["id"].str(), "0");
  EXPECT_EQ(event["type"].str(), "update");
  EXPECT_EQ(event["message"].str(), "Hello \"you\"");
  EXPECT_EQ(event["data"]["a"][1].number(), 2u);
  EXPECT_GT(event["timestamp"].number(), 1'700'000'000u);
  EXPECT_EQ(event["stream_id"].str(), "news");
  EXPECT_EQ(event.size(), 6u);
  // Errors are events as well.
  expect_success(broadcast(R"({"stream_id":"news","type":"error","message":"Oh"})"));
  const Json error = Json::parse(next_event(stream).data);
  EXPECT_EQ(error["type"].str(), "error");
  EXPECT_TRUE(error["data"].is_null());
}

TEST_F(SseService, AClientBeginsWithWhatComesAndComesBackToWhereItWas) {
  for (int i = 0; i < 3; ++i) {
    expect_success(broadcast(R"({"stream_id":"s","type":"t","message":"m"})"));
  }
  HttpStream fresh = follow("s");
  expect_connection(fresh, "s");
  HttpStream back = follow("s", {{"Last-Event-ID", "0"}});
  expect_connection(back, "s");
  EXPECT_EQ(next_event(back).id, "1");
  EXPECT_EQ(next_event(back).id, "2");
  expect_success(broadcast(R"({"stream_id":"s","type":"t","message":"m"})"));
  EXPECT_EQ(next_event(back).id, "3");
  EXPECT_EQ(next_event(fresh).id, "3");
  HttpStream all = follow("s?from=earliest");
  expect_connection(all, "s");
  EXPECT_EQ(next_event(all).id, "0");
}

TEST_F(SseService, EventsOfOthersHaveTheShapeAsWell) {
  client_.post("/v1/streams/s/events", R"([
      {"type":"order","id":"o-1","data":{"total":12}},
      {"type":"order","data":{"message":"paid","total":12}},
      {"type":"note","datacontenttype":"text/plain","data":"called \"back\""},
      {"type":"bare"},
      {"type":"bytes","data_base64":"AAEC"}])");
  HttpStream stream = follow("s?from=earliest");
  expect_connection(stream, "s");
  const auto next = [&] { return Json::parse(next_event(stream).data); };
  const Json first = next();
  EXPECT_EQ(first["id"].str(), "o-1");
  EXPECT_EQ(first["message"].str(), "");
  EXPECT_EQ(first["data"]["total"].number(), 12u);
  const Json second = next();
  EXPECT_EQ(second["message"].str(), "paid");
  EXPECT_EQ(second["data"]["total"].number(), 12u);
  EXPECT_EQ(next()["data"].str(), "called \"back\"");
  EXPECT_TRUE(next()["data"].is_null());
  EXPECT_EQ(next()["data"].str(), "AAEC");
}

TEST_F(SseService, ABroadcastWithoutAStreamIsToAll) {
  HttpStream a = follow("a"), b = follow("b");
  expect_connection(a, "a");
  expect_connection(b, "b");
  expect_success(broadcast(R"({"stream_id":"a","type":"t","message":"m"})"));
  expect_success(broadcast(R"({"stream_id":"b","type":"t","message":"m"})"));
  expect_success(broadcast(R"({"type":"all","message":"everybody"})"));
  for (HttpStream* one : {&a, &b}) {
    next_event(*one);
    EXPECT_EQ(Json::parse(next_event(*one).data)["message"].str(), "everybody");
  }
}

TEST_F(SseService, AGeneratorIsStartedStoppedPausedAndResumed) {
  HttpStream stream = follow("system");
  expect_connection(stream, "system");
  expect_mistake(turn("system", "stop"), 404);
  expect_success(turn("system", "start"));
  EXPECT_EQ(Json::parse(next_event(stream).data)["type"].str(), "stream_started");
  const Json made = Json::parse(next_event(stream).data);
  EXPECT_EQ(made["type"].str(), "system_metrics") << "of the kind that the stream is called";
  EXPECT_FALSE(made["data"]["cpu"].is_null());
  const auto state = [&] { return client_.get("/api/v1/events/streams").json()["data"]["system"]; };
  EXPECT_EQ(state()["clients"].number(), 1u);
  EXPECT_EQ(state()["active"].text(), "true");
  EXPECT_EQ(state()["generator"].text(), R"({"running":true,"paused":false})");
  expect_success(turn("system", "pause"));
  EXPECT_EQ(state()["generator"].text(), R"({"running":true,"paused":true})");
  expect_success(turn("system", "resume"));
  EXPECT_EQ(state()["generator"].text(), R"({"running":true,"paused":false})");
  expect_success(turn("system", "stop"));
  EXPECT_EQ(state()["generator"].text(), R"({"running":false,"paused":false})");
  expect_mistake(turn("system", "pause"), 409);
  expect_mistake(turn("system", "resume"), 409);
}

TEST_F(SseService, MistakesSaySoWithTheRightStatus) {
  expect_mistake(broadcast("{"), 400);
  expect_mistake(broadcast(R"({"type":"t"})"), 422);
  expect_mistake(broadcast(R"({"message":"m"})"), 422);
  expect_mistake(broadcast(R"({"type":"t","message":7})"), 422);
  expect_mistake(broadcast(R"({"type":"","message":"m"})"), 422);
  expect_mistake(broadcast(R"({"stream_id":"$x","type":"t","message":"m"})"), 422);
  expect_mistake(broadcast(R"({"stream":"s","type":"t","message":"m"})"), 422);
  expect_mistake(client_.post("/api/v1/events/broadcast", "{}", "text/plain"), 415);
  expect_mistake(client_.get("/api/v1/events/stream/s?form=1"), 400);
  expect_mistake(client_.get("/api/v1/events/stream/s", {{"Accept", "application/json"}}), 406);
  expect_mistake(turn("$x", "start"), 422);
  EXPECT_EQ(client_.get("/v1/info").json()["durable_next"].number(), 0u);
}

TEST_F(SseService, NothingIsLostOverAKillAndARestart) {
  const std::string port = server_.address().port;
  expect_success(broadcast(R"({"stream_id":"s","type":"t","message":"one"})"));
  server_.kill();
  ServerProcess again(directory_ / "data", {}, port);
  HttpStream back(again.address(), "/api/v1/events/stream/s", {{"Last-Event-ID", "0"}});
  expect_connection(back, "s");
  again.client().post("/api/v1/events/broadcast",
                      R"({"stream_id":"s","type":"t","message":"two"})");
  EXPECT_EQ(Json::parse(next_event(back).data)["message"].str(), "two");
}

class GuardedService : public GuardedServerTest {
 protected:
  GuardedService() { guard(); }
};

TEST_F(GuardedService, StreamsThatAreNotGrantedAreNotShownReadOrTurned) {
  const std::string mine = make_key("mine", "read,append,manage:mine");
  ask("POST", "/api/v1/events/broadcast", admin_,
      R"({"stream_id":"theirs","type":"t","message":"m"})");
  EXPECT_EQ(ask("POST", "/api/v1/events/broadcast", mine,
                R"({"stream_id":"mine","type":"t","message":"m"})")
                .status,
            200u);
  EXPECT_EQ(ask("POST", "/api/v1/events/broadcast", mine,
                R"({"stream_id":"theirs","type":"t","message":"m"})")
                .status,
            403u);
  EXPECT_EQ(ask("POST", "/api/v1/events/broadcast", mine, R"({"type":"t","message":"m"})").status,
            403u);
  const std::string told = get("/api/v1/events/streams", mine).body;
  EXPECT_THAT(told, HasSubstr("\"mine\""));
  EXPECT_THAT(told, testing::Not(HasSubstr("theirs")));
  EXPECT_EQ(get("/api/v1/events/stream/theirs", mine).status, 403u);
  EXPECT_EQ(ask("POST", "/api/v1/events/stream/theirs/start", mine, "").status, 403u);
  EXPECT_EQ(ask("POST", "/api/v1/events/stream/mine/start", mine, "").status, 200u);
}

}  // namespace
}  // namespace strandline::tests
