// Administrative acts are written down in `$admin`, in the same commit: neither is there without
// the other, nobody else writes there, and nobody takes anything away.
#include <set>

#include "engine/writing/operation.h"
#include "tests/support/disk/fault_file_system.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

struct Written {
  std::string type, subject, data;
};

class WrittenDown : public LogTest {
 protected:
  WrittenDown() {
    options.record_administration = true;
    options.actor = {.kind = Actor::Kind::account, .name = "root"};
  }

  std::vector<Written> written() {
    std::vector<Written> all;
    auto cursor = log().read({.select = Selection::stream(std::string(kAdminStream))});
    if (!cursor) return all;
    while (true) {
      auto delivery = (*cursor)->next();
      if (!delivery || !*delivery) return all;
      const auto* events = std::get_if<Events>(&**delivery);
      if (!events) continue;
      for (uint32_t i = 0; i < events->count(); ++i) {
        const Event event = (*events)[i];
        all.push_back(
            {std::string(event.type()), std::string(event.subject()), std::string(event.data())});
      }
    }
  }
  // What was written since the last call, all of it of one act.
  Written newest() {
    const auto all = written();
    EXPECT_EQ(all.size(), ++seen_);
    return all.empty() ? Written{} : all.back();
  }
  void expect(const std::string& type, const std::string& subject) {
    const Written act = newest();
    EXPECT_EQ(act.type, "strandline." + type);
    EXPECT_EQ(act.subject, subject);
    EXPECT_THAT(act.data, testing::HasSubstr(R"("who":"ann","kind":"key","from":"192.0.2.7")"));
    EXPECT_THAT(act.data, testing::HasSubstr(R"("outcome":"done")"));
  }

  const Actor ann_{.kind = Actor::Kind::key, .name = "ann", .from = "192.0.2.7"};
  size_t seen_ = 0;
};

TEST_F(WrittenDown, EachActSaysWhoFromWhereWhatAndOnWhat) {
  ASSERT_TRUE(log().create_stream("s", {}, ann_));
  expect("stream.created", "s");
  append("s", 5);
  EXPECT_EQ(written().size(), seen_) << "an append is no act";
  ASSERT_TRUE(log().truncate("s", Offset(2), ann_));
  expect("stream.truncated", "s");
  ASSERT_TRUE(log().create_consumer(
      "c", {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s")}, ann_));
  expect("consumer.created", "c");
  ASSERT_TRUE(log().update_consumer("c", {.unacked_max = 7}, ann_));
  expect("consumer.updated", "c");
  ASSERT_TRUE(log().fetch(Fetch{.consumer = "c", .events_max = 1}));
  ASSERT_TRUE(log().skip({.consumer = "c"}, ann_));
  expect("consumer.skipped", "c");
  ASSERT_TRUE(log().replay("c", 1, ann_));
  expect("consumer.replayed", "c");
  ASSERT_TRUE(log().reset_consumer("c", From::earliest(), ann_));
  expect("consumer.reset", "c");
  ASSERT_TRUE(log().delete_consumer("c", ann_));
  expect("consumer.deleted", "c");
  ASSERT_TRUE(log().commit({.consumer = "reader", .stream = "s", .next = 3}));
  EXPECT_EQ(written().size(), seen_);
  ASSERT_TRUE(log().reset_positions("reader", From::earliest(), ann_));
  expect("consumer.reset", "reader");
  ASSERT_TRUE(log().delete_consumer("reader", ann_));
  expect("consumer.deleted", "reader");
  const auto digest = [](char c) { return std::string(kSecretDigestBytes, c); };
  ASSERT_TRUE(log().create_key(
      {.name = "k", .digest = digest('a'), .grants = {{Action::read, true, "s"}}}, ann_));
  const Written created = newest();
  EXPECT_EQ(created.type, "strandline.key.created");
  EXPECT_THAT(created.data, testing::HasSubstr(R"("grants":"read:s*")"));
  EXPECT_THAT(created.data, testing::Not(testing::HasSubstr("aaaa")));
  ASSERT_TRUE(log().rotate_key("k", digest('b'), std::chrono::seconds(5), ann_));
  expect("key.rotated", "k");
  ASSERT_TRUE(log().revoke_key("k", ann_));
  expect("key.revoked", "k");
  const auto sealed = log().roll(ann_);
  ASSERT_TRUE(sealed);
  expect("segment.sealed", std::to_string(sealed->value));
  ASSERT_TRUE(log().delete_stream("s", ann_));
  expect("stream.deleted", "s");
  EXPECT_TRUE(log().verify().findings.empty());
  // The segment holds what was written down so far.
  ASSERT_TRUE(log().drop_segment(*sealed, ann_));
  const auto left = written();
  ASSERT_FALSE(left.empty());
  EXPECT_EQ(left.back().type, "strandline.segment.dropped");
}

TEST_F(WrittenDown, WhoIsNotNamedIsWhoeverTheOptionsSay) {
  ASSERT_TRUE(log().create_stream("s"));
  EXPECT_THAT(newest().data, testing::HasSubstr(R"("who":"root","kind":"account","from":"")"));
}

TEST_F(WrittenDown, NothingIsWhatWasNotDone) {
  ASSERT_TRUE(log().create_stream("s", {}, ann_));
  EXPECT_EQ(code_of(log().create_stream("s", {}, ann_)), Code::exists);
  EXPECT_FALSE(log().delete_stream("other", ann_));
  EXPECT_FALSE(log().delete_consumer("other", ann_));
  EXPECT_FALSE(log().truncate("s", Offset(9), ann_));
  EXPECT_EQ(written().size(), 1u);
}

TEST_F(WrittenDown, NothingIsWhereItIsOff) {
  options.record_administration = false;
  ASSERT_TRUE(log().create_stream("s", {}, ann_));
  ASSERT_TRUE(log().record({.type = "strandline.x"}, ann_));
  ASSERT_TRUE(log().delete_stream("s", ann_));
  EXPECT_EQ(log().durable_next(), Sequence(0));
  EXPECT_EQ(code_of(log().describe(kAdminStream)), Code::not_found);
}

TEST_F(WrittenDown, NobodyElseAppendsTruncatesOrDeletesThere) {
  const std::string admin(kAdminStream);
  ASSERT_TRUE(log().create_stream("s", {}, ann_));
  EXPECT_EQ(code_of(log().append({.stream = admin, .batch = batch_of_type("t")})), Code::invalid);
  EXPECT_EQ(code_of(log().truncate(admin, Offset(1))), Code::invalid);
  EXPECT_EQ(code_of(log().delete_stream(admin)), Code::invalid);
  EXPECT_EQ(code_of(log().create_stream(admin)), Code::invalid);
  EXPECT_EQ(code_of(log().create_consumer(
                "c", {.select = Selection::stream("s"), .dead_letters = admin})),
            Code::invalid);
  const auto sent = log().broadcast({.prefix = "", .batch = batch_of_type("t")});
  ASSERT_TRUE(sent);
  ASSERT_EQ(sent->size(), 1u);
  EXPECT_EQ(sent->front().stream, "s");
  EXPECT_EQ(written().size(), 1u);
  // It is in the log, as all else is.
  EXPECT_EQ(log().durable_next(), Sequence(2));
}

TEST_F(WrittenDown, TheFirstUseOfAKeyIsOnce) {
  ASSERT_TRUE(log().create_key({.name = "k",
                                .digest = std::string(kSecretDigestBytes, 'a'),
                                .grants = {{Action::read, true, ""}},
                                .quota = {}},
                               ann_));
  for (int i = 0; i < 3; ++i) log().first_use("k", ann_);
  ASSERT_TRUE(log().create_stream("s"));  // behind them
  EXPECT_TRUE(log().api_keys()->find("k")->used);
  reopen();
  log().first_use("k", ann_);
  ASSERT_TRUE(log().create_stream("t"));
  EXPECT_EQ(std::ranges::count_if(
                written(), [](const Written& one) { return one.type == "strandline.key.used"; }),
            1);
}

TEST_F(WrittenDown, TheQuotaOfAKeyIsKept) {
  Quota quota;
  quota.limits[static_cast<size_t>(QuotaKind::bytes)] = 5'000'000'000;
  quota.limits[static_cast<size_t>(QuotaKind::requests)] = 7;
  quota.stored = {{"orders/", 1'000'000}, {"", 2}};
  ASSERT_TRUE(log().create_key({.name = "k",
                                .digest = std::string(kSecretDigestBytes, 'a'),
                                .grants = {{Action::read, true, ""}},
                                .quota = quota}));
  reopen();
  EXPECT_EQ(log().api_keys()->find("k")->quota, quota);
  EXPECT_FALSE(log().api_keys()->find("k")->used);
}

// An act whose commit fails has no record, and is not there either; one that is there has it.
TEST_F(WrittenDown, AnActAndItsRecordShareTheirCommit) {
  const auto files = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(files);
  size_t done = 0;
  for (; done < 10; ++done) {
    const uint64_t groups = log().counters().groups;
    ASSERT_TRUE(log().create_stream("s" + std::to_string(done), {}, ann_));
    EXPECT_EQ(log().counters().groups, groups + 1);
  }
  files->fail();
  EXPECT_FALSE(log().create_stream("failed", {}, ann_));
  close();
  options.file_system = nullptr;
  std::set<std::string> streams, acts;
  for (const StreamInfo& info : log().list("", "", 100)) {
    if (info.name != kAdminStream) streams.insert(info.name);
  }
  for (const Written& act : written()) acts.insert(act.subject);
  EXPECT_EQ(streams, acts);
  EXPECT_GE(streams.size(), done);
}

}  // namespace
}  // namespace strandline::tests
