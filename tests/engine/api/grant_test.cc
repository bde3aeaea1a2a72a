// Grants: what a pattern means, and what several allow together.
#include "engine/api/grant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strandline {
namespace {

Grants grants_of(std::initializer_list<std::string_view> texts) {
  std::vector<Grant> all;
  for (const std::string_view text : texts) {
    auto parsed = parse_grants(text);
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error());
    for (Grant& grant : parsed.value_or(std::vector<Grant>())) all.push_back(std::move(grant));
  }
  return Grants(std::move(all));
}

bool reads(std::initializer_list<std::string_view> texts, std::string_view name) {
  return grants_of(texts).allow(Action::read, name);
}

bool reads_below(std::initializer_list<std::string_view> texts, std::string_view prefix) {
  return grants_of(texts).allow_all_below(Action::read, prefix);
}

TEST(GrantPattern, IsANameOrABeginningOrEverything) {
  EXPECT_TRUE(reads({"read:orders"}, "orders"));
  EXPECT_FALSE(reads({"read:orders"}, "orders/1"));
  EXPECT_FALSE(reads({"read:orders"}, "order"));
  EXPECT_TRUE(reads({"read:orders/*"}, "orders/1"));
  EXPECT_TRUE(reads({"read:orders/*"}, "orders/"));
  EXPECT_FALSE(reads({"read:orders/*"}, "orders"));
  EXPECT_TRUE(reads({"read:*"}, "anything"));
  EXPECT_FALSE(reads({"append:*"}, "anything"));
  EXPECT_TRUE(reads({"append,read:*"}, "anything"));
}

TEST(GrantPattern, LeavesOutReservedAndPrivateNamesUnlessItSaysThem) {
  for (const char* name : {"$admin", "$all", "$", "private-a", "private-", "presence-room"}) {
    EXPECT_FALSE(reads({"read:*"}, name)) << name;
    EXPECT_TRUE(reads({"admin"}, name)) << name;
  }
  EXPECT_FALSE(reads({"read:p*"}, "private-a"));
  EXPECT_FALSE(reads({"read:private*"}, "private-a"));
  EXPECT_TRUE(reads({"read:private*"}, "privately"));
  EXPECT_TRUE(reads({"read:private-*"}, "private-a"));
  EXPECT_TRUE(reads({"read:private-a*"}, "private-ab"));
  EXPECT_TRUE(reads({"read:private-a"}, "private-a"));
  EXPECT_FALSE(reads({"read:private-a*"}, "private-b"));
  EXPECT_TRUE(reads({"read:$admin"}, "$admin"));
  EXPECT_TRUE(reads({"read:$*"}, "$admin"));
  EXPECT_TRUE(reads({"read:*"}, "a$b"));
}

TEST(GrantPattern, OfAllIsEverythingAndNoBeginningIsThat) {
  for (const char* name : {"a", "$admin", "private-a", "$all"}) {
    EXPECT_TRUE(reads({"read:$all"}, name)) << name;
  }
  EXPECT_TRUE(reads_below({"read:$all"}, ""));
  EXPECT_TRUE(grants_of({"read:$all"}).allow_everything(Action::read));
  EXPECT_FALSE(grants_of({"read:$all"}).allow_everything(Action::append));
  for (const char* less : {"read:*", "read:$*", "read:a*"}) {
    EXPECT_FALSE(grants_of({less}).allow_everything(Action::read)) << less;
    EXPECT_FALSE(reads({less}, "$all")) << less;
  }
  EXPECT_FALSE(reads({"read:$*"}, "orders"));
  EXPECT_FALSE(reads_below({"read:$*"}, "orders"));
}

TEST(GrantPattern, OfABeginningIsHeldAgainstAllNamesThatBeginSo) {
  EXPECT_TRUE(reads_below({"read:orders/*"}, "orders/"));
  EXPECT_TRUE(reads_below({"read:orders/*"}, "orders/eu/"));
  EXPECT_FALSE(reads_below({"read:orders/*"}, "orders"));
  EXPECT_FALSE(reads_below({"read:orders/*"}, ""));
  EXPECT_FALSE(reads_below({"read:orders/"}, "orders/"));
  EXPECT_TRUE(reads_below({"read:*"}, "orders"));
  EXPECT_FALSE(reads_below({"read:*"}, ""));
  EXPECT_FALSE(reads_below({"read:*"}, "p"));
  EXPECT_FALSE(reads_below({"read:*"}, "private"));
  EXPECT_FALSE(reads_below({"read:*"}, "private-"));
  EXPECT_FALSE(reads_below({"read:*"}, "$"));
  EXPECT_TRUE(reads_below({"read:*"}, "pr-"));
  EXPECT_TRUE(reads_below({"read:private-*"}, "private-"));
  EXPECT_TRUE(reads_below({"read:private-*"}, "private-a"));
  // Together they do.
  EXPECT_FALSE(reads_below({"read:*", "read:private-*"}, "p"));
  EXPECT_TRUE(reads_below({"read:*", "read:private-*"}, "pri"));
  EXPECT_TRUE(reads_below({"read:*", "read:private-*", "read:presence-*"}, "p"));
  EXPECT_FALSE(reads_below({"read:*", "read:private-*", "read:presence-*"}, ""));
  EXPECT_TRUE(reads_below({"read:*", "read:private-*", "read:presence-*", "read:$*"}, ""));
  EXPECT_TRUE(reads_below({"admin"}, ""));
}

TEST(GrantText, EscapesStarsAndTakesCommasAndColonsAsTheyAre) {
  const std::pair<const char*, Grant> cases[] = {
      {"read:a", {Action::read, false, "a"}},
      {"read:a*", {Action::read, true, "a"}},
      {"read:*", {Action::read, true, ""}},
      {R"(read:a\*)", {Action::read, false, "a*"}},
      {R"(read:a\**)", {Action::read, true, "a*"}},
      {R"(read:\*)", {Action::read, false, "*"}},
      {R"(read:a\\)", {Action::read, false, "a\\"}},
      {R"(read:a\\*)", {Action::read, true, "a\\"}},
      {"read:urn:x,y:1", {Action::read, false, "urn:x,y:1"}},
      {"manage:grün*", {Action::manage, true, "grün"}},
      {"admin", {Action::admin, true, ""}},
  };
  for (const auto& [text, grant] : cases) {
    const auto parsed = parse_grants(text);
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(*parsed, std::vector{grant}) << text;
    EXPECT_EQ(render_grant(grant), text);
  }
  EXPECT_EQ(*parse_grants("append,read:a,b"),
            (std::vector<Grant>{{Action::append, false, "a,b"}, {Action::read, false, "a,b"}}));
}

TEST(GrantText, ThatMeansNothingIsRefusedWithWhatIsAllowed) {
  for (const char* text :
       {"", "read", "read:", ":a", "reed:a", "read,:a", "read, append:a", "read:a*b", "read:**",
        R"(read:a\b)", R"(read:a\)", "READ:a", "admin,read"}) {
    const auto parsed = parse_grants(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error(), testing::HasSubstr("ACTION,ACTION:PATTERN"));
  }
  EXPECT_THAT(parse_grants("reed:a").error(), testing::HasSubstr("read, append, consume"));
}

TEST(GrantList, OfAKeyIsBounded) {
  EXPECT_TRUE(check_grants({{Action::read, true, ""}}, 255));
  EXPECT_TRUE(check_grants({{Action::admin, true, ""}}, 255));
  const std::vector<std::vector<Grant>> refused = {
      {},
      {{Action::read, false, ""}},
      {{Action::read, false, std::string(256, 'a')}},
      {{Action::read, true, "a\n"}},
      {{Action::read, true, "\xFF"}},
      {{Action::admin, true, "a"}},
      {{Action::admin, false, "$all"}},
      std::vector<Grant>(kGrantsMax + 1, Grant{Action::read, true, ""})};
  for (const auto& grants : refused) EXPECT_FALSE(check_grants(grants, 255));
}

TEST(GrantList, AllowsSomethingWhereItNamesTheAction) {
  EXPECT_TRUE(grants_of({"read:a"}).allow_something(Action::read));
  EXPECT_FALSE(grants_of({"read:a"}).allow_something(Action::append));
  EXPECT_TRUE(grants_of({"admin"}).allow_something(Action::audit));
  EXPECT_FALSE(Grants().allow_something(Action::read));
  EXPECT_FALSE(Grants().is_admin());
}

}  // namespace
}  // namespace strandline
