// `strandline erase`, on a directory and on a server.
#include <gmock/gmock.h>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using Arguments = std::vector<std::string>;

class EraseCommand : public ::testing::Test {
 protected:
  // A receipt is in $admin.
  EraseCommand() { ::setenv("STRANDLINE_RECORD_ADMINISTRATION", "true", 1); }
  ~EraseCommand() override { ::setenv("STRANDLINE_RECORD_ADMINISTRATION", "false", 1); }
  Outcome on_data(Arguments arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), {"--data", data_});
    return strandline(std::move(arguments), input);
  }

  TemporaryDirectory directory_;
  const std::string data_ = directory_.path() / "data";
};

TEST_F(EraseCommand, SaysWhatItWillDoAndDoesItOnlyWithConsent) {
  ASSERT_EQ(on_data({"append", "s"}, "one\ntwo\nthree\n").exit, 0);
  const Arguments erase = {"erase", "s", "--offset", "1", "--what", "events", "--reason", "r"};
  const Outcome asked = on_data(erase);
  EXPECT_EQ(asked.exit, 2) << asked.output;
  EXPECT_THAT(asked.errors, HasSubstr("erases 1 events for good: \"s\" (1)"));
  Arguments dry = erase;
  dry.emplace_back("--dry-run");
  EXPECT_THAT(on_data(dry).output, HasSubstr("Nothing was done"));
  EXPECT_THAT(on_data({"read", "s"}).output, HasSubstr("two"));
  Arguments sure = erase;
  sure.emplace_back("--yes");
  const Outcome done = on_data(sure);
  EXPECT_EQ(done.exit, 0) << done.errors;
  EXPECT_THAT(done.output, HasSubstr("gone since"));
  EXPECT_THAT(on_data({"read", "s"}).output, testing::Not(HasSubstr("two")));
  EXPECT_THAT(on_data(sure).output, HasSubstr("nothing to erase"));
  EXPECT_THAT(on_data({"read", "$admin"}).output, HasSubstr("strandline.erasure.completed"));
  EXPECT_EQ(on_data({"erase", "ls"}).exit, 0);
}

TEST_F(EraseCommand, RefusesWhatIsNoSelection) {
  ASSERT_EQ(on_data({"append", "s"}, "one\n").exit, 0);
  for (const Arguments& wrong : {Arguments{"erase", "--what", "data"},
                                 {"erase", "s", "--prefix", "s", "--what", "data"},
                                 {"erase", "s"},
                                 {"erase", "s", "--what", "all"},
                                 {"erase", "s", "--offset", "3..1", "--what", "data"},
                                 {"erase", "s", "--stored-before", "soon", "--what", "data"}}) {
    EXPECT_EQ(on_data(wrong).exit, 2);
  }
  EXPECT_EQ(on_data({"erase", "none", "--what", "data", "--yes"}).exit, 3);
}

TEST_F(EraseCommand, WorksOnAServer) {
  ServerProcess server(data_);
  const auto on_server = [&](Arguments arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), {"--server", server.address().url()});
    return strandline(std::move(arguments), input);
  };
  ASSERT_EQ(on_server({"append", "s"}, "one\ntwo\n").exit, 0);
  const Outcome done = on_server({"erase", "s", "--offset", "0", "--what", "data", "--yes"});
  EXPECT_EQ(done.exit, 0) << done.errors;
  EXPECT_THAT(on_server({"read", "s", "--json"}).output, HasSubstr("\"erased\":true"));
  EXPECT_EQ(on_server({"erase", "ls", "--json"}).output, "{\"erasures\":[]}\n");
}

}  // namespace
}  // namespace strandline::tests
