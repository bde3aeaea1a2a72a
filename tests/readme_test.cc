// The README's examples are run as they stand: the curl commands against a fresh server, in order,
// and the embedding example compiled against the libraries and run.
//
// A command whose line says `# 412` (or another status) is expected to be answered so. One that
// follows is expected to print something, and is then stopped.
#include <regex>
#include <sstream>

#include "tests/support/directory.h"
#include "tests/support/server_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class Readme : public ::testing::Test {
 protected:
  void SetUp() override {
    text_ = read_file(fs::path(STRANDLINE_SOURCE_DIR) / "README.md");
    ASSERT_FALSE(text_.empty()) << "there is no README.md";
  }

  // The fenced blocks of a language.
  std::vector<std::string> blocks(const std::string& language) const {
    std::vector<std::string> found;
    std::istringstream in(text_);
    bool inside = false, wanted = false;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("```")) {
        wanted = !inside && line == "```" + language;
        inside = !inside;
        if (wanted) found.emplace_back();
      } else if (inside && wanted) {
        found.back() += line + "\n";
      }
    }
    return found;
  }

  // The commands of a block: lines, joined where a line ends in a backslash or inside quotes.
  static std::vector<std::string> commands(const std::string& block) {
    std::vector<std::string> found;
    std::istringstream in(block);
    std::string command;
    for (std::string line; std::getline(in, line);) {
      command += line;
      const bool open_quote = std::ranges::count(command, '\'') % 2 == 1;
      if (open_quote || line.ends_with('\\')) {
        command += "\n";
        continue;
      }
      if (command.find_first_not_of(" \t") != std::string::npos && !command.starts_with("#")) {
        found.push_back(command);
      }
      command.clear();
    }
    return found;
  }

  std::string text_;
};

TEST_F(Readme, CurlExamplesRun) {
  const TemporaryDirectory directory;
  const ServerProcess server(directory / "data");
  const std::string here = server.address().host + ":" + server.address().port;
  static const std::regex address("(127\\.0\\.0\\.1|localhost):7070");
  static const std::regex said("# *([0-9]{3})\\b");
  int ran = 0;
  for (const std::string& block : blocks("sh")) {
    if (!block.starts_with("curl")) continue;
    for (std::string command : commands(block)) {
      SCOPED_TRACE(command);
      ASSERT_TRUE(command.starts_with("curl"));
      ++ran;
      const bool follows = command.find("follow=true") != std::string::npos ||
                           command.find("event-stream") != std::string::npos;
      std::smatch status;
      const std::string wanted = std::regex_search(command, status, said) ? status.str(1) : "2..";
      command = std::regex_replace(command, address, here);
      if (follows) {
        Process curl({"bash", "-c", "exec " + command}, {}, directory.path());
        const auto line = curl.line();
        EXPECT_TRUE(line && !line->empty()) << curl.errors();
        continue;
      }
      // What curl prints, and then the status on a line of its own.
      const Outcome outcome = run(
          {"bash", "-c", "curl() { command curl -sS -w '\\n%{http_code}' \"$@\"; }\n" + command},
          {}, directory.path());
      EXPECT_EQ(outcome.exit, 0) << outcome.errors;
      const std::string code = outcome.output.substr(outcome.output.rfind('\n') + 1);
      EXPECT_TRUE(std::regex_match(code, std::regex(wanted))) << outcome.output;
    }
  }
  EXPECT_GE(ran, 3) << "README.md should show how to append, read and follow with curl";
}

TEST_F(Readme, TheEmbeddingExampleCompilesAndRuns) {
  const auto examples = blocks("cpp");
  ASSERT_EQ(examples.size(), 1u);
  const fs::path build = fs::path(STRANDLINE_PROGRAM).parent_path().parent_path();
  const TemporaryDirectory directory;
  write_file(directory / "example.cc", examples[0]);
  // With what compiled the library: one that was built with sanitizers needs them.
  const std::string cache = read_file(build / "CMakeCache.txt");
  std::smatch found;
  ASSERT_TRUE(std::regex_search(cache, found, std::regex("CMAKE_CXX_COMPILER:[A-Z]*=(.+)")));
  std::vector<std::string> compile = {found.str(1),
                                      "-std=c++23",
                                      "-I" STRANDLINE_SOURCE_DIR,
                                      "-I" + (build / "generated").string(),
                                      "example.cc",
                                      (build / "libstrandline_engine.a").string(),
                                      "-lrocksdb",
                                      "-lfmt",
                                      "-lzstd",
                                      "-pthread",
                                      "-o",
                                      "example"};
  if (std::regex_search(cache, found, std::regex("SANITIZE:[A-Z]*=(.+)"))) {
    compile.push_back("-fsanitize=" + found.str(1));
  }
  const Outcome compiled = run(compile, {}, directory.path());
  ASSERT_EQ(compiled.exit, 0) << compiled.errors;
  const Outcome outcome = run({"./example"}, {}, directory.path());
  EXPECT_EQ(outcome.exit, 0) << outcome.errors;
  EXPECT_FALSE(outcome.output.empty());
}

}  // namespace
}  // namespace strandline::tests
