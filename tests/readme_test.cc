// The examples of README.md and of every page in docs/ are run as they stand: the commands in its
// ```sh blocks, in order, against a server of the page's own, and the programs in its ```cpp blocks
// compiled against the engine and run. Other blocks are only to be read.
//
// A command that says `# 412` (or another status) at its end is expected to be answered so, and one
// that says `# exit 3` to end so. One that follows is expected to print something, and is then
// stopped.
#include <regex>
#include <sstream>

#include "tests/support/http/server_test.h"
#include "tests/support/log/directory.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

// README.md, and what stands in docs/.
std::vector<std::string> documents() {
  std::vector<std::string> found = {"README.md"};
  for (const auto& entry : fs::directory_iterator(fs::path(STRANDLINE_SOURCE_DIR) / "docs")) {
    if (entry.path().extension() == ".md") {
      found.push_back("docs/" + entry.path().filename().string());
    }
  }
  std::ranges::sort(found);
  return found;
}

// The fenced blocks of a language.
std::vector<std::string> blocks_in(const std::string& document, const std::string& language) {
  std::vector<std::string> found;
  std::istringstream in(read_file(fs::path(STRANDLINE_SOURCE_DIR) / document));
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
  EXPECT_FALSE(inside) << document << " ends inside a block";
  return found;
}

// The commands of a block: lines, joined where a line ends in a backslash or inside quotes.
std::vector<std::string> commands_in(const std::string& block) {
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

// What a command must be answered with; by default, a success.
struct Wanted {
  std::string status = "2..";
  int exit = 0;
};

Wanted wanted_of(const std::string& command) {
  static const std::regex status("# *([0-9]{3})\\b");
  static const std::regex exit("# *exit ([0-9]+)\\b");
  Wanted wanted;
  std::smatch said;
  if (std::regex_search(command, said, exit)) {
    wanted.exit = std::stoi(said.str(1));
  } else if (std::regex_search(command, said, status)) {
    wanted.status = said.str(1);
  }
  return wanted;
}

class Documents : public ::testing::TestWithParam<std::string> {
 protected:
  // Runs a command where curl prints the status after its answer, and strandline is the program
  // under test and talks to this server.
  Outcome run_here(const ServerProcess& server, const std::string& command) const {
    return run(
        {"bash", "-c",
         "curl() { command curl -sS -w '\\n%{http_code}' \"$@\"; }\n" + set_up(server) + command},
        {}, directory_.path());
  }

  // The same of a command that does not end: whether it prints a line.
  void expect_line(const ServerProcess& server, const std::string& command) const {
    Process following({"bash", "-c", set_up(server) + "exec " + command}, {}, directory_.path());
    const auto line = following.line();
    EXPECT_TRUE(line && !line->empty()) << following.errors();
  }

  static std::string set_up(const ServerProcess& server) {
    const std::string url = "http://" + server.address().host + ":" + server.address().port;
    return "export STRANDLINE_SERVER=" + url +
           "\nPATH=" + fs::path(STRANDLINE_PROGRAM).parent_path().string() + ":$PATH\n";
  }

  TemporaryDirectory directory_;
};

TEST_P(Documents, ExamplesRun) {
  const ServerProcess server(directory_ / "data");
  const std::string here = server.address().host + ":" + server.address().port;
  static const std::regex address("(127\\.0\\.0\\.1|localhost):7070");
  for (const std::string& block : blocks_in(GetParam(), "sh")) {
    for (const std::string& text : commands_in(block)) {
      SCOPED_TRACE(text);
      const Wanted wanted = wanted_of(text);
      const std::string command = std::regex_replace(text, address, here);
      const bool follows = command.find("follow=true") != std::string::npos ||
                           command.find("event-stream") != std::string::npos;
      if (follows) {
        expect_line(server, command);
        continue;
      }
      const Outcome outcome = run_here(server, command);
      EXPECT_EQ(outcome.exit, wanted.exit) << outcome.output << outcome.errors;
      if (!command.starts_with("curl")) continue;
      const std::string code = outcome.output.substr(outcome.output.rfind('\n') + 1);
      EXPECT_TRUE(std::regex_match(code, std::regex(wanted.status))) << outcome.output;
    }
  }
}

TEST_P(Documents, ProgramsCompileAndRun) {
  const fs::path build = fs::path(STRANDLINE_PROGRAM).parent_path().parent_path();
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
  for (const std::string& program : blocks_in(GetParam(), "cpp")) {
    SCOPED_TRACE(program);
    write_file(directory_ / "example.cc", program);
    const Outcome compiled = run(compile, {}, directory_.path());
    ASSERT_EQ(compiled.exit, 0) << compiled.errors;
    const Outcome outcome = run({"./example"}, {}, directory_.path());
    EXPECT_EQ(outcome.exit, 0) << outcome.errors;
    EXPECT_FALSE(outcome.output.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Documents, ::testing::ValuesIn(documents()), [](const auto& info) {
  std::string name;
  for (const char c : fs::path(info.param).stem().string()) {
    if (std::isalnum(static_cast<unsigned char>(c))) name += c;
  }
  return name;
});

// That there are examples to be run where readers look for them first.
TEST(DocumentsTogether, ShowHowToAppendReadFollowAndEmbed) {
  size_t commands = 0;
  for (const std::string& block : blocks_in("README.md", "sh")) {
    commands += commands_in(block).size();
  }
  EXPECT_GE(commands, 3u);
  EXPECT_EQ(blocks_in("docs/embedding.md", "cpp").size(), 1u);
}

// --- Links.

// Every page of the tree, from its top.
std::vector<std::string> pages() {
  std::vector<std::string> found;
  const fs::path top = STRANDLINE_SOURCE_DIR;
  for (auto it = fs::recursive_directory_iterator(top); it != fs::end(it); ++it) {
    const std::string name = it->path().filename().string();
    if (it->is_directory() && (name == "build" || name == ".git" || name == "node_modules")) {
      it.disable_recursion_pending();
    } else if (it->path().extension() == ".md") {
      found.push_back(fs::relative(it->path(), top).string());
    }
  }
  return found;
}

// What a heading is called in a link: small letters, digits and hyphens.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_') {
      anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (c == ' ') {
      anchor += '-';
    }
  }
  return anchor;
}

bool has_anchor(const fs::path& page, const std::string& anchor) {
  std::istringstream in(read_file(page));
  for (std::string line; std::getline(in, line);) {
    const size_t text = line.find_first_not_of('#');
    if (text == 0 || text == std::string::npos || line[text] != ' ') continue;
    if (anchor_of(line.substr(text + 1)) == anchor) return true;
  }
  return false;
}

TEST(DocumentsTogether, LinksLeadSomewhere) {
  static const std::regex link("\\]\\(([^)#\\s]*)(#[^)\\s]*)?\\)");
  size_t followed = 0;
  for (const std::string& page : pages()) {
    const fs::path from = fs::path(STRANDLINE_SOURCE_DIR) / page;
    const std::string text = read_file(from);
    for (auto it = std::sregex_iterator(text.begin(), text.end(), link);
         it != std::sregex_iterator(); ++it) {
      const std::string path = it->str(1), anchor = it->str(2);
      if (path.find("://") != std::string::npos) continue;
      ++followed;
      const fs::path to = path.empty() ? from : from.parent_path() / path;
      EXPECT_TRUE(fs::exists(to)) << page << " links to " << path << ", which is not there";
      if (anchor.empty() || !fs::exists(to)) continue;
      EXPECT_TRUE(has_anchor(to, anchor.substr(1)))
          << page << " links to " << anchor << " of " << path << ", which has no such heading";
    }
  }
  EXPECT_GE(followed, 20u);
}

}  // namespace
}  // namespace strandline::tests
