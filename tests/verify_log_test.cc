// examples/verify_log.py, which has none of our code, takes an exact export of an audited stream
// for what was signed, and refuses whatever was done to it.
#include <algorithm>

#include "engine/api/base64.h"
#include "server/wire/cloudevents.h"
#include "tests/support/log/audited_test.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

class ProofByPython : public AuditedTest {
 protected:
  struct Files {
    std::vector<std::string> events;  // lines
    std::vector<std::string> salts;
    std::string checkpoint, key;
  };

  // A log's first stream; `word` makes another history of as many events.
  Files exported(const std::string& word = "words") {
    const std::vector<NewEvent> odd = {
        {.type = "t", .form = DataForm::json, .data = R"({"n":1.00,"s":"\u00e9\"}"})"},
        {.type = "t",
         .id = "given",
         .source = "/s",
         .subject = "\u00fc \"q\"",
         .time = "2026-01-01T00:00:00Z",
         .datacontenttype = "text/plain",
         .dataschema = "urn:x",
         .form = DataForm::text,
         .data = word},
        {.type = "t",
         .attributes = {{.name = "zz", .text = "true", .kind = AttributeKind::boolean},
                        {.name = "aa", .text = "-7", .kind = AttributeKind::integer},
                        {.name = "mm", .text = "x"}},
         .form = DataForm::json,
         .data = "\"a string\""},
        {.type = "t", .form = DataForm::text, .data = "text without a type"},
        {.type = "t"},
        {.type = "t", .form = DataForm::text, .data = ""}};
    EXPECT_TRUE(log().append({.stream = "a", .batch = Batch::of(odd).value()}));
    append_binary(20);
    sign("a");
    Files files{.events = {},
                .salts = {},
                .checkpoint = log().checkpoint("a").value(),
                .key = render_key(log().checkpoint_key().value())};
    auto cursor = log().read({.select = Selection::stream("a"), .from = From::earliest()}).value();
    while (files.events.size() < 26) {
      const auto next = cursor->next();
      EXPECT_TRUE(next && *next);
      if (!next || !*next) break;
      for (const Event& event : std::get<Events>(**next)) {
        files.events.emplace_back();
        server::render_event(files.events.back(), "a", event,
                             {.positions = true, .derived = server::Derived::nothing});
      }
    }
    const auto salts = log().salts("a", Offset(0), 26).value();
    for (size_t i = 0; i < salts.size(); ++i) {
      std::string both(reinterpret_cast<const char*>(&salts[i]), sizeof(EventSalts));
      std::string text;
      render_base64(text, both);
      files.salts.push_back("{\"offset\":" + std::to_string(i) + ",\"salts\":\"" + text + "\"}");
    }
    return files;
  }

  void append_binary(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string data(static_cast<size_t>(i * 7), static_cast<char>(i));
      ASSERT_TRUE(log().append(
          {.stream = "a",
           .batch = Batch::of({{.type = "b", .form = DataForm::binary, .data = data}}).value()}));
    }
  }

  Outcome verify(const Files& files) {
    const auto write = [&](const char* name, const std::string& text) {
      write_file(directory() / name, text);
      return (directory() / name).string();
    };
    const auto lines = [](const std::vector<std::string>& all) {
      std::string text;
      for (const std::string& line : all) text += line + "\n";
      return text;
    };
    return run({"python3", std::string(STRANDLINE_SOURCE_DIR) + "/examples/verify_log.py",
                write("export", lines(files.events)), write("salts", lines(files.salts)),
                write("checkpoint", files.checkpoint), write("key", files.key)});
  }
  void expect_refused(const Files& files, const std::string& what, const std::string& why = "") {
    const Outcome outcome = verify(files);
    EXPECT_EQ(outcome.exit, 1) << what << outcome.output;
    EXPECT_THAT(outcome.errors, HasSubstr("REFUSED: ")) << what;
    EXPECT_THAT(outcome.errors, HasSubstr(why)) << what;
  }
};

void replace(std::string& text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

TEST_F(ProofByPython, TakesWhatWasSignedAndRefusesADozenTamperings) {
  const Files good = exported();
  const Outcome taken = verify(good);
  ASSERT_EQ(taken.exit, 0) << taken.errors;
  EXPECT_THAT(taken.output, HasSubstr("26 events, as they were signed"));

  const std::string changed = "not those that were signed";
  const auto with = [&](auto change) {
    Files files = good;
    change(files);
    return files;
  };
  expect_refused(with([](Files& f) { replace(f.events[1], "words", "wordt"); }), "data", changed);
  expect_refused(with([](Files& f) { replace(f.events[0], "1.00", "1.0"); }), "a number", changed);
  expect_refused(with([](Files& f) { replace(f.events[1], "given", "giver"); }), "an id", changed);
  expect_refused(with([](Files& f) { replace(f.events[2], ":-7", ":-8"); }), "a number", changed);
  expect_refused(with([](Files& f) { replace(f.events[2], ":-7", ":\"-7\""); }), "kind", changed);
  expect_refused(with([](Files& f) { replace(f.events[2], ",\"mm\":\"x\"", ""); }), "one less",
                 changed);
  expect_refused(with([](Files& f) { replace(f.events[4], "}", ",\"more\":1}"); }), "one more",
                 changed);
  expect_refused(with([](Files& f) { replace(f.events[3], "\"stored\":\"2", "\"stored\":\"1"); }),
                 "the stored time");
  expect_refused(with([](Files& f) { std::swap(f.events[3], f.events[4]); }), "swapped");
  expect_refused(with([](Files& f) {
                   std::swap(f.events[8], f.events[9]);
                   replace(f.events[8], "\"offset\":9", "\"offset\":8");
                   replace(f.events[9], "\"offset\":8", "\"offset\":9");
                 }),
                 "swapped, and numbered", changed);
  expect_refused(with([](Files& f) { f.events.erase(f.events.begin() + 5); }), "dropped",
                 "one after the other");
  expect_refused(with([](Files& f) { f.events.pop_back(); }), "shorter", "one after the other");
  expect_refused(with([](Files& f) { f.events.push_back(f.events.back()); }), "added",
                 "one after the other");
  expect_refused(with([](Files& f) {
                   std::swap(f.salts[0], f.salts[1]);
                   replace(f.salts[0], "\"offset\":1,", "\"offset\":0,");
                   replace(f.salts[1], "\"offset\":0,", "\"offset\":1,");
                 }),
                 "salts", changed);
  expect_refused(with([](Files& f) { replace(f.checkpoint, "\n26\n", "\n25\n"); }),
                 "a shorter tree", "signature");
  expect_refused(
      with([](Files& f) { f.key = render_key(public_key_of(new_private_key("another"))); }),
      "another log's key", "the key is of another");
  expect_refused(with([](Files& f) {
                   const auto name = parse_public_key(f.key)->name;
                   f.key = render_key(public_key_of(new_private_key(name)));
                 }),
                 "another key of that name", "signature");

  // The checkpoint of before, which holds, with the events of now; and another history.
  append_binary(1);
  sign("a");
  Files now = good;
  now.checkpoint = log().checkpoint("a").value();
  expect_refused(now, "an old export", "one after the other");
}

TEST_F(ProofByPython, RefusesAnotherHistory) {
  const Files good = exported();
  close();
  std::filesystem::copy_file(data() / "CHECKPOINT_KEY", directory() / "key-of-log");
  std::filesystem::permissions(directory() / "key-of-log", std::filesystem::perms::owner_read);
  std::filesystem::remove_all(data());
  options.checkpoint_key = (directory() / "key-of-log").string();
  Files forked = exported("other");
  EXPECT_EQ(verify(forked).exit, 0) << "it has the key, and nobody else's checkpoint to compare";
  forked.checkpoint = good.checkpoint;
  expect_refused(forked, "a forked history", "not those that were signed");
}

}  // namespace
}  // namespace strandline::tests
