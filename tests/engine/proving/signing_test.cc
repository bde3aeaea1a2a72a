// Checkpoints: when there is one, what they are signed with, and what is written down of them.
#include <sys/stat.h>

#include "tests/support/log/audited_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

using ProofSigning = AuditedTest;

mode_t mode_of(const std::filesystem::path& file) {
  struct stat about = {};
  EXPECT_EQ(stat(file.c_str(), &about), 0) << file;
  return about.st_mode & 0777;
}

TEST_F(ProofSigning, TheKeyIsMadeWhenItIsNeededAndNobodyElseMayReadIt) {
  append("a");
  EXPECT_EQ(code_of(log().checkpoint("a")), Code::not_found) << "none is signed yet";
  EXPECT_TRUE(log().checkpoint_keys().empty());
  EXPECT_FALSE(std::filesystem::exists(data() / "CHECKPOINT_KEY"));
  const Checkpoint signed_one = sign("a");
  EXPECT_EQ(signed_one.size, 1u);
  EXPECT_EQ(mode_of(data() / "CHECKPOINT_KEY"), 0600u);
  EXPECT_TRUE(log().checkpoint("a"));
  reopen();
  EXPECT_EQ(sign("a"), signed_one) << "nothing has come since";
  EXPECT_EQ(log().checkpoint_keys().size(), 1u);
  ASSERT_EQ(chmod((data() / "CHECKPOINT_KEY").c_str(), 0640), 0);
  reopen();
  append("a");
  const auto refused = log().sign_checkpoint("a");
  EXPECT_EQ(code_of(refused), Code::invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("chmod 600"));
}

TEST_F(ProofSigning, AfterARotationWhatWasSignedBeforeHoldsStill) {
  append("a", 10);
  sign("a");
  const std::string before = log().checkpoint("a").value();
  const PublicKey first = log().checkpoint_key().value();
  const PublicKey second = log().rotate_checkpoint_key().value();
  EXPECT_EQ(first.name, second.name);
  EXPECT_NE(first.key, second.key);
  append("a", 10);
  sign("a");
  const std::string after = log().checkpoint("a").value();
  EXPECT_TRUE(open_checkpoint(before, log().checkpoint_keys()));
  EXPECT_TRUE(open_checkpoint(before, std::vector{first}));
  EXPECT_TRUE(open_checkpoint(after, std::vector{second}));
  EXPECT_FALSE(open_checkpoint(after, std::vector{first}));
  reopen();
  EXPECT_EQ(log().checkpoint_keys(), (std::vector{first, second}));
  const auto grown = log().prove_consistency("a", 10).value();
  EXPECT_TRUE(verify_proof(grown, before, log().checkpoint_keys()));
  expect_sound();
}

TEST_F(ProofSigning, AGivenKeySignsUnderItsName) {
  const std::string file = (directory() / "given").string();
  const PrivateKey key = new_private_key("log.example/of-tests");
  write_file(file, render_key(key) + "\n");
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  options.checkpoint_key = file;
  append("a/b");
  EXPECT_EQ(sign("a/b").origin, "log.example/of-tests/a%2Fb");
  EXPECT_EQ(code_of(log().rotate_checkpoint_key()), Code::invalid);
  EXPECT_FALSE(std::filesystem::exists(data() / "CHECKPOINT_KEY"));
  options.checkpoint_key = (directory() / "missing").string();
  reopen();
  append("a/b");
  EXPECT_EQ(code_of(log().sign_checkpoint("a/b")), Code::not_found);
}

TEST_F(ProofSigning, OnAnIntervalCheckpointsAreSignedAndWrittenDown) {
  options.record_administration = true;
  options.checkpoint_interval_ms = 20;
  append("a", 300);
  append("b", 2);
  ASSERT_TRUE(eventually([&] {
    const auto admin = log().checkpoint("$admin");
    return log().checkpoint("a") && log().checkpoint("b") && admin;
  }));
  const std::string a = log().checkpoint("a").value();
  bool written = false, key = false;
  auto cursor =
      log().read({.select = Selection::stream("$admin"), .from = From::earliest()}).value();
  while (true) {
    const auto next = cursor->next();
    if (!next || !*next) break;
    const auto* events = std::get_if<Events>(&**next);
    if (!events) continue;
    for (const Event& event : *events) {
      const std::string data(event.data());
      EXPECT_NE(event.subject(), "$admin");
      key |= event.type() == "strandline.checkpoint.key";
      written |= event.type() == "strandline.checkpoint.signed" && event.subject() == "a" &&
                 data.find(json_literal(a)) != std::string::npos;
    }
  }
  EXPECT_TRUE(written);
  EXPECT_TRUE(key);
  options.checkpoint_interval_ms = 0;
  reopen();
  sign("$admin");
  expect_sound();
}

TEST_F(ProofSigning, AnObserverShowsWhatIsSignedAndSignsNothing) {
  append("a", 10);
  sign("a");
  close();
  options.mode = Options::Mode::observer;
  EXPECT_TRUE(log().checkpoint("a"));
  EXPECT_TRUE(log().prove_event("a", Offset(4)));
  EXPECT_EQ(code_of(log().sign_checkpoint("a")), Code::read_only);
}

TEST_F(ProofSigning, WhatIsNotThereIsRefused) {
  EXPECT_EQ(code_of(log().sign_checkpoint("none")), Code::not_found);
  append("a", 10);
  EXPECT_EQ(code_of(log().prove_event("a", Offset(1))), Code::not_found);
  sign("a");
  append("a", 10);
  EXPECT_EQ(code_of(log().prove_event("a", Offset(10))), Code::out_of_range);
  EXPECT_EQ(code_of(log().prove_consistency("a", 11)), Code::out_of_range);
  EXPECT_EQ(code_of(log().tile("a", {.level = 0, .index = 0})), Code::not_found) << "not full";
  EXPECT_EQ(code_of(log().tile("a", {.level = 0, .index = 0, .width = 21})), Code::not_found);
  EXPECT_EQ(code_of(log().tile("a", {.level = 1, .index = 0, .width = 1})), Code::not_found);
  EXPECT_EQ(code_of(log().tile("a", {.level = 63, .index = ~0ull, .width = 1})), Code::not_found);
  EXPECT_TRUE(log().tile("a", {.level = 0, .index = 0, .width = 20}));
}

}  // namespace
}  // namespace strandline::tests
