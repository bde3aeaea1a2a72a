// An import that is run again: what it continues is known by what was imported, and not by the
// name of the file. Nothing is passed over that was not imported, and nothing is imported twice.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class ImportAgain : public ::testing::TestWithParam<bool> {
 protected:
  ImportAgain() {
    if (GetParam()) server_ = std::make_unique<ServerProcess>(data_);
  }
  std::vector<std::string> on_log(std::vector<std::string> arguments) const {
    if (server_) {
      arguments.insert(arguments.end(), {"--server", server_->address().url()});
    } else {
      arguments.insert(arguments.end(), {"--data", data_});
    }
    return arguments;
  }
  std::string put(const std::string& name, const std::string& text) {
    const fs::path path = directory_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  Outcome import(const std::string& file, std::vector<std::string> flags = {},
                 const std::string& input = {}) {
    std::vector<std::string> arguments = {"import", file, "--stream", "s"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return strandline(on_log(std::move(arguments)), input);
  }
  // What the stream holds, a line an event.
  std::string held() { return strandline(on_log({"read", "s", "--raw"})).output; }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
  std::unique_ptr<ServerProcess> server_;
};

TEST_P(ImportAgain, OfAnotherFileWithTheSameNameAndFirstLineImportsAllOfIt) {
  const std::string mon = put("mon/a.csv", "time,user\n1,ann\n2,bob\n");
  const std::string tue = put("tue/a.csv", "time,user\n7,cyd\n8,dan\n9,eve\n");
  ASSERT_EQ(import(mon).exit, 0);
  const Outcome second = import(tue);
  EXPECT_EQ(second.exit, 0) << second.errors;
  EXPECT_THAT(second.errors, testing::HasSubstr("is not the file of this name"));
  EXPECT_EQ(held(), "time,user\n1,ann\n2,bob\ntime,user\n7,cyd\n8,dan\n9,eve\n");
  // Each goes on by itself.
  put("mon/a.csv", "time,user\n1,ann\n2,bob\n3,pat\n");
  put("tue/a.csv", "time,user\n7,cyd\n8,dan\n9,eve\n10,kim\n");
  EXPECT_EQ(import(mon).exit, 0);
  EXPECT_EQ(import(tue).exit, 0);
  EXPECT_EQ(held(), "time,user\n1,ann\n2,bob\ntime,user\n7,cyd\n8,dan\n9,eve\n3,pat\n10,kim\n");
  EXPECT_THAT(import(tue).output, testing::HasSubstr("nothing new"));
}

TEST_P(ImportAgain, OfAFileThatBeginsWithAllOfAnotherImportsAllOfIt) {
  ASSERT_EQ(import(put("mon/a.csv", "time,user\n1,ann\n")).exit, 0);
  EXPECT_EQ(import(put("tue/a.csv", "time,user\n1,ann\n2,bob\n")).exit, 0);
  EXPECT_EQ(held(), "time,user\n1,ann\ntime,user\n1,ann\n2,bob\n");
}

TEST_P(ImportAgain, OfAFileThatWasMovedGoesOn) {
  const std::string old = put("old/a.log", "one\ntwo\n");
  ASSERT_EQ(import(old).exit, 0);
  fs::create_directories(directory_ / "new");
  fs::rename(old, directory_ / "new/a.log");
  EXPECT_EQ(import(put("new/a.log", "one\ntwo\nthree\n")).exit, 0);
  EXPECT_EQ(held(), "one\ntwo\nthree\n");
}

TEST_P(ImportAgain, OfALogThatWasRotatedImportsTheNewOne) {
  ASSERT_EQ(import(put("a.log", "one\ntwo\n")).exit, 0);
  EXPECT_EQ(import(put("a.log", "three\n")).exit, 0);
  EXPECT_EQ(import(put("a.log", "three\nfour\n")).exit, 0);
  EXPECT_EQ(held(), "one\ntwo\nthree\nfour\n");
}

TEST_P(ImportAgain, OfAFileThatWasChangedOrCutIsRefused) {
  const std::string file = put("a.csv", "time,user\n1,ann\n2,bob\n");
  ASSERT_EQ(import(file).exit, 0);
  for (const char* changed :
       {"time,user\n1,ANN\n2,bob\n3,cyd\n", "time,user\n2,bob\n3,cyd\n4,dan\n5,eve\n",
        "time,user\n1,ann\n", "time,user\n0,joe\n1,ann\n2,bob\n3,cyd\n"}) {
    const Outcome outcome = import(put("a.csv", changed));
    EXPECT_NE(outcome.exit, 0) << changed;
    EXPECT_THAT(outcome.errors, testing::HasSubstr("--name")) << changed;
    EXPECT_EQ(outcome.output, "");
  }
  EXPECT_EQ(held(), "time,user\n1,ann\n2,bob\n");
  EXPECT_EQ(import(put("a.csv", "time,user\n9,zoe\n"), {"--name", "other"}).exit, 0);
  EXPECT_EQ(held(), "time,user\n1,ann\n2,bob\ntime,user\n9,zoe\n");
}

TEST_P(ImportAgain, OfANamedInputNeedsWhatWasImportedBefore) {
  ASSERT_EQ(import("-", {"--name", "n"}, "one\ntwo\n").exit, 0);
  ASSERT_EQ(import("-", {"--name", "n"}, "one\ntwo\nthree\n").exit, 0);
  for (const char* other : {"one\nTWO\nthree\nfour\n", "one\n", "", "one\ntwo\nthree"}) {
    const Outcome outcome = import("-", {"--name", "n"}, other);
    EXPECT_NE(outcome.exit, 0) << other;
    EXPECT_THAT(outcome.errors, testing::HasSubstr("imported before")) << other;
  }
  EXPECT_EQ(import("-", {"--name", "n"}, "one\ntwo\nthree\nfour\n").exit, 0);
  EXPECT_EQ(held(), "one\ntwo\nthree\nfour\n");
}

TEST_P(ImportAgain, OfANamedInputIntoAnotherStreamOrInAnotherFormIsRefused) {
  const std::string events = R"({"type":"a","stream":"t","data":1})"
                             "\n";
  const auto import_as = [&](std::vector<std::string> flags, const std::string& input) {
    flags.insert(flags.begin(), {"import", "-", "--name", "n"});
    return strandline(on_log(std::move(flags)), input);
  };
  const std::vector<std::vector<std::string>> ways = {{"--stream", "s", "--text"},
                                                      {"--stream", "s", "--events"},
                                                      {"--stream", "t", "--events"},
                                                      {"--events"}};
  for (const auto& first : ways) {
    ASSERT_EQ(import_as(first, events).exit, 0);
    for (const auto& other : ways) {
      const Outcome outcome = import_as(other, events + events);
      EXPECT_EQ(outcome.exit, other == first ? 0 : 4)
          << testing::PrintToString(first) << testing::PrintToString(other) << outcome.errors;
      if (other == first) continue;
      EXPECT_EQ(outcome.output, "");
      EXPECT_THAT(outcome.errors, testing::HasSubstr("--name"));
    }
    ASSERT_EQ(strandline(on_log({"consumers", "rm", "import/n"})).exit, 0);
  }
}

TEST_P(ImportAgain, OfAFileInAnotherFormIsRefused) {
  const std::string file = put("a.ndjson", R"({"type":"a","data":1})"
                                           "\n");
  ASSERT_EQ(import(file, {"--text"}).exit, 0);
  const Outcome outcome = import(file);
  EXPECT_EQ(outcome.exit, 4);
  EXPECT_THAT(outcome.errors, testing::HasSubstr("as text"));
  EXPECT_EQ(import(file, {"--name", "events"}).exit, 0);
  EXPECT_EQ(held(), "{\"type\":\"a\",\"data\":1}\n1\n");
}

TEST_P(ImportAgain, OfALineThatWasHalfWrittenImportsItWholeAndSaysSo) {
  ASSERT_EQ(import(put("a.log", "one\ntwo\nthr")).exit, 0);
  EXPECT_EQ(held(), "one\ntwo\nthr\n");
  const Outcome again = import(put("a.log", "one\ntwo\nthree\nfour\n"));
  EXPECT_EQ(again.exit, 0) << again.errors;
  EXPECT_THAT(again.errors,
              testing::HasSubstr(":3: this line was imported before it was complete"));
  EXPECT_EQ(held(), "one\ntwo\nthr\nthree\nfour\n");
  EXPECT_THAT(import((directory_ / "a.log").string()).output, testing::HasSubstr("nothing new"));
  EXPECT_EQ(held(), "one\ntwo\nthr\nthree\nfour\n");
}

TEST_P(ImportAgain, OfALastLineThatGotItsNewlineRepeatsNothing) {
  ASSERT_EQ(import(put("a.log", "one\ntwo")).exit, 0);
  EXPECT_THAT(import((directory_ / "a.log").string()).output, testing::HasSubstr("nothing new"));
  EXPECT_EQ(import(put("a.log", "one\ntwo\n")).exit, 0);
  EXPECT_EQ(import(put("a.log", "one\ntwo\nthree")).exit, 0);
  EXPECT_EQ(held(), "one\ntwo\nthree\n");
}

TEST_P(ImportAgain, OfAnEventThatWasHalfWrittenImportsItOnce) {
  const std::string one = R"({"type":"a","data":1})", two = R"({"type":"a","data":2})";
  const Outcome half = import(put("a.ndjson", one + "\n" + two.substr(0, 12)));
  EXPECT_NE(half.exit, 0);
  EXPECT_EQ(held(), "1\n");
  EXPECT_EQ(import(put("a.ndjson", one + "\n" + two + " \n")).exit, 0);
  EXPECT_EQ(import(put("a.ndjson", one + "\n" + two + " \n")).exit, 0);
  EXPECT_EQ(held(), "1\n2\n");
}

TEST_P(ImportAgain, AfterItsLedgerWasRemovedOrResetBeginsAgain) {
  const std::string file = put("a.log", "one\n");
  ASSERT_EQ(import(file, {"--name", "n"}).exit, 0);
  ASSERT_EQ(strandline(on_log({"consumers", "rm", "import/n"})).exit, 0);
  ASSERT_EQ(import(file, {"--name", "n"}).exit, 0);
  EXPECT_EQ(held(), "one\none\n");
  ASSERT_EQ(strandline(on_log({"consumers", "reset", "import/n", "earliest"})).exit, 0);
  ASSERT_EQ(import(file, {"--name", "n"}).exit, 0);
  EXPECT_EQ(held(), "one\none\none\n");
}

// The lines that it remembers are nowhere: that they are there is not said.
TEST_P(ImportAgain, AfterItsStreamWasRemovedIsRefused) {
  const std::string file = put("a.log", "one\ntwo\n");
  ASSERT_EQ(import(file).exit, 0);
  ASSERT_EQ(strandline(on_log({"streams", "rm", "s"})).exit, 0);
  const Outcome again = import(file);
  EXPECT_EQ(again.exit, 4) << again.output;
  EXPECT_THAT(again.errors, testing::HasSubstr("is not there any more"));
  const size_t begin = again.errors.find("consumers rm ") + 13;
  const std::string ledger = again.errors.substr(begin, again.errors.find('`', begin) - begin);
  ASSERT_EQ(strandline(on_log({"consumers", "rm", ledger})).exit, 0) << ledger;
  EXPECT_EQ(import(file).exit, 0);
  EXPECT_EQ(held(), "one\ntwo\n");
}

INSTANTIATE_TEST_SUITE_P(Doors, ImportAgain, testing::Bool(),
                         [](const auto& info) { return info.param ? "Server" : "Directory"; });

// --- What a file is, by its beginning.

class ImportForms : public ::testing::Test {
 protected:
  Outcome import(const std::string& text, std::vector<std::string> flags = {}) {
    const fs::path file = directory_ / ("f" + std::to_string(++files_));
    std::ofstream(file, std::ios::binary) << text;
    std::vector<std::string> arguments = {
        "import", file.string(), "--stream", "s" + std::to_string(files_), "--data", data_};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return strandline(std::move(arguments));
  }
  // The types of what the last import made.
  std::vector<std::string> types() {
    const Outcome read = strandline({"read", "s" + std::to_string(files_), "--data", data_});
    std::istringstream in(read.output);
    std::vector<std::string> types;
    for (std::string line; std::getline(in, line);)
      types.push_back(Json::parse(line)["type"].str());
    return types;
  }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
  int files_ = 0;
};

constexpr char kEvents[] = "{\"type\":\"a\",\"data\":1}\n{\"type\":\"b\",\"data\":2}\n";

TEST_F(ImportForms, EventsAreKnownBehindAByteOrderMarkAndBlankLines) {
  for (const std::string before : {"", "\xef\xbb\xbf", "\n", "\r\n \t\n", "\xef\xbb\xbf\n"}) {
    const Outcome outcome = import(before + kEvents);
    EXPECT_EQ(outcome.exit, 0) << outcome.errors;
    EXPECT_EQ(types(), (std::vector<std::string>{"a", "b"})) << before;
  }
  // However long the first one is.
  const Outcome large = import("{\"data\":\"" + std::string(300'000, 'x') + "\",\"type\":\"a\"}\n");
  EXPECT_EQ(large.exit, 0) << large.errors;
  EXPECT_EQ(types(), std::vector<std::string>{"a"});
}

TEST_F(ImportForms, WhatIsNoLinesOfEventsButJsonIsRefusedUnlessItIsSaidToBeText) {
  for (const std::string text :
       {"[{\"type\":\"a\",\"data\":1},\n{\"type\":\"b\",\"data\":2}]\n", "[\n{\"type\":\"a\"}\n]\n",
        "[]\n", "{\n  \"type\": \"a\",\n  \"data\": 1\n}\n", "{\"type\":\n\"a\"}\n",
        "\n\n{\n\"type\":\"a\"}\n", "{\"total\":12}\n", "{\"type\":\"a\"\n", "{}\n",
        "\x1e{\"type\":\"a\"}\n", "# exported\n{\"type\":\"a\"}\n",
        "\xef\xbb\xbf\xef\xbb\xbf{\"type\":\"a\"}\n", "\f{\"type\":\"a\"}\n",
        "\xc2\xa0 {\"type\":\"a\"}\n"}) {
    const Outcome outcome = import(text);
    EXPECT_NE(outcome.exit, 0) << text;
    EXPECT_THAT(outcome.errors, testing::HasSubstr("--text")) << text;
    EXPECT_EQ(import(text, {"--text"}).exit, 0) << text;
  }
}

// The form of the whole is not that of its beginning alone.
TEST_F(ImportForms, AnEventFarBehindTextIsRefusedUnlessItIsSaidToBeText) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "hello\n";
  text += "{\"type\":\"a\"}\n";
  const Outcome outcome = import(text);
  EXPECT_NE(outcome.exit, 0);
  EXPECT_THAT(outcome.errors, testing::HasSubstr(":20001: "));
  EXPECT_THAT(outcome.errors, testing::HasSubstr("--text"));
  EXPECT_EQ(import(text, {"--text"}).exit, 0);
}

TEST_F(ImportForms, WhatIsNoTextIsRefused) {
  const Outcome wide = import(std::string("\xff\xfe\0\0{\0\0\0", 8));
  EXPECT_THAT(wide.errors, testing::HasSubstr("UTF-32"));
  for (const std::string text :
       {std::string("\x1f\x8b\x08\x00rest", 8), std::string("\x28\xb5\x2f\xfdrest"),
        std::string("\xff\xfe{\0\"\0", 6), std::string("a\0b\n", 4)}) {
    EXPECT_NE(import(text).exit, 0);
  }
}

TEST_F(ImportForms, OtherLinesAreText) {
  for (const std::string text :
       {"time,user\n1,ann\n", "[12:00:00] started\n[12:00:01] done\n", "{braces}\nand more\n",
        "\n\nafter blank lines\n", "12\n13\n", "\"quoted\"\n", "\xef\xbb\xbfwith a mark\n"}) {
    const Outcome outcome = import(text);
    EXPECT_EQ(outcome.exit, 0) << text << outcome.errors;
    for (const std::string& type : types()) EXPECT_EQ(type, "line") << text;
  }
  const Outcome read = strandline({"read", "s7", "--raw", "--data", data_});
  EXPECT_EQ(read.output, "with a mark\n");
}

}  // namespace
}  // namespace strandline::tests
