// `strandline backup` against a server and against directories, as an operator would.
#include <gmock/gmock.h>

#include "tests/support/http/json.h"
#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CommandBackup : public ::testing::Test {
 protected:
  // What was done since a backup is in $admin.
  CommandBackup() { ::setenv("STRANDLINE_RECORD_ADMINISTRATION", "true", 1); }
  ~CommandBackup() override { ::setenv("STRANDLINE_RECORD_ADMINISTRATION", "false", 1); }
  Outcome backup(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "backup");
    return strandline(std::move(arguments));
  }
  Outcome local(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--data", data_, "--backups", backups_});
    return backup(std::move(arguments));
  }
  void append(const std::string& data, const std::string& text) const {
    const Outcome outcome = strandline({"append", "s", "--text", "--data", data}, text);
    ASSERT_EQ(outcome.exit, 0) << outcome.errors;
  }
  std::string read(const std::string& data) const {
    return strandline({"export", "s", "--form", "lines", "-o", "-", "--data", data}).output;
  }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
  const std::string backups_ = (directory_ / "backups").string();
  const std::string fresh_ = (directory_ / "fresh").string();
};

TEST_F(CommandBackup, OfADirectoryIsMadeListedVerifiedRestoredAndRemoved) {
  append(data_, "one\n");
  const Outcome made = local({"create"});
  ASSERT_EQ(made.exit, 0) << made.errors;
  EXPECT_THAT(made.output, HasSubstr("backup 1: "));
  append(data_, "two\n");
  ASSERT_EQ(local({"create"}).exit, 0);
  EXPECT_THAT(backup({"ls", "--backups", backups_}).output, HasSubstr("MADE"));
  const Json listed = Json::parse(backup({"--json", "--backups", backups_}).output);
  ASSERT_EQ(listed["backups"].size(), 2u);
  EXPECT_LT(listed["backups"][0]["next"].number(), listed["backups"][1]["next"].number());
  EXPECT_EQ(backup({"verify", "2", "--backups", backups_}).exit, 0);

  const std::string point = std::to_string(listed["backups"][0]["next"].number());
  const Outcome which =
      backup({"restore", "--to", point, "--dry-run", "--backups", backups_, "--data", fresh_});
  EXPECT_THAT(which.output, HasSubstr("would restore backup 1"));
  EXPECT_FALSE(fs::exists(fresh_));
  // What was taken away since comes back: that is to be said.
  const Outcome unsaid = backup({"restore", "--backups", backups_, "--data", fresh_});
  EXPECT_EQ(unsaid.exit, 2);
  EXPECT_THAT(unsaid.errors, HasSubstr("--forget-later-acts"));
  const Outcome restored = backup(
      {"restore", "--to", point, "--forget-later-acts", "--backups", backups_, "--data", fresh_});
  ASSERT_EQ(restored.exit, 0) << restored.errors;
  EXPECT_THAT(restored.output, HasSubstr("restored backup 1"));
  EXPECT_EQ(read(fresh_), "one\n");
  EXPECT_NE(
      backup({"restore", "--forget-later-acts", "--backups", backups_, "--data", fresh_}).exit, 0);

  EXPECT_EQ(backup({"rm", "1", "--backups", backups_}).exit, 2);
  EXPECT_EQ(backup({"rm", "1", "--yes", "--backups", backups_}).exit, 0);
  EXPECT_EQ(backup({"rm", "1", "--yes", "--backups", backups_}).exit, 3);
  EXPECT_EQ(backup({"verify", "2", "--backups", backups_}).exit, 0);
}

TEST_F(CommandBackup, ADamagedOneIsNamed) {
  append(data_, "one\n");
  ASSERT_EQ(local({"create"}).exit, 0);
  const fs::path head = fs::path(backups_) / "1" / "HEAD";
  std::string bytes = read_file(head);
  bytes[20] = static_cast<char>(bytes[20] ^ 4);
  write_file(head, bytes);
  const Outcome verified = backup({"verify", "1", "--backups", backups_});
  EXPECT_EQ(verified.exit, 1);
  EXPECT_THAT(verified.output, HasSubstr(head.string()));
  const Outcome restored =
      backup({"restore", "--forget-later-acts", "--backups", backups_, "--data", fresh_});
  EXPECT_EQ(restored.exit, 1);
  EXPECT_THAT(restored.errors, HasSubstr("backup 1 is damaged"));
  EXPECT_THAT(restored.errors, HasSubstr(head.string()));
}

TEST_F(CommandBackup, OfAServerGoesWhereItsOperatorSaid) {
  ServerProcess server(data_, {"--backup-directory", backups_});
  HttpClient client = server.client();
  const std::string url = "http://127.0.0.1:" + server.address().port;
  ASSERT_EQ(client.post("/v1/streams/s/events", R"({"type":"t"})").status, 201u);
  EXPECT_EQ(backup({"create", "--server", url, "--backups", "/elsewhere"}).exit, 2);
  const Outcome made = backup({"create", "--server", url, "--json"});
  ASSERT_EQ(made.exit, 0) << made.errors;
  const Json info = Json::parse(made.output);
  EXPECT_EQ(info["backup"].number(), 1u);
  EXPECT_EQ(info["incarnation"].str(), client.get("/v1/info").json()["incarnation"].str());
  EXPECT_THAT(client.get("/metrics").body, HasSubstr("strandline_backup_age_seconds"));
  EXPECT_EQ(backup({"verify", "1", "--server", url}).exit, 0);
  EXPECT_EQ(backup({"verify", "7", "--server", url}).exit, 3);
  EXPECT_EQ(backup({"ls", "--server", url}).exit, 0);
  EXPECT_EQ(backup({"rm", "1", "--yes", "--server", url}).exit, 0);
  EXPECT_EQ(client.get("/v1/backups").json()["backups"].size(), 0u);
  const std::string acts = client.get("/v1/streams/$admin/events").body;
  EXPECT_THAT(acts, HasSubstr("strandline.backup.made"));
  EXPECT_THAT(acts, HasSubstr("strandline.backup.removed"));
}

TEST_F(CommandBackup, AServerWithoutADirectoryForThemSaysSo) {
  ServerProcess server(data_);
  const auto answer = server.client().post("/v1/backups", "{}");
  EXPECT_EQ(answer.status, 422u) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("backup_directory"));
}

TEST_F(CommandBackup, WhatWasErasedSinceIsErasedAgain) {
  ASSERT_EQ(strandline({"append", "kept", "--data", data_}, "one\ntwo\nthree\n").exit, 0);
  ASSERT_EQ(local({"create"}).exit, 0);
  const Outcome erased =
      strandline({"erase", "kept", "--offset", "1", "--what", "events", "--yes", "--data", data_});
  ASSERT_EQ(erased.exit, 0) << erased.errors;
  const std::string acts = (directory_ / "admin.ndjson").string();
  ASSERT_EQ(strandline({"export", "$admin", "--full", "-o", acts, "--data", data_}).exit, 0);
  const Outcome restored =
      backup({"restore", "--admin", acts, "--backups", backups_, "--data", fresh_});
  ASSERT_EQ(restored.exit, 0) << restored.errors;
  const Outcome read = strandline({"read", "kept", "--data", fresh_});
  EXPECT_THAT(read.output, HasSubstr("three"));
  EXPECT_THAT(read.output, testing::Not(HasSubstr("two")));
}

TEST_F(CommandBackup, AKeyThatWasRevokedSinceIsRevokedAgain) {
  const auto keys = [&](std::vector<std::string> arguments, const std::string& data) {
    arguments.insert(arguments.begin(), "keys");
    arguments.insert(arguments.end(), {"--data", data});
    return strandline(std::move(arguments));
  };
  for (const char* key : {"good", "bad"}) {
    ASSERT_EQ(keys({"create", key, "--grant", "read:*"}, data_).exit, 0);
  }
  ASSERT_EQ(local({"create"}).exit, 0);
  ASSERT_EQ(keys({"revoke", "bad", "--yes"}, data_).exit, 0);
  const std::string acts = (directory_ / "admin.ndjson").string();
  ASSERT_EQ(strandline({"export", "$admin", "--full", "-o", acts, "--data", data_}).exit, 0);

  const Outcome restored =
      backup({"restore", "--admin", acts, "--backups", backups_, "--data", fresh_});
  ASSERT_EQ(restored.exit, 0) << restored.errors;
  EXPECT_THAT(restored.output, HasSubstr("1 later acts"));
  EXPECT_THAT(keys({"show", "bad"}, fresh_).output, HasSubstr("revoked"));
  EXPECT_THAT(keys({"show", "good"}, fresh_).output, HasSubstr("good"));
  // Something else in its place restores nothing.
  fs::remove_all(fresh_);
  write_file(acts, "{\"type\":\"x\",\"stream\":\"s\"}\n");
  const Outcome refused =
      backup({"restore", "--admin", acts, "--backups", backups_, "--data", fresh_});
  EXPECT_NE(refused.exit, 0);
  EXPECT_THAT(refused.errors, HasSubstr(":1"));
  EXPECT_FALSE(fs::exists(fs::path(fresh_) / "FORMAT"));
}

TEST_F(CommandBackup, ADiskThatTakesNoMoreLeavesTheOthersAsTheyWere) {
  append(data_, "one\n");
  ASSERT_EQ(local({"create"}).exit, 0);
  std::string lines;
  for (int i = 0; i < 4'000; ++i) lines += std::string(1'000, 'x') + std::to_string(i) + "\n";
  append(data_, lines);
  // So that opening the log again writes no large file.
  ASSERT_EQ(backup({"create", "--data", data_, "--backups", (directory_ / "other").string()}).exit,
            0);
  const Outcome full =
      run({"bash", "-c", "trap '' XFSZ; ulimit -f 1000; exec \"$@\"", "-", STRANDLINE_PROGRAM,
           "backup", "create", "--data", data_, "--backups", backups_});
  EXPECT_NE(full.exit, 0);
  EXPECT_THAT(full.errors, HasSubstr(backups_));
  EXPECT_FALSE(fs::exists(fs::path(backups_) / "2"));
  EXPECT_EQ(backup({"verify", "1", "--backups", backups_}).exit, 0);
  EXPECT_EQ(files_below(fs::path(backups_) / "tables", ".new").size(), 0u);
  ASSERT_EQ(local({"create"}).exit, 0);
  EXPECT_EQ(backup({"verify", "2", "--backups", backups_}).exit, 0);
}

TEST_F(CommandBackup, WhatIsNoDirectoryOfBackupsIsLeftAlone) {
  append(data_, "one\n");
  fs::create_directory(backups_);
  write_file(fs::path(backups_) / "mine", "text");
  EXPECT_NE(local({"create"}).exit, 0);
  EXPECT_EQ(backup({"ls", "--backups", backups_}).exit, 3);
  EXPECT_EQ(files_below(backups_).size(), 1u);
  EXPECT_EQ(backup({"create", "--data", data_, "--backups", data_ + "/backups"}).exit, 2);
  EXPECT_EQ(backup({"create", "--data", data_}).exit, 2);
}

TEST_F(CommandBackup, KilledInTheMiddleLeavesTheOthersAndIsRunAgain) {
  std::string lines;
  for (int i = 0; i < 4'000; ++i)
    lines += std::string(1'000, static_cast<char>('a' + i % 26)) + "\n";
  append(data_, lines);
  ASSERT_EQ(local({"create"}).exit, 0);
  append(data_, lines);
  {
    Process process({STRANDLINE_PROGRAM, "backup", "create", "--rate", "300KB", "--data", data_,
                     "--backups", backups_});
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!fs::exists(fs::path(backups_) / "2") && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    process.kill_and_wait();
  }
  EXPECT_EQ(Json::parse(backup({"--json", "--backups", backups_}).output)["backups"].size(), 1u);
  EXPECT_EQ(backup({"verify", "1", "--backups", backups_}).exit, 0);
  ASSERT_EQ(local({"create"}).exit, 0);
  EXPECT_EQ(backup({"verify", "2", "--backups", backups_}).exit, 0);
  ASSERT_EQ(
      backup({"restore", "--forget-later-acts", "--backups", backups_, "--data", fresh_}).exit, 0);
  EXPECT_EQ(read(fresh_), read(data_));
}

}  // namespace
}  // namespace strandline::tests
