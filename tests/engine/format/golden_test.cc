// Golden directories: a log as each format version wrote it opens, verifies, and exports what it
// did then. `tests/golden/make` writes the one of this version.
#include <cstdlib>
#include <map>

#include "tests/support/log/log_test.h"
#include "tests/support/log/specimen.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(STRANDLINE_SOURCE_DIR) / "tests" / "golden";

// One directory of one version, unpacked, with what it exports.
struct Piece {
  std::string name;  // "v1/closed"
  fs::path log;
  std::string exported;
};

class Golden : public LogTest {
 protected:
  std::vector<Piece> unpack() {
    std::vector<Piece> pieces;
    for (const auto& version : fs::directory_iterator(kGolden)) {
      if (!version.is_directory()) continue;
      const std::string name = version.path().filename();
      const fs::path to = directory() / name;
      fs::create_directories(to);
      const auto archive = version.path() / "logs.tar.zst";
      const Outcome done =
          tests::run({"tar", "--zstd", "-xf", archive.string(), "-C", to.string()});
      EXPECT_EQ(done.exit, 0) << done.errors;
      for (const std::string log : {"closed", "crashed"}) {
        pieces.push_back({name + "/" + log, to / log, read_file(to / (log + ".ndjson"))});
      }
    }
    return pieces;
  }
  std::map<std::string, std::string> contents() {
    std::map<std::string, std::string> all;
    for (const fs::path& file : files_below(data())) all[file.string()] = read_file(file);
    return all;
  }
  static std::string exported(const fs::path& log) {
    const Outcome out = strandline({"export", "--all", "--data", log.string()});
    EXPECT_EQ(out.exit, 0) << out.errors;
    return out.output;
  }

  // A producer's append, and the places of consumers.
  static Append produced() {
    return {.stream = "produced",
            .batch = batch("produced", Offset{0}, 2),
            .producer = Producer{.id = "p", .epoch = 1, .sequence = 0}};
  }
  static void add_consumers(Log& log) {
    ASSERT_TRUE(log.append(produced()));
    const Selection orders = Selection::stream("orders");
    const uint64_t start = log.create_consumer("alone", {.select = orders})->available.start;
    const uint64_t reader = log.join("alone")->epoch;
    ASSERT_TRUE(
        log.commit({.consumer = "alone", .stream = "orders", .next = start + 7, .epoch = reader}));
    ASSERT_TRUE(
        log.create_consumer("group", {.mode = ConsumerSettings::Mode::shared, .select = orders}));
    const auto fetched = log.fetch(Fetch{.consumer = "group", .events_max = 5}).value();
    ASSERT_TRUE(log.settle({.consumer = "group",
                            .epoch = fetched.epoch,
                            .acks = {{start + 1, start + 3}},
                            .nacks = {{.span = Span::of(start), .reason = "bad"}}}));
  }
  // What came with version 3: API keys.
  static void add_keys(Log& log) {
    const auto digest = [](char c) { return std::string(kSecretDigestBytes, c); };
    ASSERT_TRUE(log.create_key({.name = "shop",
                                .digest = digest('a'),
                                .grants = {{Action::read, true, "orders"}},
                                .expires = Timestamp{4'102'444'800'000'000}}));  // 2100
    ASSERT_TRUE(log.create_key(
        {.name = "gone", .digest = digest('b'), .grants = {{Action::admin, true, ""}}}));
    ASSERT_TRUE(log.rotate_key("shop", digest('c'), std::chrono::seconds(60)));
    ASSERT_TRUE(log.revoke_key("gone"));
  }
  static void expect_keys(const Log& log) {
    const ApiKeysPointer keys = log.api_keys();
    ASSERT_EQ(keys->by_name().size(), 2u);
    EXPECT_TRUE(keys->find("gone")->revoked);
    const ApiKeyPointer shop = keys->find("shop");
    EXPECT_EQ(shop->digest, std::string(kSecretDigestBytes, 'c'));
    EXPECT_EQ(shop->old_digest, std::string(kSecretDigestBytes, 'a'));
    EXPECT_EQ(shop->expires, Timestamp{4'102'444'800'000'000});
    EXPECT_EQ(shop->grants.list(), (std::vector{Grant{Action::read, true, "orders"}}));
  }
  static void expect_consumers(Log& log) {
    const auto retry = log.append(produced());
    ASSERT_TRUE(retry) << retry.error().message;
    EXPECT_TRUE(retry->retried);
    EXPECT_EQ(retry->first, Offset{0});
    EXPECT_EQ(retry->next, Offset{2});
    const ConsumerInfo alone = log.describe_consumer("alone").value();
    const ConsumerInfo group = log.describe_consumer("group").value();
    const uint64_t start = alone.available.start;
    EXPECT_EQ(alone.epoch, 1u);
    EXPECT_EQ(alone.position, start + 7);
    EXPECT_EQ(group.position, start);
    EXPECT_EQ(group.next, start + 5);
    EXPECT_EQ(group.unacked, 3u);
    const auto again = log.fetch(Fetch{.consumer = "group", .events_max = 1}).value();
    ASSERT_EQ(again.given.size(), 1u);
    EXPECT_EQ(again.given[0].position, start);
    EXPECT_EQ(again.given[0].attempt, 2u);
  }
};

TEST_F(Golden, DirectoriesOfEveryVersionOpenVerifyAndExportTheSame) {
  const auto pieces = unpack();
  ASSERT_GE(pieces.size(), 2u);
  for (const Piece& piece : pieces) {
    SCOPED_TRACE(piece.name);
    ASSERT_FALSE(piece.exported.empty());
    {
      Options observer = options;
      observer.mode = Options::Mode::observer;
      const auto log = Log::open(piece.log, observer);
      ASSERT_TRUE(log) << log.error().message;
      EXPECT_TRUE((*log)->verify().findings.empty());
      EXPECT_GT((*log)->durable_next(), Sequence{100});
    }
    EXPECT_EQ(exported(piece.log), piece.exported) << "read beside its owner, changed by nobody";
    {
      auto log = Log::open(piece.log, options);
      ASSERT_TRUE(log) << log.error().message;
      const auto verified = (*log)->verify();
      EXPECT_TRUE(verified.findings.empty()) << verified.findings[0].what;
      EXPECT_GT(verified.events, 100u);
      EXPECT_EQ((*log)->recovery().loss, "");
      for (const Seen& seen : read_all(**log, {}).events) ASSERT_EQ(seen.difference, "");
    }
    EXPECT_EQ(exported(piece.log), piece.exported);
    expect_consumers(*Log::open(piece.log, options).value());
    auto log = Log::open(piece.log, options);  // and it goes on
    const bool has_keys = !piece.name.starts_with("v1/") && !piece.name.starts_with("v2/");
    EXPECT_EQ((*log)->api_keys()->any(), has_keys);
    if (has_keys) expect_keys(**log);
    const Offset tail = (*log)->describe("orders")->tail;
    EXPECT_EQ((*log)->append(Append{.stream = "orders", .batch = batch("orders", tail, 1)})->first,
              tail);
  }
}

TEST_F(Golden, DirectoriesWithoutAHeadMarkAreOpenedWhereLossIsAccepted) {
  for (const Piece& piece : unpack()) {
    SCOPED_TRACE(piece.name);
    fs::remove(piece.log / "HEAD");
    EXPECT_EQ(code_of(Log::open(piece.log, options)), Code::corrupt);
    options.accept_loss = true;
    const auto accepted = Log::open(piece.log, options);
    options.accept_loss = false;
    ASSERT_TRUE(accepted) << accepted.error().message;
    EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr("HEAD"));
    EXPECT_TRUE((*accepted)->verify().findings.empty());
  }
}

TEST_F(Golden, AnotherVersionIsRefusedAndBothAreNamedAndNothingIsChanged) {
  append("s");
  close();
  for (const uint32_t other : {1u, kFormatVersion - 1, kFormatVersion + 1}) {
    write_file(data() / "FORMAT", "strandline " + std::to_string(other) + "\n");
    const auto before = contents();
    for (const bool accept : {false, true}) {
      options.accept_loss = accept;
      const auto refused = Log::open(data(), options);
      ASSERT_EQ(code_of(refused), Code::unsupported_format);
      for (const uint32_t version : {kFormatVersion, other}) {
        EXPECT_THAT(refused.error().message,
                    testing::HasSubstr("strandline " + std::to_string(version)));
      }
    }
    EXPECT_EQ(contents(), before);
  }
}

// What `tests/golden/make` runs: writes the directories of this version to $STRANDLINE_GOLDEN_TO.
TEST_F(Golden, IsWrittenWhereItIsAskedFor) {
  const char* to = std::getenv("STRANDLINE_GOLDEN_TO");
  if (to == nullptr) return;
  for (const Specimen& specimen : make_specimens(directory() / "made")) {
    const fs::path made = directory() / "work" / specimen.name;
    copy_live(specimen.directory, made);
    auto owner = Log::open(made, specimen_options()).value();
    add_consumers(*owner);
    add_keys(*owner);
    if (specimen.name == "closed") owner.reset();
    const fs::path log = fs::path(to) / specimen.name;
    copy_live(made, log);
    for (const fs::path& file : files_below(log)) {
      const std::string name = file.filename();
      if (name.starts_with("LOG") || name == "LOCK") fs::remove(file);
    }
    write_file(fs::path(to) / (specimen.name + ".ndjson"), exported(log));
  }
}

}  // namespace
}  // namespace strandline::tests
