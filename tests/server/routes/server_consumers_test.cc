// Named consumers over HTTP: their life, what members fetch and say of it, and how each mistake is
// answered, after which nothing is lost.
#include "engine/api/batch.h"
#include "schemas/frame.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class ConsumerRoutes : public ServerTest {
 protected:
  Response create(const std::string& name, const std::string& settings) {
    return client_.send("PUT", "/v1/consumers/" + name, settings,
                        {{"Content-Type", "application/json"}});
  }
  Response post(const std::string& name, const std::string& what, const std::string& body = "{}") {
    return client_.post("/v1/consumers/" + name + "/" + what, body);
  }
  Json describe(const std::string& name) { return client_.get("/v1/consumers/" + name).json(); }
  Json fetch(const std::string& name, const std::string& body) {
    const Response response = post(name, "fetch", body);
    EXPECT_EQ(response.status, 200u) << response.body;
    return response.json();
  }
  static std::string epoch_of(const Json& answer) { return "{\"epoch\":" + answer["epoch"].text(); }
  // Positions, with attempts above the first as 5#2.
  static std::string given(const Json& answer) {
    std::string text;
    const Json events = answer["events"];
    for (size_t i = 0; i < events.size(); ++i) {
      if (i > 0) text += ' ';
      text += events[i]["position"].text();
      if (events[i]["attempt"].number() > 1) text += "#" + events[i]["attempt"].text();
    }
    return text;
  }
};

TEST_F(ConsumerRoutes, AreCreatedDescribedListedAndDeleted) {
  append("s", 0, 5);
  const std::string settings = R"({"mode":"shared","stream":"s","from":"-3","types":["a*"],)"
                               R"("ack_deadline_ms":1500,"max_attempts":2,"unacked_max":50})";
  const Response created = create("c", settings);
  EXPECT_EQ(created.status, 201u) << created.body;
  const Json info = created.json();
  EXPECT_EQ(info["consumer"].str(), "c");
  EXPECT_EQ(info["mode"].str(), "shared");
  EXPECT_EQ(info["stream"].str(), "s");
  EXPECT_EQ(info["from"].str(), "-3");
  EXPECT_EQ(info["types"].text(), R"(["a*"])");
  EXPECT_EQ(info["ack_deadline_ms"].number(), 1500u);
  EXPECT_EQ(info["max_attempts"].number(), 2u);
  EXPECT_EQ(info["unacked_max"].number(), 50u);
  EXPECT_EQ(info["dead_letters"].str(), "dead-letters/c");
  // The last three of those types: there is none, so it begins with the first event.
  EXPECT_EQ(info["position"].number(), 0u);
  EXPECT_EQ(info["tail"].number(), 5u);
  EXPECT_EQ(info["lag"].number(), 5u);
  EXPECT_TRUE(info["oldest_unacked"].is_null() || !info["oldest_unacked"].str().empty());
  EXPECT_EQ(describe("c").text(), info.text());

  EXPECT_EQ(create("c", settings).status, 200u);  // a retry
  expect_problem(create("c", R"({"mode":"shared","stream":"s"})"), 409);
  EXPECT_EQ(create("x%2Fy", R"({"stream":"s"})").status, 201u);
  EXPECT_EQ(create("z", R"({"prefix":"s","mode":"keyed","key":"region"})").status, 201u);
  EXPECT_EQ(describe("z")["key"].str(), "region");

  const Json all = client_.get("/v1/consumers").json();
  ASSERT_EQ(all["consumers"].size(), 3u);
  EXPECT_EQ(all["consumers"][1]["consumer"].str(), "x/y");
  ASSERT_EQ(all["positions"].size(), 1u);  // an exclusive one commits a position
  EXPECT_EQ(all["positions"][0]["consumer"].str(), "x/y");
  const Json first = client_.get("/v1/consumers?limit=1").json();
  EXPECT_EQ(first["consumers"].size(), 1u);
  EXPECT_EQ(first["next_after"].str(), "c");
  const Json next = client_.get("/v1/consumers?limit=2&after=c").json();
  EXPECT_EQ(next["consumers"].size(), 2u);
  EXPECT_TRUE(next["next_after"].is_null());
  EXPECT_EQ(client_.get("/v1/consumers?prefix=z").json()["consumers"].size(), 1u);

  EXPECT_EQ(client_.send("DELETE", "/v1/consumers/c").status, 204u);
  expect_problem(client_.get("/v1/consumers/c"), 404);
  expect_problem(client_.send("DELETE", "/v1/consumers/c"), 404);
}

TEST_F(ConsumerRoutes, WhatIsWronglyCreatedIsRefused) {
  append("s", 0, 1);
  for (const char* settings :
       {R"({"mode":"private"})", R"({"stream":"s","prefix":"s"})", R"({"streams":[]})",
        R"({"stream":"s","from":"yesterday"})", R"({"stream":"s","types":"a"})",
        R"({"stream":"s","retain":1})", R"({"mode":"shared","key":"k"})",
        R"({"mode":"shared","ack_deadline_ms":0})", R"({"mode":"shared","unacked_max":100000000})",
        R"({"mode":"shared","max_attempts":-1})", R"({"mode":"shared","max_attempts":5000000000})",
        R"({"nonsense":1})", R"([])"}) {
    SCOPED_TRACE(settings);
    expect_problem(create("c", settings), 422);
  }
  expect_problem(create("c", "{"), 400);
  expect_problem(create("%24all", "{}"), 422);
  expect_problem(client_.get("/v1/consumers/c"), 404);
  EXPECT_EQ(client_.send("PUT", "/v1/consumers/c", "{}", {{"Content-Type", "text/plain"}}).status,
            415u);
}

TEST_F(ConsumerRoutes, AGroupsEventsAreFetchedAndAcked) {
  append("s", 0, 10);
  ASSERT_EQ(create("c", R"({"mode":"shared","stream":"s"})").status, 201u);
  const Response answer = post("c", "fetch", R"({"max":4})");
  ASSERT_EQ(answer.status, 200u) << answer.body;
  const Json a = answer.json();
  EXPECT_EQ(answer.header("strandline-epoch"), a["epoch"].text());
  EXPECT_EQ(given(a), "0 1 2 3");
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(difference("s", a["events"][i]["event"]), "");
    EXPECT_EQ(a["events"][i]["event"]["offset"].number(), i);
  }
  EXPECT_EQ(a["gaps"].size(), 0u);
  const Json b = fetch("c", R"({"max":4})");
  EXPECT_EQ(given(b), "4 5 6 7");
  EXPECT_NE(a["epoch"].number(), b["epoch"].number());

  const Response acked = post("c", "ack", epoch_of(a) + R"(,"positions":[0,[2,4]]})");
  EXPECT_EQ(acked.json()["acked"].number(), 3u) << acked.body;
  const Json again = post("c", "ack", epoch_of(a) + R"(,"positions":[0]})").json();
  EXPECT_EQ(again["acked"].number(), 0u);
  EXPECT_EQ(again["already"].number(), 1u);
  Json info = describe("c");
  EXPECT_EQ(info["position"].number(), 1u);
  EXPECT_EQ(info["unacked"].number(), 5u);
  EXPECT_EQ(info["in_flight"].number(), 5u);
  EXPECT_EQ(info["members"].number(), 2u);

  // Acking and fetching in one request; nacking; extending; and all of it in one.
  const Json more = fetch("c", epoch_of(a) + R"(,"ack":[1],"max":1})");
  EXPECT_EQ(given(more), "8");
  EXPECT_EQ(more["settled"]["acked"].number(), 1u);
  EXPECT_EQ(post("c", "nack", epoch_of(b) + R"(,"positions":[5],"reason":"no"})")
                .json()["nacked"]
                .number(),
            1u);
  EXPECT_EQ(post("c", "extend", epoch_of(b) + R"(,"positions":[4]})").json()["extended"].number(),
            1u);
  EXPECT_EQ(given(fetch("c", epoch_of(a) + R"(,"max":2})")), "5#2 9");
  const Json settled =
      post("c", "settle", epoch_of(b) + R"(,"ack":[4],"nack":[{"positions":[6]}],"extend":[7]})")
          .json();
  EXPECT_EQ(settled["acked"].number(), 1u);
  EXPECT_EQ(settled["nacked"].number(), 1u);
  EXPECT_EQ(settled["extended"].number(), 1u);

  // Who leaves gives back what it has.
  EXPECT_EQ(post("c", "leave", epoch_of(b) + "}").status, 204u);
  EXPECT_EQ(given(fetch("c", epoch_of(a) + "}")), "6#2 7#2");
}

TEST_F(ConsumerRoutes, FormsOfAFetch) {
  append("s", 0, 3);
  ASSERT_EQ(create("c", R"({"mode":"shared"})").status, 201u);
  const Headers ndjson = {{"Content-Type", "application/json"}, {"Accept", "application/x-ndjson"}};
  const Response lines = client_.send("POST", "/v1/consumers/c/fetch", R"({"max":2})", ndjson);
  EXPECT_THAT(lines.header("content-type"), testing::StartsWith("application/x-ndjson"));
  EXPECT_EQ(std::ranges::count(lines.body, '\n'), 2);
  const Json first = Json::parse(lines.body.substr(0, lines.body.find('\n')));
  EXPECT_EQ(first["position"].number(), 0u);  // a sequence, for it reads everything
  EXPECT_EQ(first["attempt"].number(), 1u);
  EXPECT_EQ(difference("s", first["event"]), "");
  EXPECT_EQ(post("c", "leave", "{\"epoch\":" + lines.header("strandline-epoch") + "}").status,
            204u);

  const Headers frames = {{"Content-Type", "application/json"},
                          {"Accept", schema::kBatchMediaType}};
  const Response batch = client_.send("POST", "/v1/consumers/c/fetch", "", frames);
  EXPECT_EQ(batch.header("content-type"), schema::kBatchMediaType);
  std::string_view rest = batch.body;
  std::string attempts;
  while (const auto frame = schema::parse_frame(rest)) {
    rest.remove_prefix(frame->head.bytes);
    for (uint32_t i = 0; i < frame->head.count; ++i) attempts += '0' + frame->head.reason;
    EXPECT_TRUE(Batch::verified(std::string(frame->payload)));
  }
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(attempts, "221");
  EXPECT_EQ(client_
                .send("POST", "/v1/consumers/c/fetch", "{}",
                      {{"Content-Type", "application/json"}, {"Accept", "image/png"}})
                .status,
            406u);
}

TEST_F(ConsumerRoutes, AnExclusiveReaderCommitsAndIsFenced) {
  append("s", 0, 6);
  ASSERT_EQ(create("c", R"({"stream":"s"})").status, 201u);
  const Json a = post("c", "join").json();
  EXPECT_EQ(a["position"].number(), 0u);
  EXPECT_EQ(given(fetch("c", epoch_of(a) + R"(,"max":3})")), "0 1 2");
  EXPECT_EQ(
      post("c", "commit", epoch_of(a) + R"(,"expected":0,"next":2})").json()["position"].number(),
      2u);
  // A commit that does not match says what is there.
  const Response mismatch = post("c", "commit", epoch_of(a) + R"(,"expected":0,"next":3})");
  expect_problem(mismatch, 409);
  EXPECT_EQ(mismatch.json()["current"].number(), 2u);
  expect_problem(post("c", "commit", epoch_of(a) + R"(,"next":1})"), 409);  // never back

  const Json b = post("c", "join").json();
  EXPECT_EQ(b["position"].number(), 2u);
  for (const char* what : {"commit", "fetch", "leave"}) {
    const bool commits = what == std::string("commit");
    const Response fenced = post("c", what, epoch_of(a) + (commits ? R"(,"next":3})" : "}"));
    expect_problem(fenced, 403);
    EXPECT_EQ(fenced.json()["current"].number(), b["epoch"].number()) << what;
  }
  EXPECT_EQ(given(fetch("c", epoch_of(b) + "}")), "2 3 4 5");
  expect_problem(post("c", "ack", epoch_of(b) + R"(,"positions":[2]})"), 422);
  expect_problem(post("c", "commit", R"({"next":3})"), 422);
  EXPECT_EQ(describe("c")["position"].number(), 2u);
  // Nor can the position be moved past the fence by the older route.
  const Headers json = {{"Content-Type", "application/json"}};
  EXPECT_EQ(client_.send("PUT", "/v1/consumers/c/positions/s", R"({"next":3})", json).status, 422u);
  EXPECT_EQ(client_.send("PUT", "/v1/consumers/c/positions/s", epoch_of(a) + R"(,"next":3})", json)
                .status,
            403u);
  EXPECT_EQ(client_.send("PUT", "/v1/consumers/c/positions/s", epoch_of(b) + R"(,"next":3})", json)
                .status,
            200u);
}

TEST_F(ConsumerRoutes, WhoLeavesUntriedUsesUpNoAttemptInEveryMode) {
  append("s", 0, 3);
  for (const char* mode : {"exclusive", "shared", "keyed"}) {
    SCOPED_TRACE(mode);
    const std::string settings =
        std::string(R"({"stream":"s","max_attempts":1,"mode":")") + mode + "\"}";
    ASSERT_EQ(create(mode, settings).status, 201u);
    for (int i = 0; i < 3; ++i) {
      const Json one = fetch(mode, R"({"max":1})");
      EXPECT_EQ(given(one), "0");
      EXPECT_EQ(post(mode, "leave", epoch_of(one) + R"(,"untried":true})").status, 204u);
    }
    EXPECT_EQ(describe(mode)["dead_lettered"].number(), 0u);
    const Json tried = fetch(mode, R"({"max":1})");
    expect_problem(post(mode, "leave", epoch_of(tried) + R"(,"untried":"no"})"), 422);
    EXPECT_EQ(post(mode, "leave", epoch_of(tried) + R"(,"untried":false})").status, 204u);
    EXPECT_TRUE(eventually([&] { return describe(mode)["dead_lettered"].number() == 1; }));
    EXPECT_EQ(describe(mode)["position"].number(), 1u);
  }
}

TEST_F(ConsumerRoutes, MistakesAreNamedAndLoseNothing) {
  append("s", 0, 4);
  ASSERT_EQ(create("c", R"({"mode":"shared","stream":"s","unacked_max":3})").status, 201u);
  for (const char* what :
       {"join", "fetch", "leave", "ack", "nack", "extend", "settle", "commit", "reset", "replay"}) {
    const char* body = R"({"epoch":1,"positions":[0]})";
    if (what == std::string("join") || what == std::string("fetch") ||
        what == std::string("replay")) {
      body = "{}";
    } else if (what == std::string("leave")) {
      body = R"({"epoch":1})";
    } else if (what == std::string("settle")) {
      body = R"({"epoch":1,"ack":[0]})";
    } else if (what == std::string("commit")) {
      body = R"({"epoch":1,"next":1})";
    } else if (what == std::string("reset")) {
      body = R"({"from":0})";
    }
    SCOPED_TRACE(what);
    expect_problem(post("none", what, body), 404);
  }
  expect_problem(client_.get("/v1/consumers/none/dead-letters"), 404);
  expect_problem(client_.send("POST", "/v1/consumers/none/events"), 404);

  const Json a = fetch("c", R"({"max":2})"), b = fetch("c", R"({"max":1})");
  ASSERT_EQ(given(a) + " " + given(b), "0 1 2");
  // An ack of what was not delivered; one of what somebody else has; one that is not all of that.
  expect_problem(post("c", "ack", epoch_of(a) + R"(,"positions":[3]})"), 422);
  const Response others = post("c", "ack", epoch_of(a) + R"(,"positions":[2]})");
  expect_problem(others, 403);
  EXPECT_EQ(others.json()["current"].number(), b["epoch"].number());
  expect_problem(post("c", "ack", epoch_of(a) + R"(,"positions":[0,99]})"), 422);
  expect_problem(post("c", "ack", epoch_of(a) + R"(,"positions":[[1,1]]})"), 422);
  expect_problem(post("c", "ack", epoch_of(a) + R"(,"positions":[[1]]})"), 422);
  expect_problem(post("c", "ack", epoch_of(a) + R"(,"positions":["0"]})"), 422);
  expect_problem(post("c", "ack", epoch_of(a) + "}"), 422);
  expect_problem(post("c", "ack", R"({"positions":[0]})"), 422);
  expect_problem(post("c", "ack", R"({"epoch":77,"positions":[0]})"), 422);
  expect_problem(post("c", "nack", epoch_of(a) + R"(,"positions":[0],"delay_ms":99999999999})"),
                 422);
  // A fetch whose settlement is refused gives nothing.
  expect_problem(post("c", "fetch", epoch_of(a) + R"(,"ack":[2]})"), 403);
  expect_problem(post("c", "fetch", R"({"ack":[0]})"), 422);
  for (const char* body : {R"({"max":0})", R"({"max":10001})", R"({"wait_ms":60001})",
                           R"({"bytes":99999999999})", R"({"max":"all"})"}) {
    expect_problem(post("c", "fetch", body), 422);
  }
  expect_problem(post("c", "reset", R"({"from":99})"), 416);
  expect_problem(post("c", "reset"), 422);
  expect_problem(post("c", "commit", epoch_of(a) + R"(,"next":1})"), 422);
  // At its limit it gives no more, and says so.
  expect_problem(post("c", "fetch", epoch_of(a) + "}"), 429);
  expect_problem(post("c", "fetch", epoch_of(a) + R"(,"wait_ms":50})"), 429);
  const Json info = describe("c");
  EXPECT_EQ(info["in_flight"].number(), 3u);
  EXPECT_EQ(info["next"].number(), 3u);
  EXPECT_EQ(info["redelivered"].number(), 0u);
  // All of it is still there: what was refused changed nothing.
  EXPECT_EQ(post("c", "ack", epoch_of(a) + R"(,"positions":[0,1]})").json()["acked"].number(), 2u);
  EXPECT_EQ(post("c", "ack", epoch_of(b) + R"(,"positions":[2]})").json()["acked"].number(), 1u);
  EXPECT_EQ(given(fetch("c", epoch_of(a) + "}")), "3");
}

TEST_F(ConsumerRoutes, ResetMovesItAndFencesItsMembers) {
  append("s", 0, 4);
  ASSERT_EQ(create("c", R"({"mode":"shared","stream":"s"})").status, 201u);
  const Json a = fetch("c", "{}");
  EXPECT_EQ(given(a), "0 1 2 3");
  const Response reset = post("c", "reset", R"({"from":1})");
  EXPECT_EQ(reset.status, 200u) << reset.body;
  EXPECT_EQ(reset.json()["position"].number(), 1u);
  expect_problem(post("c", "ack", epoch_of(a) + R"(,"positions":[0]})"), 403);
  EXPECT_EQ(given(fetch("c", "{}")), "1 2 3");
  EXPECT_EQ(post("c", "reset", R"({"from":"latest"})").json()["position"].number(), 4u);
}

TEST_F(ConsumerRoutes, DeadLettersAreListedAndReplayed) {
  append("s", 0, 3);
  ASSERT_EQ(create("c", R"({"mode":"shared","stream":"s","max_attempts":1})").status, 201u);
  const Json a = fetch("c", "{}");
  ASSERT_EQ(given(a), "0 1 2");
  const Json nacked =
      post("c", "nack", epoch_of(a) + R"(,"positions":[0,2],"reason":"bad total"})").json();
  EXPECT_EQ(nacked["exhausted"].number(), 2u);
  ASSERT_TRUE(eventually([&] { return describe("c")["dead_lettered"].number() == 2; }));
  const Json dead = client_.get("/v1/consumers/c/dead-letters").json();
  EXPECT_EQ(dead["stream"].str(), "dead-letters/c");
  ASSERT_EQ(dead["dead_letters"].size(), 2u);
  EXPECT_EQ(dead["dead_letters"][0]["position"].number(), 0u);
  EXPECT_EQ(dead["dead_letters"][1]["position"].number(), 2u);
  const Json event = dead["dead_letters"][1]["event"];
  EXPECT_THAT(event["deadlettercause"].str(), testing::HasSubstr("bad total"));
  EXPECT_EQ(event["deadletterstream"].str(), "s");
  EXPECT_EQ(event["deadletteroffset"].text(), "\"2\"");
  const Json page = client_.get("/v1/consumers/c/dead-letters?limit=1").json();
  EXPECT_EQ(page["dead_letters"].size(), 1u);
  EXPECT_EQ(page["next"].number(), 2u);
  EXPECT_EQ(client_.get("/v1/consumers/c/dead-letters?from=1").json()["dead_letters"].size(), 1u);

  EXPECT_EQ(post("c", "replay", R"({"limit":1})").json()["replayed"].number(), 1u);
  EXPECT_EQ(given(fetch("c", epoch_of(a) + "}")), "0");
  EXPECT_EQ(post("c", "replay").json()["replayed"].number(), 1u);
  EXPECT_EQ(describe("c")["dead_lettered"].number(), 0u);
}

TEST_F(ConsumerRoutes, AnAppendSettlesAndCommitsInTheSameCommit) {
  append("s", 0, 4);
  ASSERT_EQ(create("g", R"({"mode":"shared","stream":"s"})").status, 201u);
  ASSERT_EQ(create("x", R"({"stream":"s"})").status, 201u);
  const Json g = fetch("g", R"({"max":2})"), x = post("x", "join").json();
  const std::string epoch = g["epoch"].text();
  const auto body = [&](const std::string& position) {
    return R"({"appends":[{"stream":"out","events":[{"type":"t"}]}],)"
           R"("settle":{"consumer":"g",)" +
           epoch_of(g).substr(1) + R"(,"ack":[)" + position +
           R"(]},"commit":{"consumer":"x","stream":"s","next":1,)" + epoch_of(x).substr(1) + "}}";
  };
  expect_problem(client_.post("/v1/append", body("3")), 422);  // was not given out: nothing is
  EXPECT_EQ(client_.get("/v1/streams/out").status, 404u);
  EXPECT_EQ(describe("x")["position"].number(), 0u);
  EXPECT_EQ(client_.post("/v1/append", body("0")).status, 201u);
  EXPECT_EQ(client_.get("/v1/streams/out").json()["events"].number(), 1u);
  EXPECT_EQ(describe("g")["position"].number(), 1u);
  EXPECT_EQ(describe("x")["position"].number(), 1u);
  post("x", "join");
  const Response fenced = client_.post("/v1/append", body("1"));
  expect_problem(fenced, 403);
  EXPECT_EQ(fenced.json()["current"].number(), x["epoch"].number() + 1);
  EXPECT_EQ(client_.get("/v1/streams/out").json()["events"].number(), 1u);
  EXPECT_EQ(describe("g")["position"].number(), 1u);
}

TEST_F(ConsumerRoutes, WhatIsInTheWayIsSkippedInEveryMode) {
  append("s", 0, 3);
  for (const char* mode : {"exclusive", "shared", "keyed"}) {
    SCOPED_TRACE(mode);
    ASSERT_EQ(create("c", R"({"stream":"s","mode":")" + std::string(mode) + "\"}").status, 201u);
    fetch("c", "{}");
    const Response skipped = post("c", "skip", R"({"reason":"poison"})");
    EXPECT_EQ(skipped.body, "{\"skipped\":1,\"position\":1}\n");
    EXPECT_EQ(post("c", "skip", R"({"position":1,"count":2})").json()["position"].number(), 3u);
    EXPECT_EQ(describe("c")["dead_lettered"].number(), 3u);
    expect_problem(post("c", "skip"), 409);
    expect_problem(post("c", "skip", R"({"count":0})"), 422);
    ASSERT_EQ(client_.send("DELETE", "/v1/consumers/c", "", {}).status, 204u);
  }
}

TEST_F(ConsumerRoutes, BoundsAreChangedAndNothingElse) {
  ASSERT_EQ(create("c", R"({"mode":"shared"})").status, 201u);
  ASSERT_EQ(create("x", R"({"max_attempts":3})").status, 201u);
  const auto patch = [&](const std::string& name, const std::string& body) {
    return client_.send("PATCH", "/v1/consumers/" + name, body,
                        {{"Content-Type", "application/json"}});
  };
  const Response changed =
      patch("c", R"({"ack_deadline_ms":7,"max_attempts":8,"unacked_max":9,"retain":true})");
  ASSERT_EQ(changed.status, 200u) << changed.body;
  for (const Json& info : {changed.json(), describe("c")}) {
    EXPECT_EQ(info["ack_deadline_ms"].number(), 7u);
    EXPECT_EQ(info["max_attempts"].number(), 8u);
    EXPECT_EQ(info["unacked_max"].number(), 9u);
    EXPECT_EQ(info["retain"].text(), "true");
  }
  EXPECT_EQ(describe("x")["max_attempts"].number(), 3u);
  EXPECT_EQ(patch("x", R"({"max_attempts":0})").json()["max_attempts"].number(), 0u);
  for (const char* wrong : {R"({"mode":"keyed"})", R"({"stream":"s"})", R"({"key":"k"})", "{}",
                            R"({"ack_deadline_ms":0})", R"({"unknown":1})"}) {
    expect_problem(patch("c", wrong), 422);
  }
  expect_problem(patch("x", R"({"unacked_max":1})"), 422);
  expect_problem(patch("none", R"({"retain":true})"), 404);
}

TEST_F(ConsumerRoutes, MetricsSayWhereEachStands) {
  append("s", 0, 5);
  ASSERT_EQ(create("c", R"({"mode":"shared","stream":"s"})").status, 201u);
  fetch("c", R"({"max":2})");
  const std::string metrics = client_.get("/metrics").body;
  for (const char* line : {"strandline_consumer_lag_events{consumer=\"c\"} 5",
                           "strandline_consumer_unacked_events{consumer=\"c\"} 2",
                           "strandline_consumer_pending_events{consumer=\"c\"} 2",
                           "strandline_consumer_in_flight_events{consumer=\"c\"} 2",
                           "strandline_consumer_redelivered_events{consumer=\"c\"} 0",
                           "strandline_consumer_dead_lettered_events{consumer=\"c\"} 0",
                           "strandline_consumer_members{consumer=\"c\"} 1",
                           "strandline_consumer_oldest_unacked_seconds{consumer=\"c\"}"}) {
    EXPECT_THAT(metrics, testing::HasSubstr(line));
  }
}

}  // namespace
}  // namespace strandline::tests
