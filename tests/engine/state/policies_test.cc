// What holds for a stream: its own policy, then the longest prefix's, then the default's, field by
// field; and that it is durable, and written down.
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using enum PolicyField;

class PolicyRules : public LogTest {
 protected:
  void set(const std::string& prefix, PolicyChange change) {
    const auto done = log().change_policy(prefix, std::move(change));
    ASSERT_TRUE(done) << done.error().message;
  }
  // "30 by prefix "a."", or nothing.
  std::string said(const std::string& stream, PolicyField field) {
    const EffectivePolicy policy = log().effective_policy(stream);
    const auto found = policy.find(field);
    if (found == policy.end()) return "";
    return text_of(found->second.value) + " by " + text_of(found->second.from);
  }
};

TEST_F(PolicyRules, TheNearestThatSaysSomethingHoldsFieldByField) {
  set("", {{age_max_s, uint64_t{100}}, {events_max, uint64_t{7}}});
  set("a.", {{age_max_s, uint64_t{30}}});
  set("a.b", {{bytes_max, uint64_t{5'000}}, {age_max_s, kNoLimit}});
  ASSERT_TRUE(log().create_stream("a.b.c", {.policy = {{events_max, uint64_t{3}}}}));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(said("x", age_max_s), "100 by every stream");
    EXPECT_EQ(said("a.x", age_max_s), "30 by prefix \"a.\"");
    EXPECT_EQ(said("a.x", events_max), "7 by every stream");
    EXPECT_EQ(said("a.x", bytes_max), "");
    EXPECT_EQ(said("a.b.c", age_max_s), "none by prefix \"a.b\"");
    EXPECT_EQ(said("a.b.c", bytes_max), "5000 by prefix \"a.b\"");
    EXPECT_EQ(said("a.b.c", events_max), "3 by stream \"a.b.c\"");
    EXPECT_EQ(said("$admin", age_max_s), "") << "the log's own";
    EXPECT_EQ(log().policies().size(), 3u);
  }
  EXPECT_EQ(describe("a.b.c").effective.size(), 3u);
}

TEST_F(PolicyRules, WhatIsTakenBackIsSaidNoMore) {
  set("a.", {{age_max_s, uint64_t{30}}, {bytes_max, uint64_t{9}}});
  set("a.", {{age_max_s, std::nullopt}});
  EXPECT_EQ(said("a.x", age_max_s), "");
  EXPECT_EQ(said("a.x", bytes_max), "9 by prefix \"a.\"");
  set("a.", {{bytes_max, std::nullopt}});
  EXPECT_TRUE(log().policies().empty());
  reopen();
  EXPECT_TRUE(log().policies().empty());
}

TEST_F(PolicyRules, AStreamsSettingsCanBeChangedAndGoWithTheStream) {
  ASSERT_TRUE(log().create_stream("s", {.description = "one"}));
  const Timestamp created = describe("s").created;
  const auto changed =
      log().change_stream("s", {.description = "two", .policy = {{age_max_s, uint64_t{60}}}});
  ASSERT_TRUE(changed) << changed.error().message;
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(describe("s").settings.description, "two");
    EXPECT_EQ(describe("s").created, created);
    EXPECT_EQ(said("s", age_max_s), "60 by stream \"s\"");
  }
  EXPECT_EQ(code_of(log().change_stream("t", {.description = "x"})), Code::not_found);
  ASSERT_TRUE(log().delete_stream("s"));
  ASSERT_TRUE(log().create_stream("s"));
  EXPECT_EQ(said("s", age_max_s), "") << "it is another stream now";
}

TEST_F(PolicyRules, BadInputChangesNothing) {
  ASSERT_TRUE(log().create_stream("s"));
  const std::vector<PolicyChange> bad = {{{age_max_s, uint64_t{0}}},
                                         {{age_max_s, uint64_t{1} << 62}},
                                         {{bytes_max, true}},
                                         {{events_max, std::string("many")}},
                                         {{audit, uint64_t{1}}},
                                         {{compaction, std::string("a\nb")}},
                                         {{compaction, std::string(300, 'x')}}};
  for (const PolicyChange& change : bad) {
    EXPECT_EQ(code_of(log().change_stream("s", {.policy = change})), Code::invalid);
    EXPECT_EQ(code_of(log().change_policy("a.", change)), Code::invalid);
  }
  EXPECT_EQ(code_of(log().change_policy("$x", {{age_max_s, uint64_t{1}}})), Code::invalid);
  EXPECT_EQ(code_of(log().change_policy(std::string(300, 'x'), {})), Code::invalid);
  EXPECT_EQ(code_of(log().change_policy("a\nb", {})), Code::invalid);
  EXPECT_TRUE(log().policies().empty());
  EXPECT_TRUE(describe("s").settings.policy.empty());
}

TEST_F(PolicyRules, AuditAndCompactionDoNotGoTogether) {
  set("a.", {{audit, true}});
  const auto both = log().create_stream("a.s", {.policy = {{compaction, std::string("subject")}}});
  ASSERT_EQ(code_of(both), Code::invalid);
  EXPECT_THAT(both.error().message, HasSubstr("audited and compacted"));
  EXPECT_EQ(code_of(log().describe("a.s")), Code::not_found) << "nothing was created";
  EXPECT_EQ(code_of(log().change_policy("a.b", {{compaction, std::string("subject")}})),
            Code::invalid);
  set("a.b", {{audit, false}, {compaction, std::string("subject")}});
  EXPECT_EQ(code_of(log().change_policy("a.b", {{audit, std::nullopt}})), Code::invalid);
}

TEST_F(PolicyRules, ALimitOnPoliciesHolds) {
  options.limits.policies_max = 2;
  set("a", {{age_max_s, uint64_t{1}}});
  set("b", {{age_max_s, uint64_t{1}}});
  EXPECT_EQ(code_of(log().change_policy("c", {{age_max_s, uint64_t{1}}})), Code::limit);
  set("b", {{age_max_s, uint64_t{2}}});
  set("a", {{age_max_s, std::nullopt}});
  set("c", {{age_max_s, uint64_t{1}}});
}

TEST_F(PolicyRules, AreWrittenDown) {
  options.record_administration = true;
  set("a.", {{age_max_s, uint64_t{30}}, {bytes_max, kNoLimit}, {audit, std::nullopt}});
  ASSERT_TRUE(log().hold({.name = "h", .scope = {.prefix = true, .name = "a."}, .reason = "why"}));
  ASSERT_TRUE(log().release_hold("h"));
  std::vector<std::string> written;
  auto cursor = log().read({.select = Selection::stream(std::string(kAdminStream))});
  while (auto delivery = *(*cursor)->next()) {
    const auto& events = std::get<Events>(*delivery);
    for (uint32_t i = 0; i < events.count(); ++i) {
      written.push_back(std::string(events[i].type()) + " " + std::string(events[i].data()));
    }
  }
  ASSERT_EQ(written.size(), 3u);
  EXPECT_THAT(written[0], HasSubstr("strandline.policy.changed"));
  EXPECT_THAT(written[0], HasSubstr(R"("age_max_s":30,"bytes_max":"none","audit":null)"));
  EXPECT_THAT(written[1], HasSubstr("strandline.hold.created"));
  EXPECT_THAT(written[1], HasSubstr(R"("prefix":"a.","reason":"why")"));
  EXPECT_THAT(written[2], HasSubstr("strandline.hold.released"));
}

}  // namespace
}  // namespace strandline::tests
