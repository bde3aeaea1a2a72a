// `strandline help` and `strandline version`, as hands type them; --help and --version say the
// same.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "engine/log.h"
#include "server/base/version.h"
#include "tools/base/program.h"
#include "tools/base/usage.h"

namespace strandline::tools {
namespace {

int help(Program& program, const std::vector<std::string>& names) {
  CLI::App* command = &program.root();
  std::string above;  // the commands that it stands under
  for (const std::string& name : names) {
    const auto found =
        command->get_subcommands([&](CLI::App* one) { return one->check_name(name); });
    if (found.empty()) return misused(explain_usage(program.root(), names, "no such command"));
    above += (above.empty() ? "" : " ") + command->get_name();
    command = found.front();
  }
  // Of the program itself, App::help would go on to the subcommand that runs: this one.
  std::string text = names.empty() ? command->get_formatter()->make_help(
                                         command, command->get_name(), CLI::AppFormatMode::Normal)
                                   : command->help(above);
  if (!text.ends_with('\n')) text += '\n';
  std::cout << text;
  return kDone;
}

int version(bool json) {
  std::cout << (json ? fmt::format("{{\"version\":\"{}\",\"format\":{}}}\n", server::kVersion,
                                   kFormatVersion)
                     : fmt::format("{}\n", server::kVersion));
  return kDone;
}

}  // namespace

void add_help(Program& program) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App& helping = program.add("help", "Say what a command does, with its flags",
                                  "  strandline help consumers create");
  helping.add_option("command", *names, "the command");
  program.on_run(helping, [names, &program] { return help(program, *names); });

  auto json = std::make_shared<bool>(false);
  CLI::App& telling = program.add("version", "Print the version", "  strandline version --json");
  telling.add_flag("--json", *json, "as one JSON object, with the format's version");
  program.on_run(telling, [json] { return version(*json); });
}

}  // namespace strandline::tools
