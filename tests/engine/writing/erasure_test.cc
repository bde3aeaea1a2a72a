// Erasure, as engine/api/erasure.h and docs/lifecycle.md promise it.
#include <rocksdb/sst_file_reader.h>

#include <random>
#include <thread>

#include "engine/format/rebuilt_batch.h"
#include "tests/support/log/log_test.h"
#include "tests/support/log/specimen.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

// Bytes that no compressor makes anything else of.
std::string secret_of(int number) {
  std::mt19937_64 random(static_cast<uint64_t>(number) + 4711);
  std::string out;
  for (int i = 0; i < 32; ++i) put_le<uint64_t>(out, random());
  return out;
}

class Erasure : public LogTest {
 protected:
  Erasure() { options.record_administration = true; }

  // Events 0, 1, ... of a stream, each with its own secret; one batch.
  void write(const std::string& stream, int first, int count, std::string_view type = "secret",
             std::string_view subject = {}) {
    std::vector<std::string> secrets;
    std::vector<NewEvent> events;
    for (int i = 0; i < count; ++i) secrets.push_back(secret_of(first + i));
    for (const std::string& secret : secrets) {
      events.push_back({.type = type,
                        .id = std::string_view("an-id"),
                        .subject = subject,
                        .form = DataForm::binary,
                        .data = secret});
    }
    ASSERT_TRUE(log().append(Append{.stream = stream, .batch = *Batch::of(events)}));
  }
  static EraseRequest of(const std::string& stream, uint64_t first, uint64_t next,
                         bool data_only = false) {
    return {.select = Selection::stream(stream),
            .offsets = {{Offset(first), Offset(next)}},
            .data_only = data_only,
            .reason = "a test"};
  }
  Erased erase(EraseRequest request) {
    auto erased = log().erase(std::move(request));
    EXPECT_TRUE(erased) << erased.error().message;
    if (!erased) return {};
    if (erased->id != 0) {
      EXPECT_TRUE(erased->gone) << (log().erasures().empty() ? "" : log().erasures()[0].why_not);
    }
    return *erased;
  }
  // "0 1 [2,3) erased -": what a reader of a stream, or of everything, is told.
  std::string told(ReadOptions read) {
    auto cursor = log().read(std::move(read));
    EXPECT_TRUE(cursor) << cursor.error().message;
    std::string out;
    while (true) {
      auto delivery = (*cursor)->next();
      EXPECT_TRUE(delivery) << delivery.error().message;
      if (!delivery || !*delivery) return out;
      if (!out.empty()) out += ' ';
      if (const auto* gap = std::get_if<Gap>(&**delivery)) {
        out += "[" + std::to_string(gap->from) + "," + std::to_string(gap->to) + ")" +
               name_of(gap->reason);
        continue;
      }
      const auto* events = std::get_if<Events>(&**delivery);
      if (!events) {
        out += "moved";
        continue;
      }
      for (const Event& event : *events) {
        if (out.size() > 0 && out.back() != ' ') out += ' ';
        bool marked = false;
        event.for_each_attribute([&](const Attribute& one) {
          marked |= one.name == kErasedAttribute && one.text == "true" &&
                    one.kind == AttributeKind::boolean;
        });
        EXPECT_EQ(marked, event.data().empty());
        out += std::to_string(event.offset.value) + (marked ? "-" : "");
      }
    }
  }
  std::string told(const std::string& stream) {
    return told({.select = Selection::stream(stream)});
  }
  // The files of the directory in which 16 bytes in the middle of a secret are; of tables, whose
  // blocks are compressed, those with an entry in which they are.
  std::vector<std::string> files_with(int number) {
    const std::string secret = secret_of(number).substr(64, 16);
    std::vector<std::string> found;
    for (const fs::path& file : files_below(data())) {
      const bool is_there = read_file(file).find(secret) != std::string::npos ||
                            (file.extension() == ".sst" && holds_entry_with(file, secret));
      if (is_there) found.push_back(file.filename());
    }
    return found;
  }
  static bool holds_entry_with(const fs::path& table, std::string_view bytes) {
    rocksdb::SstFileReader reader{rocksdb::Options()};
    if (!reader.Open(table.string()).ok()) return false;  // deleted meanwhile
    const std::unique_ptr<rocksdb::Iterator> it(reader.NewIterator(rocksdb::ReadOptions()));
    bool found = false;
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      found |= it->value().ToStringView().find(bytes) != std::string_view::npos;
    }
    return found;
  }
  static std::string without_moves(std::string text) {
    for (size_t at; (at = text.find("moved")) != std::string::npos;) text.erase(at, 6);
    while (text.ends_with(' ')) text.pop_back();
    return text;
  }
  void expect_whole() {
    const Verified verified = log().verify();
    EXPECT_TRUE(verified.findings.empty())
        << verified.findings[0].place << ": " << verified.findings[0].what;
  }
  // Into compacted tables.
  void compact() {
    ASSERT_TRUE(log().roll());
    for (int i = 0; i < 10; ++i) {
      append("filler");
      ASSERT_TRUE(log().roll());
    }
    ASSERT_TRUE(eventually([&] { return log().counters().index_backlog == 0; }));
  }
  std::vector<std::string> admin_types() {
    std::vector<std::string> types;
    for (const Seen& seen : read("$admin").events) types.push_back(seen.type);
    return types;
  }
};

TEST_F(Erasure, TakesEventsOutAndLeavesTheirOffsets) {
  write("s", 0, 6);
  write("s", 6, 2);
  const Erased erased = erase(of("s", 2, 4));
  EXPECT_EQ(erased.events, 2u);
  EXPECT_EQ(told("s"), "0 1 [2,4)erased 4 5 6 7");
  EXPECT_EQ(erase(of("s", 3, 7)).events, 3u) << "what is gone already is not counted again";
  EXPECT_EQ(told("s"), "0 1 [2,7)erased 7") << "gaps that touch are one, across batches";
  EXPECT_EQ(append("s").first, Offset(8)) << "no offset is given out again";
  expect_whole();
  reopen();
  EXPECT_EQ(told("s").substr(0, 18), "0 1 [2,7)erased 7 ");
  expect_whole();
}

TEST_F(Erasure, ABatchInWhichTwoRunsMeetLosesBothAtOnce) {
  for (const bool data_only : {false, true}) {
    const std::string stream = data_only ? "data" : "events";
    write(stream, 0, 10);
    write(stream, 10, 10);
    EraseRequest request = of(stream, 0, 3, data_only);
    request.offsets.push_back({Offset(5), Offset(15)});
    const auto erased = log().erase(request, {}, std::chrono::milliseconds(0));
    ASSERT_TRUE(erased) << erased.error().message;
    EXPECT_EQ(erased->events, 13u);
    EXPECT_EQ(told(stream), data_only ? "0- 1- 2- 3 4 5- 6- 7- 8- 9- 10- 11- 12- 13- 14- 15 16 17 "
                                        "18 19"
                                      : "[0,3)erased 3 4 [5,15)erased 15 16 17 18 19");
    ASSERT_TRUE(eventually([&] { return log().erasures().empty(); }));
  }
  expect_whole();
}

TEST_F(Erasure, OfDataAloneLeavesTheEnvelope) {
  write("s", 0, 3);
  EXPECT_EQ(erase(of("s", 1, 2, true)).events, 1u);
  EXPECT_EQ(told("s"), "0 1- 2");
  EXPECT_EQ(read("s").events[1].id, "an-id");
  EXPECT_EQ(erase(of("s", 0, 3, true)).events, 2u);
  EXPECT_EQ(told("s"), "0- 1- 2-");
  EXPECT_EQ(erase(of("s", 1, 2)).events, 1u) << "the rest of it can still go";
  EXPECT_EQ(told("s"), "0- [1,2)erased 2-");
  expect_whole();
}

TEST_F(Erasure, LeavesTheBytesInNoFile) {
  for (const char* where : {"wal", "tables", "compacted"}) {
    SCOPED_TRACE(where);
    const std::string stream = where;
    write(stream, 100, 5);
    if (stream != "wal") {
      ASSERT_TRUE(log().roll());
    }
    if (stream == "compacted") compact();
    ASSERT_FALSE(files_with(102).empty()) << "it can be found at all";
    erase(of(stream, 1, 4));
    EXPECT_THAT(files_with(102), testing::ElementsAre());
    EXPECT_THAT(files_with(103), testing::ElementsAre());
    EXPECT_FALSE(files_with(100).empty()) << "the others stay";
    EXPECT_EQ(told(stream), "0 [1,4)erased 4");
    erase(of(stream, 0, 5, true));
    EXPECT_THAT(files_with(104), testing::ElementsAre());
    EXPECT_EQ(told(stream), "0- [1,4)erased 4-");
    EXPECT_EQ(erase(of(stream, 0, 5)).events, 2u);
  }
  expect_whole();
}

TEST_F(Erasure, ByFilterTakesWhatMatchesAndNothingElse) {
  write("a/1", 0, 2, "order.placed", "c1");
  write("a/1", 2, 2, "order.paid", "c2");
  write("a/2", 4, 2, "order.placed", "c2");
  write("b/1", 6, 2, "order.placed", "c2");
  EraseRequest request{.select = Selection::prefix("a/"),
                       .filter = {.types = {}, .subjects = TextFilter({"c2"})}};
  request.dry_run = true;
  EXPECT_EQ(erase(request).events, 4u);
  EXPECT_EQ(told("a/1"), "0 1 2 3") << "a dry run changes nothing";
  request.dry_run = false;
  request.filter.types = TextFilter({"order.pl*"});
  EXPECT_EQ(erase(request).events, 2u);
  EXPECT_EQ(told("a/1"), "0 1 2 3");
  EXPECT_EQ(told("a/2"), "[0,2)erased");
  EXPECT_EQ(told("b/1"), "0 1");
  request.filter = {};
  request.stored_before = log().now();
  EXPECT_EQ(erase(request).events, 4u);
  EXPECT_EQ(erase(request).events, 0u) << "asked for again, there is nothing left";
  EXPECT_EQ(told("b/1"), "0 1");
}

TEST_F(Erasure, WhatIsNoRequestIsRefusedAndNothingIsChanged) {
  write("s", 0, 2);
  const auto refused = [&](EraseRequest request) { return code_of(log().erase(request)); };
  EXPECT_EQ(refused({}), Code::invalid);
  EXPECT_EQ(refused({.select = Selection::all()}), Code::invalid);
  EXPECT_EQ(refused({.select = Selection::prefix("")}), Code::invalid);
  EXPECT_EQ(refused({.select = Selection::stream("$admin")}), Code::invalid);
  EXPECT_EQ(refused({.select = Selection::stream("none")}), Code::not_found);
  EXPECT_EQ(refused(of("s", 2, 2)), Code::invalid);
  EXPECT_EQ(refused({.select = Selection::stream("s"),
                     .filter = {.types = {}, .subjects = TextFilter({"c", ""})}}),
            Code::invalid);
  EXPECT_EQ(refused({.select = Selection::list({"s", "t"}), .offsets = {{Offset(0), Offset(1)}}}),
            Code::invalid);
  EXPECT_EQ(refused({.select = Selection::stream("s"), .reason = std::string(2'000, 'x')}),
            Code::invalid);
  EXPECT_EQ(told("s"), "0 1");
  EXPECT_EQ(code_of(log().describe("$admin")), Code::not_found) << "nothing was done";
}

TEST_F(Erasure, WritesItsReceiptInTwoHalves) {
  write("s", 0, 3);
  const Erased erased = erase(of("s", 0, 1));
  EXPECT_THAT(admin_types(),
              testing::IsSupersetOf({"strandline.erasure.begun", "strandline.erasure.completed"}));
  auto cursor = *log().read({.select = Selection::stream("$admin")});
  std::string data;
  while (auto delivery = *cursor->next()) {
    if (const auto* events = std::get_if<Events>(&*delivery)) {
      for (const Event& event : *events) {
        if (event.subject() == std::to_string(erased.id)) data += std::string(event.data()) + "\n";
      }
    }
  }
  EXPECT_THAT(data, testing::HasSubstr(R"("events":1)"));
  EXPECT_THAT(data, testing::HasSubstr(R"("why":"a test")"));
  EXPECT_THAT(data, testing::HasSubstr(R"("stream":"s")"));
  EXPECT_TRUE(log().erasures().empty());
}

TEST_F(Erasure, IsToldToEveryKindOfReader) {
  for (int i = 0; i < 4; ++i) {
    write("a", 2 * i, 1);
    write("b", 2 * i + 1, 1);
  }
  const uint64_t first = read("a").events[0].sequence;
  auto follower = *log().subscribe({.select = Selection::stream("a")});
  drain(follower);
  auto standing = *log().read({.select = Selection::stream("a")});
  ASSERT_TRUE(standing->next()->has_value());  // it stands in the middle of what it holds
  erase(of("a", 1, 3));
  EXPECT_EQ(told("a"), "0 [1,3)erased 3");
  EXPECT_EQ(told({.select = Selection::stream("a"), .backward = true}), "3 [1,3)erased 0");
  EXPECT_EQ(told({.select = Selection::stream("a"), .from = From::position(2)}), "[2,3)erased 3");
  const auto next = *standing->next();
  const auto* gap = std::get_if<Gap>(&*next);
  ASSERT_TRUE(gap) << "nobody is shown it from memory";
  EXPECT_EQ(gap->to, 3u);
  const std::string all = without_moves(told({.select = Selection::list({"a", "b"})}));
  EXPECT_EQ(all, "0 0 [" + std::to_string(first + 2) + "," + std::to_string(first + 3) +
                     ")erased 1 [" + std::to_string(first + 4) + "," + std::to_string(first + 5) +
                     ")erased 2 3 3");
  append("a");
  EXPECT_EQ(drain(follower).events.size(), 1u);
}

TEST_F(Erasure, FilteredReadersAreToldWithAnIndexAndWithout) {
  options.stripe_bytes_max = 64 << 10;
  for (int i = 0; i < 1'500; ++i) {
    write("s", i, 1, i % 500 == 0 ? "rare" : "usual", i % 7 == 0 ? "seven" : "");
  }
  ASSERT_TRUE(log().roll());
  ASSERT_TRUE(eventually([&] { return log().counters().index_backlog == 0; }));
  const ReadOptions rare{.select = Selection::stream("s"), .types = TextFilter({"rare"})};
  EXPECT_EQ(without_moves(told(rare)), "0 500 1000");
  erase(of("s", 499, 501));
  EXPECT_EQ(without_moves(told(rare)), "0 [499,501)erased 1000") << "perhaps before it is indexed";
  ASSERT_TRUE(eventually([&] { return log().counters().index_backlog == 0; }));
  EXPECT_EQ(without_moves(told(rare)), "0 [499,501)erased 1000");
  expect_whole();
}

TEST_F(Erasure, ARetryOfAnErasedAppendIsAnsweredAsTheOriginal) {
  const auto produced = [&](int secret, uint64_t sequence) {
    const std::string data = secret_of(secret);
    return Append{.stream = "s",
                  .batch = *Batch::of({{.type = "t", .form = DataForm::binary, .data = data}}),
                  .producer = Producer{.id = "p", .epoch = 1, .sequence = sequence}};
  };
  ASSERT_TRUE(log().append(produced(1, 0)));
  Append keyed = produced(2, 0);
  keyed.producer.reset();
  keyed.idempotency = Idempotency{.key = "k", .fingerprint = "of the body"};
  ASSERT_TRUE(log().append(keyed));
  erase(of("s", 0, 2));
  const auto retried = log().append(produced(1, 0));
  ASSERT_TRUE(retried) << retried.error().message;
  EXPECT_TRUE(retried->retried);
  EXPECT_EQ(retried->first, Offset(0));
  const auto again = log().append(keyed);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->retried);
  EXPECT_EQ(again->first, Offset(1));
  // Of its body nothing is known any more, but of its count.
  Append two = keyed;
  two.batch = *Batch::of({{.type = "t"}, {.type = "t"}});
  EXPECT_EQ(code_of(log().append(two)), Code::reused);
  EXPECT_EQ(told("s"), "[0,2)erased");
}

TEST_F(Erasure, AnUnackedEventIsSettledAsGoneAndItsReasonGoes) {
  write("s", 0, 3);
  ASSERT_TRUE(log().create_consumer(
      "c", {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s")}));
  auto fetched = *log().fetch(Fetch{.consumer = "c", .events_max = 2});
  ASSERT_EQ(fetched.given.size(), 2u);
  const std::string reason = "because of 0123456789abcdefghij";
  ASSERT_TRUE(log().settle({.consumer = "c",
                            .epoch = fetched.epoch,
                            .nacks = {{.span = Span::of(0), .reason = reason}}}));
  erase(of("s", 0, 2));
  for (const fs::path& file : files_below(data())) {
    EXPECT_EQ(read_file(file).find("0123456789abcdefghij"), std::string::npos) << file;
  }
  ASSERT_TRUE(
      log().settle({.consumer = "c", .epoch = fetched.epoch, .nacks = {{.span = Span::of(1)}}}));
  fetched = *log().fetch(Fetch{.consumer = "c", .epoch = fetched.epoch, .events_max = 10});
  ASSERT_EQ(fetched.given.size(), 1u);
  EXPECT_EQ(fetched.given[0].position, 2u);
  ASSERT_TRUE(log().settle({.consumer = "c", .epoch = fetched.epoch, .acks = {Span::of(2)}}));
  EXPECT_TRUE(eventually([&] { return log().describe_consumer("c")->unacked == 0; }));
}

TEST_F(Erasure, WhatAConsumerSaidThatIsDeletedSinceGoesToo) {
  write("s", 0, 1);
  ASSERT_TRUE(log().create_consumer(
      "c", {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s")}));
  const auto fetched = *log().fetch(Fetch{.consumer = "c", .events_max = 1});
  const std::string reason = "because of 9876543210zyxwvutsrq";
  ASSERT_TRUE(log().settle({.consumer = "c",
                            .epoch = fetched.epoch,
                            .nacks = {{.span = Span::of(0), .reason = reason}}}));
  compact();
  const auto holds_reason = [&](const fs::path& file) {
    return read_file(file).find(reason) != std::string::npos ||
           (file.extension() == ".sst" && holds_entry_with(file, reason));
  };
  ASSERT_TRUE(std::ranges::any_of(files_below(data()), holds_reason)) << "it can be found at all";
  ASSERT_TRUE(log().delete_consumer("c"));
  erase(of("s", 0, 1));
  for (const fs::path& file : files_below(data())) EXPECT_FALSE(holds_reason(file)) << file;
}

TEST_F(Erasure, FollowsTheCopiesInDeadLetters) {
  write("s", 0, 2);
  ASSERT_TRUE(log().create_consumer("c", {.mode = ConsumerSettings::Mode::shared,
                                          .select = Selection::stream("s"),
                                          .attempts_max = 1}));
  const auto fetched = *log().fetch(Fetch{.consumer = "c", .events_max = 1});
  ASSERT_TRUE(
      log().settle({.consumer = "c", .epoch = fetched.epoch, .nacks = {{.span = Span::of(0)}}}));
  ASSERT_TRUE(eventually([&] { return log().describe("dead-letters/c").has_value(); }));
  const Erased erased = erase(of("s", 0, 1));
  EXPECT_EQ(erased.events, 2u);
  EXPECT_EQ(erased.copies, 1u);
  EXPECT_EQ(told("dead-letters/c"), "[0,1)erased");
  EXPECT_THAT(files_with(0), testing::ElementsAre());
}

TEST_F(Erasure, OfWhatWasTruncatedTakesItsBytes) {
  write("s", 0, 4);
  write("gone", 10, 2);
  ASSERT_TRUE(log().truncate("s", Offset(2)));
  ASSERT_TRUE(log().delete_stream("gone"));
  EXPECT_EQ(erase({.select = Selection::list({"s", "gone"})}).events, 6u);
  for (const int secret : {0, 3, 10}) EXPECT_THAT(files_with(secret), testing::ElementsAre());
  EXPECT_EQ(told({.select = Selection::stream("s"), .from = From::position(0)}), "[0,4)erased");
}

TEST_F(Erasure, GoesOnAfterACrash) {
  write("s", 0, 20);
  compact();
  // As a crash leaves it: before anything is rebuilt, in between, and before the end.
  for (int moment = 0; moment < 6; ++moment) {
    const fs::path copy = directory() / ("copy" + std::to_string(moment));
    std::thread eraser([&] {
      (void)log().erase(
          of("s", 3 * static_cast<uint64_t>(moment), 3 * static_cast<uint64_t>(moment) + 2), {},
          std::chrono::milliseconds(moment));
    });
    copy_live(data(), copy);
    eraser.join();
    auto crashed = Log::open(copy, options);
    // The copy is not of one moment: one from which files were deleted meanwhile is refused.
    if (!crashed) continue;
    ASSERT_TRUE(eventually([&] { return (*crashed)->erasures().empty(); }));
    EXPECT_TRUE((*crashed)->verify().findings.empty());
    uint64_t begun = 0, completed = 0;
    for (const Seen& seen : read_all(**crashed, {.select = Selection::stream("$admin")}).events) {
      begun += seen.type == "strandline.erasure.begun";
      completed += seen.type == "strandline.erasure.completed";
    }
    EXPECT_EQ(begun, completed);
    ASSERT_TRUE(eventually([&] { return log().erasures().empty(); }));
  }
}

}  // namespace
}  // namespace strandline::tests
