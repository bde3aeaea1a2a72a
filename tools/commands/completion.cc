// `strandline completion`: a script by which bash or zsh completes commands, flags, and the values
// of flags that take one of a few words, made from the commands as they are.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

#include "tools/base/program.h"

namespace strandline::tools {
namespace {

constexpr char kCompletionExample[] =
    "  source <(strandline completion bash)      # in ~/.bashrc\n"
    "  source <(strandline completion zsh)       # in ~/.zshrc, after compinit";

// What can follow a command: its path, and the words with what each is for.
struct Completed {
  std::string path;
  std::vector<std::pair<std::string, std::string>> words;
};

// What can follow a flag that takes one of a few words, which --help says as "a|b|c".
using FlagValues = std::map<std::string, std::string>;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

void gather(const CLI::App& command, const std::string& path, std::vector<Completed>& all,
            FlagValues& values) {
  Completed one{.path = path, .words = {}};
  const auto subcommands = command.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : subcommands) {
    one.words.emplace_back(sub->get_name(), first_line(sub->get_description()));
  }
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      one.words.emplace_back("--" + name, first_line(option->get_description()));
      std::string type = option->get_type_name();
      type.resize(std::min(type.find(':'), type.size()));
      if (type.find('|') == std::string::npos) continue;
      std::ranges::replace(type, '|', ' ');
      values["--" + name] = type;
    }
  }
  all.push_back(std::move(one));
  for (const CLI::App* sub : subcommands) {
    gather(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), all, values);
  }
}

// The function's beginning: which command the words before the cursor name.
std::string path_finder(const std::vector<Completed>& all) {
  std::string paths;
  for (const Completed& one : all) {
    if (!one.path.empty()) paths += (paths.empty() ? "\"" : "|\"") + one.path + '"';
  }
  return "    case \"${place:+$place }$word\" in\n      " + paths +
         ") place=\"${place:+$place }$word\" ;;\n    esac\n";
}

// One case for each of these flags; `then` begins what is done with its words, and `end` ends it.
std::string value_cases(const FlagValues& values, std::string_view then, std::string_view end) {
  std::string cases;
  for (const auto& [flag, words] : values) {
    cases += fmt::format("    {}) {}{}{} ;;\n", flag, then, words, end);
  }
  return cases;
}

std::string bash_script(const std::vector<Completed>& all, const FlagValues& values) {
  std::string cases;
  for (const Completed& one : all) {
    std::string words;
    for (const auto& [word, what] : one.words) words += (words.empty() ? "" : " ") + word;
    cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", one.path, words);
  }
  return "# bash completion of strandline\n"
         "_strandline() {\n"
         "  local place= word words i cur=${COMP_WORDS[COMP_CWORD]}\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=${COMP_WORDS[i]}\n" +
         path_finder(all) +
         "  done\n"
         "  case \"$place\" in\n" +
         cases +
         "  esac\n"
         "  case \"${COMP_WORDS[COMP_CWORD-1]}\" in\n"
         "    --data|--config|--output|-o) return ;; # files, by -o default\n" +
         value_cases(values, "words=\"", "\"") +
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
         "}\n"
         "complete -o default -F _strandline strandline\n";
}

// Within single quotes, and without the colon that ends a word of _describe.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else if (c == ':') {
      out += "\\:";
    } else {
      out += c;
    }
  }
  return out;
}

std::string zsh_script(const std::vector<Completed>& all, const FlagValues& values) {
  std::string cases;
  for (const Completed& one : all) {
    cases += fmt::format("    \"{}\") entries=(\n", one.path);
    for (const auto& [word, what] : one.words) {
      cases += fmt::format("      '{}:{}'\n", zsh_text(word), zsh_text(what));
    }
    cases += "    ) ;;\n";
  }
  return "#compdef strandline\n"
         "_strandline() {\n"
         "  local place= word i\n"
         "  local -a entries\n"
         "  for ((i = 2; i < CURRENT; i++)); do\n"
         "    word=${words[i]}\n" +
         path_finder(all) +
         "  done\n"
         "  case \"$place\" in\n" +
         cases +
         "  esac\n"
         "  case \"${words[CURRENT-1]}\" in\n"
         "    --data|--config|--output|-o) _files; return ;;\n" +
         value_cases(values, "compadd -- ", "; return") +
         "  esac\n"
         "  _describe -t commands strandline entries || _files\n"
         "}\n"
         "compdef _strandline strandline\n";
}

}  // namespace

void add_completion(Program& program) {
  CLI::App& all =
      program.add("completion", "Print a script by which a shell completes commands and flags",
                  kCompletionExample);
  all.require_subcommand(1);
  using Script = std::string (*)(const std::vector<Completed>&, const FlagValues&);
  const auto add = [&](const char* shell, Script script) {
    CLI::App& command = program.add(all, shell, fmt::format("For {}", shell),
                                    fmt::format("  source <(strandline completion {})", shell));
    program.on_run(command, [&program, script] {
      std::vector<Completed> commands;
      FlagValues values;
      gather(program.root(), "", commands, values);
      std::cout << script(commands, values);
      return kDone;
    });
  };
  add("bash", bash_script);
  add("zsh", zsh_script);
}

}  // namespace strandline::tools
