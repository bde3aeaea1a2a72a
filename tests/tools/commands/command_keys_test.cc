// `strandline keys`, the first key, and how commands show theirs; where a server may listen.
#include <sys/stat.h>

#include "tests/support/http/guarded_server.h"
#include "tests/support/http/tokens.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

class KeysCommand : public ::testing::Test {
 protected:
  std::string data() const { return (directory_ / "data").string(); }
  std::string file(const std::string& name) const { return (directory_ / name).string(); }
  std::string make_file(const std::string& name, const std::string& text, mode_t mode) const {
    const std::string path = file(name);
    write_file(path, text);
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  Outcome keys(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "keys");
    arguments.insert(arguments.end(), {"--data", data()});
    return strandline(std::move(arguments));
  }

  TemporaryDirectory directory_;
};

TEST_F(KeysCommand, MakeTheFirstKeyOfALogAndAllThatFollows) {
  const Outcome made =
      keys({"create", "admin", "--grant", "admin", "--secret-file", file("admin")});
  ASSERT_EQ(made.exit, 0) << made.errors;
  EXPECT_THAT(made.output, Not(HasSubstr("strd_")));
  struct stat about = {};
  ASSERT_EQ(stat(file("admin").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  const Outcome shop = keys({"create", "shop", "--grant", R"(append,read:a:b,c/\**)", "--grant",
                             "consume:*", "--expires", "90d"});
  ASSERT_EQ(shop.exit, 0) << shop.errors;
  EXPECT_THAT(shop.output, HasSubstr("strd_"));
  EXPECT_THAT(shop.output, HasSubstr(R"(append:a:b,c/\** read:a:b,c/\** consume:*)"));
  EXPECT_THAT(shop.errors, HasSubstr("not shown again"));
  const Outcome listed = keys({"ls"});
  EXPECT_THAT(listed.output, HasSubstr("admin"));
  EXPECT_THAT(listed.output, Not(HasSubstr("strd_")));
  EXPECT_THAT(keys({"show", "shop", "--json"}).output,
              HasSubstr(R"({"action":"append","prefix":"a:b,c/*"})"));
  EXPECT_THAT(keys({"rotate", "shop", "--grace", "1h"}).output, HasSubstr("strd_"));
  EXPECT_THAT(keys({"revoke", "shop"}).output, HasSubstr("revoked"));
  EXPECT_EQ(keys({"rotate", "shop"}).exit, 2);
  EXPECT_NE(keys({"show", "nobody"}).exit, 0);
  EXPECT_NE(keys({"create", "admin", "--grant", "admin"}).exit, 0) << "it is there";
  const Outcome bad = keys({"create", "k", "--grant", "reed:a"});
  EXPECT_EQ(bad.exit, 2);
  EXPECT_THAT(bad.errors, HasSubstr("read, append"));
  EXPECT_NE(keys({"create", "k", "--grant", "read:a", "--secret-file", file("admin")}).exit, 0)
      << "no file is overwritten";
}

TEST_F(KeysCommand, WhoIsNotLetInIsRefusedByEveryCommandAlike) {
  ASSERT_EQ(keys({"create", "admin", "--grant", "admin", "--secret-file", file("admin")}).exit, 0);
  // A key that may nothing of what is asked.
  ASSERT_EQ(keys({"create", "other", "--grant", "presence:x", "--secret-file", file("other")}).exit,
            0);
  const ServerProcess server(data());
  write_file(file("events"), "{\"type\":\"t\"}\n");
  const std::vector<std::vector<std::string>> commands = {
      {"append", "s"},
      {"read", "s"},
      {"read", "--all"},
      {"tail", "s"},
      {"streams"},
      {"streams", "show", "s"},
      {"streams", "create", "s"},
      {"streams", "truncate", "s", "--before", "0"},
      {"streams", "rm", "s"},
      {"consumers"},
      {"consumers", "show", "c"},
      {"consumers", "create", "c", "s"},
      {"stats"},
      {"keys"},
      {"keys", "show", "admin"},
      {"keys", "create", "k", "--grant", "admin"},
      {"keys", "rotate", "admin"},
      {"keys", "revoke", "admin"},
      {"export", "s", "--output", file("out")},
      {"import", file("events"), "--stream", "s"}};
  for (const bool known : {false, true}) {
    for (std::vector<std::string> arguments : commands) {
      SCOPED_TRACE((known ? "403 " : "401 ") + arguments[0] + " " +
                   (arguments.size() > 1 ? arguments[1] : ""));
      arguments.insert(arguments.end(), {"--server", server.address().url()});
      if (known) arguments.insert(arguments.end(), {"--token-file", file("other")});
      const Outcome outcome = strandline(arguments, "{\"type\":\"t\"}\n");
      // Lists show what may be seen; a consumer that may not be used is not there.
      const bool list = arguments[0] == "streams" && arguments[1] == "--server";
      EXPECT_TRUE(outcome.exit == 5 || (known && (list || outcome.exit == 3)))
          << outcome.exit << ": " << outcome.errors << outcome.output;
    }
  }
}

TEST_F(KeysCommand, TalkToAServerWithAKeyOfAFileOrOfTheEnvironment) {
  ASSERT_EQ(keys({"create", "admin", "--grant", "admin", "--secret-file", file("admin")}).exit, 0);
  ServerProcess server(data());
  const std::string url = server.address().url();
  const auto remote = [&](std::vector<std::string> arguments, const std::string& token_file,
                          const std::string& input = {}) {
    arguments.insert(arguments.end(), {"--server", url});
    if (!token_file.empty()) arguments.insert(arguments.end(), {"--token-file", token_file});
    return strandline(std::move(arguments), input);
  };
  const Outcome nobody = remote({"streams"}, "");
  EXPECT_NE(nobody.exit, 0);
  EXPECT_THAT(nobody.errors, HasSubstr("API key"));
  const Outcome made = remote({"keys", "create", "shop", "--grant", "append,read,consume,manage:a*",
                               "--secret-file", file("shop")},
                              file("admin"));
  ASSERT_EQ(made.exit, 0) << made.errors;
  EXPECT_EQ(
      remote({"append", "a", "--type", "t", "--data-text", "x"}, file("shop"), "").exit == 0 ||
          remote({"append", "a"}, file("shop"), "{\"type\":\"t\"}\n").exit == 0,
      true);
  EXPECT_EQ(remote({"read", "a"}, file("shop")).exit, 0);
  EXPECT_THAT(remote({"append", "b"}, file("shop"), "{\"type\":\"t\"}\n").errors,
              HasSubstr("not granted append"));
  EXPECT_THAT(remote({"keys", "ls"}, file("shop")).errors, HasSubstr("not granted admin"));
  EXPECT_THAT(remote({"keys", "ls"}, file("admin")).output, HasSubstr("shop"));
  EXPECT_THAT(remote({"keys", "rotate", "shop"}, file("admin")).output, HasSubstr("strd_"));
  EXPECT_NE(remote({"read", "a"}, file("shop")).exit, 0);
  EXPECT_EQ(remote({"keys", "revoke", "shop"}, file("admin")).exit, 0);
  EXPECT_EQ(remote({"stats"}, file("admin")).exit, 0);

  std::string secret = read_file(file("admin"));
  secret.pop_back();
  setenv("STRANDLINE_TOKEN", secret.c_str(), 1);
  EXPECT_EQ(remote({"keys", "ls"}, "").exit, 0);
  setenv("STRANDLINE_TOKEN", "strd_wrong", 1);
  EXPECT_NE(remote({"keys", "ls"}, "").exit, 0);
  unsetenv("STRANDLINE_TOKEN");
  setenv("STRANDLINE_TOKEN_FILE", file("admin").c_str(), 1);
  EXPECT_EQ(remote({"keys", "ls"}, "").exit, 0);
  unsetenv("STRANDLINE_TOKEN_FILE");
}

TEST_F(KeysCommand, TakeATokenThatIsAsLargeAsAServerTakes) {
  const TokenSigner signer("ES256");
  write_file(file("tokens.pem"), signer.pem());
  ServerProcess server(data(), {"--jwt-issuer", "https://id.example", "--jwt-audience",
                                "strandline", "--jwt-keys", file("tokens.pem")});
  const std::string token =
      signer.sign(good_claims("\"admin\"", ",\"more\":\"" + std::string(5'900, 'x') + "\""));
  ASSERT_GT(token.size(), 8'000u);
  ASSERT_LE(token.size(), 8'192u);
  const Outcome taken = strandline({"keys", "ls", "--server", server.address().url(),
                                    "--token-file", make_file("token", token + "\n", 0600)});
  EXPECT_EQ(taken.exit, 0) << taken.errors;
}

TEST_F(KeysCommand, RefuseAFileThatOthersMayReadAndSayNothingOfWhatIsInIt) {
  const std::string secret(40, 'q');
  for (const mode_t mode : {0644u, 0640u, 0604u}) {
    const std::string open = make_file("open", secret + "\n", mode);
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"streams", "--server", "127.0.0.1:1", "--token-file", open},
          {"serve", "--data", data(), "--listen", "127.0.0.1:0", "--root-key-file", open}}) {
      const Outcome refused = strandline(command);
      EXPECT_NE(refused.exit, 0);
      EXPECT_THAT(refused.errors, HasSubstr("chmod 600"));
      EXPECT_THAT(refused.errors, Not(HasSubstr(secret)));
    }
  }
  for (const std::string& text : {std::string(), std::string("short\n"), secret + " " + secret,
                                  secret + "\n" + secret, std::string(8'193, 'q')}) {
    const Outcome refused = strandline(
        {"streams", "--server", "127.0.0.1:1", "--token-file", make_file("bad", text, 0600)});
    EXPECT_NE(refused.exit, 0);
    EXPECT_THAT(refused.errors, HasSubstr("printable"));
  }
  EXPECT_NE(strandline({"streams", "--token-file", file("none")}).exit, 0);
}

TEST_F(KeysCommand, ARootKeyFileIsTheFirstKeyAndRotatesIt) {
  const std::string first(40, 'a'), second(40, 'b');
  const std::string path = make_file("root", first + "\n", 0600);
  const auto status = [&](const std::string& secret) {
    ServerProcess server(data(), {"--root-key-file", path});
    const unsigned answered = server.client().get("/v1/info", bearer(secret)).status;
    EXPECT_THAT(server.process().errors(), Not(HasSubstr(secret)));
    server.stop();
    return answered;
  };
  EXPECT_EQ(status(first), 200u);
  EXPECT_EQ(status(first), 200u);
  make_file("root", second, 0600);
  EXPECT_EQ(status(second), 200u);
  EXPECT_EQ(status(first), 401u);
  ASSERT_EQ(keys({"revoke", "root"}).exit, 0);
  EXPECT_THAT(
      strandline({"serve", "--data", data(), "--listen", "127.0.0.1:0", "--root-key-file", path})
          .errors,
      HasSubstr("was revoked"));
}

TEST_F(KeysCommand, AServerIsReachedByOtherMachinesOnlyWithAccessControlOrWhenToldTo) {
  const std::vector<std::string> everywhere = {"serve", "--data", data(), "--listen", "0.0.0.0:0"};
  const Outcome refused = strandline(everywhere);
  EXPECT_NE(refused.exit, 0);
  EXPECT_THAT(refused.errors, HasSubstr("strandline keys create"));
  EXPECT_THAT(refused.errors, HasSubstr("--insecure"));
  const auto starts = [&](std::vector<std::string> arguments, const std::string& says) {
    arguments.insert(arguments.begin(), STRANDLINE_PROGRAM);
    Process server(std::move(arguments));
    while (!server.line().value().starts_with("listening on")) {
    }
    EXPECT_THAT(server.errors(), HasSubstr(says));
  };
  std::vector<std::string> insecure = everywhere;
  insecure.emplace_back("--insecure");
  starts(insecure, "access control is off, and 0.0.0.0");
  ASSERT_EQ(keys({"create", "admin", "--grant", "admin"}).exit, 0);
  starts(everywhere, "access control is on");
  ASSERT_EQ(keys({"revoke", "admin"}).exit, 0);
  starts(everywhere, "access control is on");
  const TemporaryDirectory other;
  starts({"serve", "--data", (other / "data").string(), "--listen", "127.0.0.1:0"},
         "access control is off");
}

TEST_F(KeysCommand, WhatWasAnsweredOfAKeyOutlivesAKill) {
  ASSERT_EQ(keys({"create", "admin", "--grant", "admin", "--secret-file", file("admin")}).exit, 0);
  std::string admin = read_file(file("admin"));
  admin.pop_back();
  std::vector<std::string> secrets;
  for (int round = 0; round < 4; ++round) {
    ServerProcess server(data());
    HttpClient client = server.client();
    const auto ask = [&](const std::string& target, const std::string& body) {
      Headers headers = bearer(admin);
      headers.emplace_back("Content-Type", "application/json");
      return client.send("POST", target, body, headers);
    };
    for (size_t i = 0; i < secrets.size(); ++i) {
      const bool revoked = i + 1 < secrets.size();
      EXPECT_EQ(client.get("/v1/streams", bearer(secrets[i])).status, revoked ? 401u : 200u) << i;
    }
    if (round > 0) {
      const std::string last = std::to_string(round - 1);
      ASSERT_EQ(ask("/v1/keys/k" + last + "/revoke", "{}").status, 200u);
    }
    const Response made =
        ask("/v1/keys", "{\"key\":\"k" + std::to_string(round) + "\",\"grants\":\"read:*\"}");
    ASSERT_EQ(made.status, 201u) << made.body;
    secrets.push_back(made.json()["secret"].str());
    server.kill();
  }
}

TEST_F(KeysCommand, SecretsAreInNoLogLineAndNoMetric) {
  ASSERT_EQ(keys({"create", "admin", "--grant", "admin", "--secret-file", file("admin")}).exit, 0);
  std::string secret = read_file(file("admin"));
  secret.pop_back();
  ServerProcess server(data(), {"--log-level", "trace"});
  HttpClient client = server.client();
  const Response made =
      client.send("POST", "/v1/keys", R"({"key":"k","grants":"read:*"})",
                  {{"Authorization", "Bearer " + secret}, {"Content-Type", "application/json"}});
  const std::string other = made.json()["secret"].str();
  const std::string ticket =
      client
          .send("POST", "/v1/tickets", R"({"grants":"read:*"})",
                {{"Authorization", "Bearer " + other}, {"Content-Type", "application/json"}})
          .json()["ticket"]
          .str();
  client.get("/nowhere?ticket=" + ticket, bearer(secret));
  client.get("/v1/streams/none/events?ticket=" + ticket);
  client.get("/v1/streams/none/events?bad=1&ticket=" + ticket);
  client.get("/v1/streams", {{"Authorization", "Bearer  x" + secret}});
  std::string told = client.get("/metrics", bearer(secret)).body +
                     client.get("/v1/info", bearer(secret)).body +
                     client.get("/v1/keys", bearer(secret)).body;
  for (const char* path : {"/nowhere?ticket=", "/v1/streams/none/events?bad=1&ticket="}) {
    told += client.get(path + ticket).body;
  }
  told += client.get("/v1/streams", {{"Authorization", "Bearer  x" + secret}}).body;
  server.stop();
  told += server.process().errors();
  for (const std::string& hidden : {secret, other, ticket}) {
    EXPECT_THAT(told, Not(HasSubstr(hidden)));
  }
}

}  // namespace
}  // namespace strandline::tests
