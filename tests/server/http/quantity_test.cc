// Numbers, sizes, durations and moments: one grammar each, whoever reads them.
#include "server/http/quantity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/api/rfc3339.h"
#include "server/connection/binding.h"
#include "server/http/authority.h"
#include "server/http/query.h"
#include "tools/client/http.h"

namespace strandline::tests {
namespace {

using std::chrono::milliseconds;

TEST(Quantity, NumbersAreDigitsWithinTheirRangeAndNothingElse) {
  EXPECT_EQ(server::read_number("0"), 0u);
  EXPECT_EQ(server::read_number("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "1.5", "1e3", "0x10", "12a", "1_000",
                          "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_FALSE(server::read_number(bad)) << bad;
  }
  EXPECT_EQ(server::read_number("5", {5, 7}), 5u);
  EXPECT_EQ(server::read_number("7", {5, 7}), 7u);
  const auto outside = server::read_number("8", {5, 7});
  ASSERT_FALSE(outside);
  EXPECT_THAT(outside.error(), testing::HasSubstr("\"8\" is not a whole number from 5 to 7"));
}

TEST(Quantity, SizesHaveUnitsOfAThousandAndOf1024) {
  const std::pair<const char*, uint64_t> sizes[] = {{"0", 0},
                                                    {"4096", 4096},
                                                    {"1B", 1},
                                                    {"1KB", 1'000},
                                                    {"1kB", 1'000},
                                                    {"1K", 1'024},
                                                    {"1KiB", 1'024},
                                                    {"2MB", 2'000'000},
                                                    {"2M", 2u << 20},
                                                    {"64MiB", 64 << 20},
                                                    {"1GB", 1'000'000'000},
                                                    {"1gb", 1'000'000'000},
                                                    {"1 GiB", 1u << 30},
                                                    {"3T", 3ull << 40},
                                                    {"16777215T", 16777215ull << 40}};
  for (const auto& [text, bytes] : sizes) EXPECT_EQ(server::read_size(text), bytes) << text;
  for (const char* bad :
       {"", "-1", "-1MiB", "+1M", "1.5GB", "1GBs", "G", "1X", "16777216T", "1  M", "1M ago"}) {
    EXPECT_FALSE(server::read_size(bad)) << bad;
  }
  const auto small = server::read_size("1K", {64 << 10, 1ull << 40});
  ASSERT_FALSE(small);
  EXPECT_THAT(small.error(), testing::HasSubstr("from 64KiB to 1TiB"));
  for (const uint64_t bytes : {0ull, 1ull, 1'000ull, 1'024ull, 512ull << 20, 1'500'000ull, ~0ull}) {
    EXPECT_EQ(server::read_size(server::render_size(bytes)), bytes);
  }
  EXPECT_EQ(server::render_size(512 << 20), "512MiB");
}

TEST(Quantity, DurationsNeedTheirUnit) {
  const std::pair<const char*, int64_t> durations[] = {
      {"250ms", 250},         {"30s", 30'000},     {"5m", 300'000},      {"24h", 86'400'000},
      {"30d", 2'592'000'000}, {"1w", 604'800'000}, {"1h30m", 5'400'000}, {"0s", 0}};
  for (const auto& [text, ms] : durations) {
    EXPECT_EQ(server::read_duration(text), milliseconds(ms)) << text;
  }
  for (const char* bad : {"", "-5m", "+5m", "5", "5min", "1.5h", "5m ", "30m1h", "1m1m", "ms",
                          "99999999999999999d"}) {
    EXPECT_FALSE(server::read_duration(bad)) << bad;
  }
  EXPECT_THAT(server::read_duration("60").error(), testing::HasSubstr("write 60s or 60ms"));
  EXPECT_THAT(server::read_duration("1ms", {1'000, 60'000}).error(),
              testing::HasSubstr("from 1s to 1m"));
  for (const int64_t ms : {0, 1, 999, 1'000, 90'000, 86'400'000, 604'800'000}) {
    EXPECT_EQ(server::read_duration(server::render_duration(milliseconds(ms))), milliseconds(ms));
  }
  EXPECT_EQ(server::render_duration(std::chrono::hours(24)), "1d");
}

TEST(Quantity, MomentsAreTimesDatesOrSoLongAgo) {
  const Timestamp now{1'767'323'045'000'000};  // 2026-01-02T03:04:05Z
  const std::pair<const char*, const char*> moments[] = {
      {"2026-11-30", "2026-11-30T00:00:00.000000Z"},
      {"2026-11-30T10:00", "2026-11-30T10:00:00.000000Z"},
      {"2026-11-30 10:00", "2026-11-30T10:00:00.000000Z"},
      {"2026-11-30T10:00Z", "2026-11-30T10:00:00.000000Z"},
      {"2026-11-30T10:00+01:00", "2026-11-30T09:00:00.000000Z"},
      {"2026-11-30T10:00:01", "2026-11-30T10:00:01.000000Z"},
      {"2026-11-30T10:00:01.5", "2026-11-30T10:00:01.500000Z"},
      {"2026-11-30T10:00:01-02:00", "2026-11-30T12:00:01.000000Z"},
      {"-2h", "2026-01-02T01:04:05.000000Z"},
      {"-1d12h", "2025-12-31T15:04:05.000000Z"}};
  for (const auto& [text, time] : moments) {
    const auto moment = server::read_moment(text, now);
    ASSERT_TRUE(moment) << text;
    EXPECT_EQ(render_time(*moment), time) << text;
  }
  for (const char* bad :
       {"", "-", "2h", "-2", "2026-13-01", "2026-02-30", "2026-11-30T", "30.11.2026",
        "2026-11-30T25:00", "2026-11-30T10", "now", "--2h", "2026-1-2"}) {
    EXPECT_FALSE(server::read_moment(bad, now)) << bad;
  }
}

TEST(Quantity, FromTakesThemAll) {
  EXPECT_EQ(server::parse_from("17")->kind, From::Kind::position);
  EXPECT_EQ(server::parse_from("-5")->kind, From::Kind::last);
  for (const char* time : {"-5m", "2026-11-30", "2026-11-30T10:00", "2026-01-02T03:04:05 01:00"}) {
    ASSERT_TRUE(server::parse_from(time)) << time;
    EXPECT_EQ(server::parse_from(time)->kind, From::Kind::time) << time;
  }
  for (const char* bad : {"", "yesterday", "-", "--1", "5m", "-5x", "18446744073709551616"}) {
    EXPECT_FALSE(server::parse_from(bad)) << bad;
  }
}

TEST(Addresses, PortsAreAtMost65535WhereverTheyAreTaken) {
  for (const char* host : {"127.0.0.1", "[::1]", "localhost", "db_1.example.org"}) {
    const std::string good = std::string(host) + ":65535";
    EXPECT_TRUE(server::parse_host_port(good)) << good;
    EXPECT_TRUE(server::parse_authority(good)) << good;
    EXPECT_TRUE(tools::Url::parse("http://" + good)) << good;
    for (const char* port : {"65536", "87526", "131072", "99999", "-1", "+1", "7070x", "0x50"}) {
      const std::string bad = std::string(host) + ":" + port;
      EXPECT_FALSE(server::parse_host_port(bad)) << bad;
      EXPECT_FALSE(server::parse_authority(bad)) << bad;
      EXPECT_FALSE(tools::Url::parse("http://" + bad)) << bad;
    }
  }
  for (const char* bad : {"7070", "127.0.0.1", "127.0.0.1:", "::1:7070", "[::1]7070", "[::1",
                          "a b:1", "[127.0.0.1]:1"}) {
    EXPECT_FALSE(server::parse_host_port(bad)) << bad;
  }
  EXPECT_THAT(server::parse_host_port("::1:7070").error(), testing::HasSubstr("[::1]:7070"));
  EXPECT_TRUE(
      server::same_authority(*server::parse_authority("a:080"), *server::parse_authority("A")));
}

TEST(Addresses, UrlsMayLackTheirSchemeAndKeepTheBracketsOfIpv6) {
  EXPECT_EQ(tools::Url::parse("http://[::1]:7070")->host, "::1");
  EXPECT_EQ(tools::Url::parse("http://[::1]:7070")->authority(), "[::1]:7070");
  EXPECT_EQ(tools::Url::parse("[::1]:7070")->authority(), "[::1]:7070");
  EXPECT_EQ(tools::Url::parse("127.0.0.1:7070/log/")->path, "/log");
  EXPECT_EQ(tools::Url::parse("log.example.org")->authority(), "log.example.org:80");
  EXPECT_EQ(tools::Url::parse("https://a")->authority(), "a:443");
  for (const char* bad : {"", "ftp://a:1", "http://", "http://u:p@a", "http://a?x=1", "http://a#b",
                          "http://a:0", "http://a:b", "::1:7070"}) {
    EXPECT_FALSE(tools::Url::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace strandline::tests
