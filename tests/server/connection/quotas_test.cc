// Quotas: what is taken and when it is there again, in bounded memory.
#include "server/connection/quotas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/http/quota_text.h"

namespace strandline::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Quota quota_of(const std::string& text) {
  const auto quota = parse_quota(text);
  EXPECT_TRUE(quota) << quota.error();
  return quota.value_or(Quota{});
}

uint64_t nothing_stored(std::string_view) { return 0; }

TEST(QuotaText, ReadsTheSameAgain) {
  for (const char* text : {"", "requests=100/s", "bytes=1MiB/s", "connections=10,followers=5",
                           "requests=1/s,bytes=1000B/s,connections=2,followers=3,streams=20/h",
                           "stored=1GB:*", "stored=1:orders/*,requests=1/s,stored=2MB:a:b\\,c*",
                           R"(stored=1GB:a\*\\b*,stored=1GB:a\*b*)"}) {
    const Quota quota = quota_of(text);
    EXPECT_EQ(quota_of(render_quota(quota)), quota) << text;
  }
  EXPECT_EQ(quota_of("bytes=1MB/s").of(QuotaKind::bytes), 1'000'000u);
  for (const char* bad : {"requests",
                          "requests=",
                          "requests=1",
                          "requests=0/s",
                          "requests=1/m",
                          "requests=-1/s",
                          "requests=1/s,",
                          ",requests=1/s",
                          "connections=1/s",
                          "requests=1/s,requests=2/s",
                          "other=1",
                          "streams=1/s",
                          "bytes=x/s",
                          "stored=1GB",
                          "stored=1GB:",
                          "stored=1GB:a",
                          "stored=1GB:a*b*",
                          "stored=1GB:a\\b*",
                          "stored=1GB:a*\\",
                          "stored=1GB/s:a*",
                          "stored=0:a*",
                          "stored=:a*",
                          "stored=1:a*,stored=2:a*",
                          "stored=1:a*,"}) {
    EXPECT_FALSE(parse_quota(bad)) << bad;
  }
}

TEST(QuotaText, OfWhatIsStoredNamesThePrefix) {
  const Quota quota = quota_of(R"(stored=1kB:orders/*,stored=2MB:a\,b\*\\*)");
  EXPECT_EQ(quota.stored, (std::vector<StoredQuota>{{"orders/", 1'000}, {R"(a,b*\)", 2'000'000}}));
  std::string most;
  for (size_t i = 0; i < kStoredQuotasMax; ++i) {
    most += (i ? ",stored=1:" : "stored=1:") + std::to_string(i) + "-*";
  }
  EXPECT_TRUE(parse_quota(most));
  EXPECT_FALSE(parse_quota(most + ",stored=1:x*"));
}

TEST(StoredBytes, AreMeasuredOnceASecondAndWhatIsAddedCounts) {
  uint64_t stored = 100;
  std::vector<std::string> asked;
  StoredBytes bytes([&](std::string_view prefix) {
    asked.emplace_back(prefix);
    return stored;
  });
  const auto start = StoredBytes::Time(seconds(100));
  EXPECT_FALSE(bytes.add("a", 0, 101, start));
  EXPECT_EQ(bytes.add("a", 0, 100, start), 100u);
  EXPECT_EQ(bytes.add("a", 51, 150, start), 100u) << "it does not fit";
  EXPECT_FALSE(bytes.add("a", 50, 150, start));
  EXPECT_EQ(bytes.add("a", 0, 150, start + milliseconds(900)), 150u);
  EXPECT_FALSE(bytes.add("b", 50, 150, start)) << "each prefix has its own";
  EXPECT_THAT(asked, testing::ElementsAre("a", "b"));
  stored = 120;
  EXPECT_FALSE(bytes.add("a", 30, 150, start + milliseconds(1'001)));
  EXPECT_EQ(bytes.add("a", 1, 150, start + milliseconds(1'002)), 150u);
  EXPECT_THAT(asked, testing::ElementsAre("a", "b", "a"));
}

TEST(StoredBytes, WhatIsAddedWhileTheyAreMeasuredCountsToo) {
  StoredBytes* inner = nullptr;
  const auto start = StoredBytes::Time(seconds(100));
  StoredBytes bytes([&](std::string_view) -> uint64_t {
    EXPECT_FALSE(inner->add("a", 70, 1'000, start)) << "it does not wait";
    return 100;
  });
  inner = &bytes;
  EXPECT_EQ(bytes.add("a", 0, 170, start), 170u);
}

TEST(StoredBytes, OfPrefixesThatNobodyAsksForAreForgotten) {
  StoredBytes bytes(nothing_stored);
  for (size_t i = 0; i < 4 * kPrefixesKept; ++i) {
    bytes.add(std::to_string(i), 1, 10, StoredBytes::Time(seconds(100 + 20 * i)));
  }
  EXPECT_LE(bytes.prefixes(), kPrefixesKept);
}

TEST(TokenBucket, HoldsASecondsWorthAndFillsEvenly) {
  TokenBucket bucket;
  const auto start = TokenBucket::Time(seconds(100));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(bucket.take(1, 10, 10, true, start)) << i;
  auto wait = bucket.take(1, 10, 10, true, start);
  ASSERT_TRUE(wait);
  EXPECT_NEAR(wait->count(), 0.1, 1e-6);
  EXPECT_FALSE(bucket.take(1, 10, 10, true, start + milliseconds(101)));
  EXPECT_TRUE(bucket.take(1, 10, 10, true, start + milliseconds(102)));
  // However long nobody asks, it holds no more.
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(bucket.take(1, 10, 10, true, start + seconds(90)));
  EXPECT_TRUE(bucket.take(1, 10, 10, true, start + seconds(90)));
}

TEST(TokenBucket, WhatIsLargerThanItIsTakenAndOwed) {
  TokenBucket bucket;
  const auto start = TokenBucket::Time(seconds(100));
  EXPECT_FALSE(bucket.take(5'000, 1'000, 1'000, false, start));
  const auto wait = bucket.take(1, 1'000, 1'000, false, start);
  ASSERT_TRUE(wait);
  EXPECT_NEAR(wait->count(), 4, 0.01);
  EXPECT_TRUE(bucket.take(1, 1'000, 1'000, false, start + milliseconds(3'900)));
  EXPECT_FALSE(bucket.take(1, 1'000, 1'000, false, start + milliseconds(4'100)));
}

TEST(Quotas, OfAddressesCountTheWholeNetworkOfOneMachine) {
  Quotas quotas(quota_of("requests=2/s"), 0, nothing_stored);
  const AccountPointer one = quotas.account_of(Principal(), "2001:db8::1");
  EXPECT_EQ(quotas.account_of(Principal(), "2001:db8::2"), one);
  EXPECT_NE(quotas.account_of(Principal(), "2001:db8:0:1::1"), one);
  EXPECT_NE(quotas.account_of(Principal(), "192.0.2.1"),
            quotas.account_of(Principal(), "192.0.2.2"));
  EXPECT_FALSE(one->charge(QuotaKind::requests, 1));
  EXPECT_FALSE(one->charge(QuotaKind::requests, 1));
  const auto over = one->charge(QuotaKind::requests, 1);
  ASSERT_TRUE(over);
  EXPECT_EQ(over->status, 429u);
  EXPECT_EQ(over->headers, "Retry-After: 1\r\n");
  EXPECT_NE(over->body.find("urn:strandline:problem:over-quota"), std::string::npos);
  EXPECT_FALSE(one->charge(QuotaKind::streams, 100)) << "it is not limited";
}

TEST(Quotas, OfWhatIsOpenIsGivenBack) {
  Quotas quotas(quota_of("followers=2"), 0, nothing_stored);
  const AccountPointer account = quotas.account_of(Principal(), "192.0.2.1");
  auto first = quotas.open(account, QuotaKind::followers);
  auto second = quotas.open(account, QuotaKind::followers);
  ASSERT_TRUE(first && second);
  const auto third = quotas.open(account, QuotaKind::followers);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().status, 429u);
  EXPECT_EQ(quotas.refused(QuotaKind::followers), 1u);
  *second = Account::Lease();
  EXPECT_TRUE(quotas.open(account, QuotaKind::followers));
  EXPECT_TRUE(quotas.open(nullptr, QuotaKind::followers));
}

TEST(Quotas, OfACrowdOfAddressesTakeBoundedMemory) {
  Quotas quotas(quota_of("streams=1/h"), 0, nothing_stored);
  const AccountPointer busy = quotas.account_of(Principal(), "192.0.2.1");
  EXPECT_FALSE(busy->charge(QuotaKind::streams, 1));
  const auto address = [](size_t i) {
    return "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
           std::to_string(i & 255);
  };
  for (size_t i = 0; i < 3 * kAccountsMax; ++i) {
    EXPECT_FALSE(i < kAccountsMax / 2 &&
                 quotas.account_of(Principal(), address(i))->charge(QuotaKind::streams, 1));
    quotas.account_of(Principal(), address(i));
  }
  EXPECT_LE(quotas.accounts(), kAccountsMax);
  // Whoever owes something is not forgotten for others.
  EXPECT_EQ(quotas.account_of(Principal(), "192.0.2.1"), busy);
  EXPECT_TRUE(busy->charge(QuotaKind::streams, 1));
}

TEST(Quotas, WrongSecretsOfAnAddressAreAnsweredLater) {
  Quotas quotas({}, 3, nothing_stored);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(quotas.wrong_secret("192.0.2.1")) << i;
  const auto first = quotas.wrong_secret("192.0.2.1");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 429u);
  EXPECT_EQ(first->headers, "Retry-After: 1\r\n");
  std::string last = first->headers;
  for (int i = 0; i < 5; ++i) last = quotas.wrong_secret("192.0.2.1")->headers;
  EXPECT_NE(last, first->headers) << "whoever goes on waits longer";
  for (int i = 0; i < 200; ++i) last = quotas.wrong_secret("192.0.2.1")->headers;
  EXPECT_LE(std::stoi(last.substr(last.find(' '))), 61);
  EXPECT_FALSE(quotas.wrong_secret("192.0.2.2"));
  EXPECT_EQ(quotas.refused_secrets(), 206u);
  Quotas without({}, 0, nothing_stored);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(without.wrong_secret("192.0.2.1"));
}

}  // namespace
}  // namespace strandline::server
