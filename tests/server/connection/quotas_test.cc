// Quotas: what is taken and when it is there again, in bounded memory.
#include "server/connection/quotas.h"

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

TEST(QuotaText, ReadsTheSameAgain) {
  for (const char* text : {"", "requests=100/s", "bytes=1MiB/s", "connections=10,followers=5",
                           "requests=1/s,bytes=1000B/s,connections=2,followers=3,streams=20/h"}) {
    const Quota quota = quota_of(text);
    EXPECT_EQ(quota_of(render_quota(quota)), quota) << text;
  }
  EXPECT_EQ(quota_of("bytes=1MB/s").of(QuotaKind::bytes), 1'000'000u);
  for (const char* bad : {"requests", "requests=", "requests=1", "requests=0/s", "requests=1/m",
                          "requests=-1/s", "requests=1/s,", ",requests=1/s", "connections=1/s",
                          "requests=1/s,requests=2/s", "other=1", "streams=1/s", "bytes=x/s"}) {
    EXPECT_FALSE(parse_quota(bad)) << bad;
  }
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
  Quotas quotas(quota_of("requests=2/s"), 0);
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
  Quotas quotas(quota_of("followers=2"), 0);
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
  Quotas quotas(quota_of("streams=1/h"), 0);
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
  Quotas quotas({}, 3);
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
  Quotas without({}, 0);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(without.wrong_secret("192.0.2.1"));
}

}  // namespace
}  // namespace strandline::server
