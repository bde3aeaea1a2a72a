// An export that goes on: only as the same export, of the same log, in the file that it wrote.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class ExportAgain : public ::testing::Test {
 protected:
  // Of each stream more than an export writes between two looks at how far it came.
  static constexpr int kLines = 12;
  static constexpr size_t kLineBytes = 900'000;

  ExportAgain() {
    for (const char* stream : {"a b", "a", "b"}) fill(data_, stream);
  }
  static void fill(const std::string& data, const std::string& stream) {
    std::string lines;
    for (int i = 0; i < kLines; ++i) {
      lines += stream + " " + std::to_string(i) + " " + std::string(kLineBytes, 'x') + "\n";
    }
    const Outcome outcome = strandline({"append", stream, "--data", data}, lines);
    EXPECT_EQ(outcome.exit, 0) << outcome.errors;
  }
  std::vector<std::string> export_of(std::vector<std::string> what, const std::string& data) {
    what.insert(what.begin(), {STRANDLINE_PROGRAM, "export"});
    what.insert(what.end(), {"-o", file_, "--data", data});
    return what;
  }
  Outcome again(std::vector<std::string> what) { return run(export_of(std::move(what), data_)); }
  // Ends when the file may not grow any more, past the first place that is remembered.
  void interrupt(std::vector<std::string> what) {
    std::vector<std::string> command = export_of(std::move(what), data_);
    command.insert(command.begin(),
                   {"bash", "-c", "trap '' XFSZ; ulimit -f 10000; exec \"$@\"", "-"});
    EXPECT_NE(run(std::move(command)).exit, 0);
    ASSERT_TRUE(fs::exists(position_));
    ASSERT_GT(Json::parse(read_file(position_))["bytes"].number(), 0u);
  }
  void expect_refused(const std::vector<std::string>& what, const std::string& why) {
    const std::string before = read_file(file_), position = read_file(position_);
    const Outcome outcome = again(what);
    EXPECT_NE(outcome.exit, 0) << testing::PrintToString(what);
    EXPECT_THAT(outcome.errors, testing::HasSubstr(why));
    EXPECT_THAT(outcome.errors, testing::HasSubstr("--overwrite"));
    EXPECT_TRUE(read_file(file_) == before) << "nothing was touched";
    EXPECT_EQ(read_file(position_), position);
  }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
  const std::string file_ = (directory_ / "out.ndjson").string();
  const std::string position_ = file_ + ".position";
};

TEST_F(ExportAgain, GoesOnAsTheSameExportAlone) {
  interrupt({"a b"});
  for (const std::vector<std::string>& other :
       std::vector<std::vector<std::string>>{{"a", "b"},
                                             {"a"},
                                             {"a b", "a"},
                                             {"--all"},
                                             {"a b", "--lines"},
                                             {"a b", "--full"},
                                             {"a b", "--from", "1"},
                                             {"a b", "--type", "line"}}) {
    expect_refused(other, "another export");
  }
  const Outcome outcome = again({"a b"});
  EXPECT_EQ(outcome.exit, 0) << outcome.errors;
  EXPECT_THAT(outcome.errors, testing::HasSubstr("going on after"));
  const std::string resumed = read_file(file_);
  EXPECT_FALSE(fs::exists(position_));
  EXPECT_EQ(again({"a b", "--overwrite"}).exit, 0);
  EXPECT_TRUE(resumed == read_file(file_)) << "as one run gives it";
}

TEST_F(ExportAgain, OfAnotherLogOrOfAStreamThatWasMadeAnewIsRefused) {
  interrupt({"a b"});
  const std::string other = (directory_ / "other").string();
  fill(other, "a b");
  EXPECT_NE(run(export_of({"a b"}, other)).exit, 0);
  {
    ServerProcess server(data_);
    const Outcome outcome =
        strandline({"export", "a b", "-o", file_, "--server", server.address().url()});
    EXPECT_NE(outcome.exit, 0) << "nothing says that it is the same log";
  }
  ASSERT_EQ(strandline({"streams", "rm", "a b", "--data", data_}).exit, 0);
  fill(data_, "a b");
  expect_refused({"a b"}, "another export");
}

TEST_F(ExportAgain, FromAPositionThatWasChangedIsRefused) {
  interrupt({"a b"});
  const std::string position = read_file(position_);
  const auto with = [&](const std::string& member, const std::string& value) {
    const size_t begin = position.find("\"" + member + "\":") + member.size() + 3;
    const size_t end = position.find_first_of(",}", begin);
    return position.substr(0, begin) + value + position.substr(end);
  };
  for (const std::string& changed :
       {with("next", "-1"), with("next", "0"), with("next", "1e3"), with("next", "null"),
        with("next", "\"1\""), with("next", "18446744073709551615"), with("stream", "-1"),
        with("stream", "1"), with("bytes", "-1"), with("bytes", "0"), with("check", "\"\""),
        position.substr(0, position.size() - 5)}) {
    write_file(position_, changed);
    expect_refused({"a b"}, "is not an export's position");
    EXPECT_EQ(again({"a b"}).exit, 4) << changed;
  }
  write_file(position_, position);
  EXPECT_EQ(again({"a b"}).exit, 0);
  EXPECT_EQ(std::ranges::count(read_file(file_), '\n'), kLines);
}

TEST_F(ExportAgain, IntoAFileThatIsNotItsOwnAnyMoreIsRefused) {
  interrupt({"a b"});
  const std::string own = read_file(file_);
  std::string changed = own;
  changed[1'000'000] = 'y';
  for (const std::string& text : {changed, std::string("mine\n"), std::string(own.size(), 'z')}) {
    std::ofstream(file_, std::ios::binary) << text;
    expect_refused({"a b"}, "is not the file that");
  }
  std::ofstream(file_, std::ios::binary) << own << "half a li";
  EXPECT_EQ(again({"a b"}).exit, 0);
  EXPECT_EQ(std::ranges::count(read_file(file_), '\n'), kLines);
  for (const char* text : {"", "{}", "{\"what\":\"a b\",\"stream\":0,\"bytes\":0}", "[1]"}) {
    std::ofstream(position_) << text;
    const Outcome outcome = again({"a b"});
    EXPECT_NE(outcome.exit, 0) << text;
    EXPECT_THAT(outcome.errors, testing::HasSubstr("is not an export's position"));
  }
}

}  // namespace
}  // namespace strandline::tests
