// API keys are a part of the log: durable when they are answered, kept when they are revoked, and
// never open to everybody again.
#include "engine/format/access_record.h"
#include "engine/store/store.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using std::chrono::seconds;

std::string digest(char c) { return std::string(kSecretDigestBytes, c); }

class AccessPart : public LogTest {
 protected:
  AccessPart() { options.clock = clock_; }

  Result<ApiKeyPointer> create(const std::string& name, char secret,
                               std::optional<Timestamp> expires = {}) {
    return log().create_key(
        {.name = name,
         .digest = digest(secret),
         .grants = {{Action::append, false, "orders"}, {Action::read, true, "orders/"}},
         .expires = expires});
  }
  // Whether somebody with this secret is let in.
  bool good(char secret) {
    const ApiKeyPointer key = log().api_keys()->find_secret(digest(secret));
    return key && key->holds(digest(secret), log().now());
  }
  void damage(const std::string& name, const std::string& value) {
    close();
    auto closed = ClosedStore::prepare(data() / "store", options, [](const std::string&) {});
    auto store = closed->open();
    Changes changes = (*store)->changes();
    changes.put(Family::access, access_key(name), value);
    ASSERT_TRUE((*store)->write(std::move(changes)));
    ASSERT_TRUE((*store)->sync());
  }

  void lose(std::initializer_list<std::string> names) {
    close();
    auto closed = ClosedStore::prepare(data() / "store", options, [](const std::string&) {});
    auto store = closed->open();
    Changes changes = (*store)->changes();
    for (const std::string& name : names) changes.erase(Family::access, access_key(name));
    ASSERT_TRUE((*store)->write(std::move(changes)));
    ASSERT_TRUE((*store)->sync());
  }

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
};

TEST_F(AccessPart, KeysAreThereAgainAfterReopening) {
  EXPECT_FALSE(log().api_keys()->any());
  const auto created = create("shop", 'a', Timestamp{1'700'000'009'000'000});
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ((*created)->created, clock_->now());
  reopen();
  const ApiKeyPointer key = log().api_keys()->find("shop");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->digest, digest('a'));
  EXPECT_EQ(key->expires, Timestamp{1'700'000'009'000'000});
  EXPECT_EQ(key->grants.list(), (*created)->grants.list());
  EXPECT_TRUE(key->grants.allow(Action::read, "orders/1"));
  EXPECT_TRUE(good('a'));
  EXPECT_FALSE(good('b'));
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(AccessPart, AKeyIsGoodUntilItExpires) {
  ASSERT_TRUE(create("shop", 'a', Timestamp{clock_->now().us + 10}));
  clock_->advance_us(9);
  EXPECT_TRUE(good('a'));
  clock_->advance_us(1);
  EXPECT_FALSE(good('a'));
  EXPECT_EQ(code_of(create("late", 'b', clock_->now())), Code::invalid);
  ASSERT_TRUE(create("shop", 'b'));  // its name is free again
  EXPECT_TRUE(good('b'));
  EXPECT_FALSE(good('a'));
}

TEST_F(AccessPart, ARotatedKeyHasTwoSecretsForAsLongAsItWasAsked) {
  ASSERT_TRUE(create("shop", 'a'));
  ASSERT_TRUE(log().rotate_key("shop", digest('b'), seconds(5)));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_TRUE(good('a'));
    EXPECT_TRUE(good('b'));
  }
  clock_->advance_us(5'000'000);
  EXPECT_FALSE(good('a'));
  EXPECT_TRUE(good('b'));
  ASSERT_TRUE(log().rotate_key("shop", digest('c')));
  EXPECT_FALSE(good('b')) << "at once, where no time is named";
  EXPECT_EQ(code_of(log().rotate_key("shop", digest('c'))), Code::exists);
  EXPECT_EQ(code_of(log().rotate_key("nobody", digest('d'))), Code::not_found);
}

TEST_F(AccessPart, ARevokedKeyStaysRevokedAndStaysThere) {
  ASSERT_TRUE(create("shop", 'a'));
  ASSERT_TRUE(log().rotate_key("shop", digest('b'), seconds(60)));
  ASSERT_TRUE(log().revoke_key("shop"));
  const auto revoked = log().api_keys()->find("shop")->revoked;
  clock_->advance_us(1);
  ASSERT_TRUE(log().revoke_key("shop"));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_TRUE(log().api_keys()->any()) << "a log that has had a key is not open";
    EXPECT_EQ(log().api_keys()->find("shop")->revoked, revoked);
    EXPECT_FALSE(good('a'));
    EXPECT_FALSE(good('b'));
  }
  EXPECT_EQ(code_of(log().rotate_key("shop", digest('c'))), Code::invalid);
  EXPECT_EQ(code_of(log().revoke_key("nobody")), Code::not_found);
}

TEST_F(AccessPart, NamesAndSecretsAreEachOfOneKey) {
  ASSERT_TRUE(create("shop", 'a'));
  EXPECT_EQ(code_of(create("shop", 'b')), Code::exists);
  EXPECT_EQ(code_of(create("other", 'a')), Code::exists);
  EXPECT_EQ(code_of(create("", 'c')), Code::invalid);
  EXPECT_EQ(code_of(create("$root", 'c')), Code::invalid);
  EXPECT_EQ(code_of(log().create_key({.name = "n", .digest = "short", .grants = {{}}})),
            Code::invalid);
  EXPECT_EQ(code_of(log().create_key({.name = "n", .digest = digest('c'), .grants = {}})),
            Code::invalid);
  EXPECT_EQ(log().api_keys()->by_name().size(), 1u);
  options.limits.api_keys_max = 1;
  reopen();
  EXPECT_EQ(code_of(create("more", 'd')), Code::limit);
}

TEST_F(AccessPart, WhatWasGivenOutNeverChanges) {
  ASSERT_TRUE(create("shop", 'a'));
  const ApiKeysPointer before = log().api_keys();
  ASSERT_TRUE(log().revoke_key("shop"));
  EXPECT_FALSE(before->find("shop")->revoked);
  EXPECT_TRUE(log().api_keys()->find("shop")->revoked);
}

TEST_F(AccessPart, AnObserverSeesTheKeysAndChangesNone) {
  ASSERT_TRUE(create("shop", 'a'));
  close();
  options.mode = Options::Mode::observer;
  EXPECT_TRUE(log().api_keys()->find("shop"));
  EXPECT_EQ(code_of(log().revoke_key("shop")), Code::read_only);
}

TEST_F(AccessPart, ADamagedRecordIsRefusedAndWhereLossIsAcceptedLetsNobodyIn) {
  ASSERT_TRUE(create("shop", 'a'));
  ASSERT_TRUE(create("other", 'b'));
  damage("shop", "\x02not a key");
  const auto refused = Log::open(data(), options);
  ASSERT_EQ(code_of(refused), Code::corrupt);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("access"));
  options.accept_loss = true;
  reopen();
  EXPECT_THAT(log().recovery().loss, testing::HasSubstr("shop"));
  options.accept_loss = false;
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_TRUE(log().api_keys()->find("shop")->revoked);
    EXPECT_FALSE(good('a'));
    EXPECT_TRUE(good('b'));
  }
}

TEST_F(AccessPart, ALogThatHasLostAllItsKeysIsNotOpenedAsOneThatHadNone) {
  append("s");
  EXPECT_FALSE(std::filesystem::exists(data() / "GUARDED"));
  ASSERT_TRUE(create("shop", 'a'));
  ASSERT_TRUE(create("other", 'b'));
  EXPECT_TRUE(std::filesystem::exists(data() / "GUARDED"));
  lose({"shop", "other"});
  const auto refused = Log::open(data(), options);
  ASSERT_EQ(code_of(refused), Code::corrupt);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("GUARDED"));
  options.accept_loss = true;
  reopen();
  EXPECT_THAT(log().recovery().loss, testing::HasSubstr("API keys"));
  options.accept_loss = false;
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_TRUE(log().api_keys()->any()) << "it is open to everybody";
    EXPECT_FALSE(good('a'));
    EXPECT_FALSE(good('b'));
    EXPECT_FALSE(good('\0')) << "of the key that stands for them";
    expect_stream("s", 0, 1);
  }
  ASSERT_TRUE(create("lost", 'c'));
  EXPECT_TRUE(good('c'));
}

TEST_F(AccessPart, WhatSaysThatThereWereKeysIsThereAgainWithTheNextOpening) {
  ASSERT_TRUE(create("shop", 'a'));
  close();
  // As a crash leaves it that comes between the key and the file.
  std::filesystem::remove(data() / "GUARDED");
  options.mode = Options::Mode::observer;
  EXPECT_TRUE(log().api_keys()->any());
  close();
  EXPECT_FALSE(std::filesystem::exists(data() / "GUARDED")) << "an observer wrote";
  options.mode = Options().mode;
  EXPECT_TRUE(log().api_keys()->any());
  EXPECT_TRUE(std::filesystem::exists(data() / "GUARDED"));
}

TEST_F(AccessPart, ARecordIsReadAsItIsWrittenAndNothingElse) {
  ApiKey key{.name = "k",
             .digest = digest('a'),
             .grants = Grants({{Action::admin, true, ""}, {Action::read, false, "s"}}),
             .created = {1},
             .expires = Timestamp{2},
             .old_digest = digest('b'),
             .old_until = {3}};
  const std::string bytes = encode(key);
  ApiKey read;
  ASSERT_TRUE(decode(bytes, read));
  EXPECT_EQ(encode(read), bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ApiKey part;
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size), part)) << size;
  }
  EXPECT_FALSE(decode(bytes + "x", read));

  key.quota.limits[1] = 7;
  key.quota.stored = {{"orders/", 1'000}, {"", 2}};
  const std::string limited = encode(key);
  ASSERT_TRUE(decode(limited, read));
  EXPECT_EQ(read.quota, key.quota);
  EXPECT_EQ(encode(read), limited);
  constexpr size_t kLimit = 9, kOrders = 18, kEverything = 11;  // bytes of the three
  ASSERT_EQ(limited.size(), bytes.size() + kLimit + kOrders + kEverything);
  for (size_t size = bytes.size() + 1; size < limited.size(); ++size) {
    ApiKey part;
    const size_t in = size - bytes.size();
    EXPECT_EQ(decode(std::string_view(limited).substr(0, size), part),
              in == kLimit || in == kLimit + kOrders)
        << in;
  }
}

}  // namespace
}  // namespace strandline::tests
