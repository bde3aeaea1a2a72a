// Proofs over HTTP and at the command line: checkpoints, tiles, proofs, salts, keys; who may have
// them; and that tools which nobody here wrote accept them, from a server that is appended to.
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "engine/proof/proof_file.h"
#include "engine/proof/tile.h"
#include "tests/support/http/guarded_server.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::vector<std::string> kAudited = {"--audit", "a*", "--checkpoint-interval", "0s"};

class ServerProof : public GuardedServerTest {
 protected:
  ServerProof() : GuardedServerTest(kAudited) {}

  void append(const std::string& stream, uint64_t first, uint64_t count) {
    ASSERT_EQ(
        client_.post("/v1/streams/" + stream + "/events", json_events(stream, first, count)).status,
        201u);
  }
  std::string sign(const std::string& stream) {
    const Response note = client_.send("POST", "/v1/streams/" + stream + "/checkpoint");
    EXPECT_EQ(note.status, 200u) << note.body;
    return note.body;
  }
  std::vector<PublicKey> keys() {
    std::vector<PublicKey> keys;
    std::istringstream lines(client_.get("/v1/checkpoint-keys").body);
    for (std::string line; std::getline(lines, line);) {
      keys.push_back(parse_public_key(line).value());
    }
    return keys;
  }
  Outcome command(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--server", server_.address().url()});
    return strandline(std::move(arguments));
  }
};

TEST_F(ServerProof, CheckpointsTilesProofsAndSaltsAreServed) {
  append("a", 0, 300);
  expect_problem(client_.get("/v1/streams/a/checkpoint"), 404);
  expect_problem(client_.get("/v1/streams/none/checkpoint"), 404);
  const std::string note = sign("a");
  const Response shown = client_.get("/v1/streams/a/checkpoint");
  EXPECT_EQ(shown.body, note);
  EXPECT_THAT(shown.header("content-type"), StartsWith("text/plain"));
  const auto checkpoint = open_checkpoint(note, keys());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->size, 300u);

  const Response full = client_.get("/v1/streams/a/tile/0/000");
  EXPECT_EQ(full.status, 200u);
  EXPECT_EQ(full.header("content-type"), "application/octet-stream");
  EXPECT_EQ(full.body.size(), 256u * 32);
  EXPECT_EQ(client_.get("/v1/streams/a/tile/0/001.p/44").body.size(), 44u * 32);
  EXPECT_EQ(client_.get("/v1/streams/a/tile/1/000.p/1").body.size(), 32u);
  EXPECT_EQ(parse_bundle(client_.get("/v1/streams/a/tile/entries/001.p/44").body)->size(), 44u);
  // A partial tile is not served under a full one's name, nor is what is no tile.
  for (const char* none : {"0/001", "0/002", "1/000", "entries/001", "0/001.p/45", "0/1", "64/000",
                           "0/001.p/0", "0/001.p/256", "0/x000/001", "x/000"}) {
    expect_problem(client_.get(std::string("/v1/streams/a/tile/") + none), 404);
  }

  const auto proof = parse_proof(client_.get("/v1/streams/a/proof?offset=270").body);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_TRUE(verify_proof(*proof, keys()));
  append("a", 300, 100);
  sign("a");
  const auto grown =
      parse_consistency_proof(client_.get("/v1/streams/a/consistency?from=300").body);
  ASSERT_TRUE(grown) << grown.error().message;
  EXPECT_TRUE(verify_proof(*grown, note, keys()));
  const std::string salts = client_.get("/v1/streams/a/salts?from=390&limit=100").body;
  EXPECT_EQ(std::ranges::count(salts, '\n'), 10);
  EXPECT_THAT(salts, StartsWith("{\"offset\":390,\"salts\":\""));

  expect_problem(client_.get("/v1/streams/a/proof"), 400);
  expect_problem(client_.get("/v1/streams/a/proof?offset=x"), 400);
  EXPECT_GE(client_.get("/v1/streams/a/proof?offset=400").status, 400u);
  append("plain", 0, 1);
  expect_problem(client_.send("POST", "/v1/streams/plain/checkpoint"), 400);
}

TEST_F(ServerProof, WhoMayAuditMayHaveThemAndNobodyElse) {
  append("a", 0, 10);
  sign("a");
  guard();
  const std::string auditor = make_key("auditor", "audit:a");
  const std::string reader = make_key("reader", "read:a");
  for (const char* path : {"/v1/streams/a/checkpoint", "/v1/streams/a/tile/0/000.p/10",
                           "/v1/streams/a/proof?offset=1", "/v1/streams/a/consistency?from=1"}) {
    EXPECT_EQ(get(path, auditor).status, 200u) << path;
    EXPECT_EQ(get(path, reader).status, 403u) << path;
    EXPECT_EQ(get(path, "").status, 401u) << path;
  }
  EXPECT_EQ(get("/v1/streams/a/salts", reader).status, 200u);
  EXPECT_EQ(get("/v1/streams/a/salts", auditor).status, 403u);
  EXPECT_EQ(get("/v1/streams/a/checkpoint-keys", auditor).status, 200u);
  EXPECT_EQ(get("/v1/streams/a/checkpoint-keys", reader).status, 403u);
  EXPECT_EQ(get("/v1/checkpoint-keys", auditor).status, 403u);
  EXPECT_EQ(ask("POST", "/v1/checkpoint-keys/rotate", auditor, "{}").status, 403u);
  EXPECT_EQ(ask("POST", "/v1/checkpoint-keys/rotate", admin_, "{}").status, 200u);
}

TEST_F(ServerProof, TheCommandLineProvesAndVerifiesWithoutALog) {
  append("a", 0, 20);
  const Outcome older = command({"checkpoint", "sign", "a"});
  ASSERT_EQ(older.exit, 0) << older.errors;
  append("a", 20, 20);
  EXPECT_EQ(command({"checkpoint", "sign", "a"}).exit, 0);
  const auto file = [&](const char* name, const std::string& text) {
    write_file(directory_ / name, text);
    return (directory_ / name).string();
  };
  const std::string key = file("key", command({"checkpoint", "keys"}).output);
  const std::string proof = file("proof", command({"proof", "event", "a", "17"}).output);
  const Outcome good = strandline({"verify", "--proof", proof, "--key", key});
  EXPECT_EQ(good.exit, 0) << good.errors;
  EXPECT_THAT(good.output, HasSubstr("event 17 is in the tree of 40 events"));
  const std::string grown =
      file("grown", command({"proof", "consistency", "a", "--from", "20"}).output);
  const Outcome held = strandline(
      {"verify", "--proof", grown, "--key", key, "--older", file("older", older.output)});
  EXPECT_EQ(held.exit, 0) << held.errors;
  EXPECT_THAT(held.output, HasSubstr("the tree of 40 events begins with that of 20"));
  std::string forged = read_file(proof);
  forged[forged.find("index 17") + 7] = '6';
  EXPECT_EQ(strandline({"verify", "--proof", file("forged", forged), "--key", key}).exit, 1);
  EXPECT_EQ(strandline({"verify", "--proof", proof}).exit, 2) << "no key";
  EXPECT_NE(strandline({"verify", "--proof", (directory_ / "none").string(), "--key", key}).exit,
            0);
  EXPECT_EQ(strandline({"verify", "--proof", grown, "--key", key}).exit, 2) << "no --older";

  const Outcome refused = command({"checkpoint", "rotate-key"});
  EXPECT_EQ(refused.exit, 2) << "nobody has agreed";
  const Outcome rotated = command({"checkpoint", "rotate-key", "--yes"});
  EXPECT_EQ(rotated.exit, 0) << rotated.errors;
  EXPECT_EQ(keys().size(), 2u);
  EXPECT_EQ(strandline({"verify", "--proof", proof, "--key", key}).exit, 0) << "the old one holds";
  EXPECT_EQ(command({"checkpoint", "show", "none"}).exit, 1);
}

TEST_F(ServerProof, ForeignVerifiersAcceptAServerUnderLoad) {
  const std::string source = std::string(STRANDLINE_SOURCE_DIR) + "/tests/foreign";
  const std::string program = (directory_ / "foreign").string();
  if (run({"sh", "-c", "command -v go"}).exit != 0)
    GTEST_SKIP() << "this machine does not let a test run Go";
  const Outcome built = run({"sh", "-c", "cd " + source + " && go build -o " + program + " ."});
  if (built.exit != 0) {
    GTEST_SKIP() << "this machine does not let a test have the modules: " << built.errors;
  }
  append("a", 0, 700);
  sign("a");
  std::atomic<bool> done = false;
  std::thread load([&] {
    HttpClient client = server_.client();
    for (uint64_t next = 700; !done; next += 10) {
      (void)client.post("/v1/streams/a/events", json_events("a", next, 10));
      if (next % 50 == 0) (void)client.send("POST", "/v1/streams/a/checkpoint");
    }
  });
  const PublicKey key = keys().back();
  const std::string of_stream = render_key(for_origin(key, origin_of(key.name, "a")).value());
  EXPECT_EQ(client_.get("/v1/streams/a/checkpoint-keys").body, of_stream + "\n");
  for (int round = 0; round < 3; ++round) {
    const Outcome checked = run({program, server_.address().url() + "/v1/streams/a/", of_stream});
    EXPECT_EQ(checked.exit, 0) << checked.errors;
    EXPECT_THAT(checked.output, HasSubstr("accepted"));
  }
  const PublicKey another = public_key_of(new_private_key(origin_of(key.name, "a")));
  EXPECT_EQ(run({program, server_.address().url() + "/v1/streams/a/", render_key(another)}).exit,
            1);
  done = true;
  load.join();
}

}  // namespace
}  // namespace strandline::tests
