#include "tools/base/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "tools/base/suggestion.h"

namespace strandline::tools {
namespace {

std::vector<const CLI::App*> subcommands_of(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App* one) { return !one->get_name().empty(); });
}

// How far the arguments name commands, and the first of the rest.
struct Named {
  const CLI::App* command;
  std::string path;  // "streams show"
  std::string rest;  // the first argument after them that is no flag, or empty
  size_t next = 0;   // the index of what follows the last command's name
};

bool is_flag(const std::string& argument) {
  return argument.size() > 1 && argument[0] == '-' && argument != "--" &&
         std::isdigit(static_cast<unsigned char>(argument[1])) == 0;
}

Named follow_names(const CLI::App& app, const std::vector<std::string>& arguments) {
  Named named{.command = &app, .path = {}, .rest = {}};
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (is_flag(arguments[i])) continue;
    const CLI::App* found = nullptr;
    for (const CLI::App* one : subcommands_of(*named.command)) {
      if (one->check_name(arguments[i])) found = one;
    }
    if (!found) {
      named.rest = arguments[i];
      break;
    }
    named.command = found;
    named.path += (named.path.empty() ? "" : " ") + found->get_name();
    named.next = i + 1;
  }
  return named;
}

bool takes_arguments(const CLI::App& command) {
  const auto positional = [](const CLI::Option* option) { return option->get_positional(); };
  return !command.get_options(positional).empty();
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::string help_of(const Named& named) {
  return fmt::format("strandline {}{}--help", named.path, named.path.empty() ? "" : " ");
}

std::string explain_flag(const Named& named, const std::string& flag) {
  const std::string what =
      fmt::format("strandline {} has no flag {}", named.path.empty() ? "itself" : named.path, flag);
  if (const auto instead = habit(named.path, flag)) {
    return fmt::format("{}; write {}", what, *instead);
  }
  const auto flags = flags_of(*named.command);
  if (const auto near = nearest(flag, flags))
    return fmt::format("{}; did you mean {}?", what, *near);
  return fmt::format("{} ({} lists them)", what, help_of(named));
}

std::string explain_command(const Named& named) {
  std::string what =
      fmt::format("no such command: {}{}{}", named.path, named.path.empty() ? "" : " ", named.rest);
  if (const auto instead = habit(named.path, named.rest)) {
    return fmt::format("{}; write {}", what, *instead);
  }
  std::vector<std::string> names;
  for (const CLI::App* one : subcommands_of(*named.command)) {
    names.push_back(one->get_name());
    for (const std::string& alias : one->get_aliases()) names.push_back(alias);
  }
  const std::string before = named.path.empty() ? "" : named.path + " ";
  if (const auto near = nearest(named.rest, names)) {
    return fmt::format("{}; did you mean strandline {}{}?", what, before, *near);
  }
  // What was meant as a name: of the commands that take one, the harmless.
  const auto showing = std::ranges::find(names, "show");
  if (showing != names.end()) {
    return fmt::format("{}; strandline {}show {} shows one, and {} lists what else there is", what,
                       before, named.rest, help_of(named));
  }
  return fmt::format("{} ({} lists them)", what, help_of(named));
}

}  // namespace

std::string explain_usage(const CLI::App& app, const std::vector<std::string>& arguments,
                          const std::string& complaint) {
  const Named named = follow_names(app, arguments);
  for (size_t i = named.next; i < arguments.size() && arguments[i] != "--"; ++i) {
    if (!is_flag(arguments[i])) continue;
    std::string flag = arguments[i].substr(0, arguments[i].find('='));
    if (flag[1] != '-') flag.resize(2);  // -n5
    const CLI::Option* option = named.command->get_option_no_throw(flag);
    if (!option) return explain_flag(named, flag);
    // What follows is its value, whatever it looks like.
    const bool apart = flag == arguments[i];
    if (apart && option->get_items_expected_min() > 0) ++i;
  }
  if (!named.rest.empty() && !takes_arguments(*named.command) &&
      !subcommands_of(*named.command).empty()) {
    return explain_command(named);
  }
  return fmt::format("{} ({} says more)", complaint, help_of(named));
}

}  // namespace strandline::tools
