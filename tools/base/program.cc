#include "tools/base/program.h"

#include <fmt/ranges.h>

#include <iostream>
#include <stdexcept>
#include <utility>

#include "server/base/version.h"
#include "tools/base/output.h"
#include "tools/base/usage.h"

namespace strandline::tools {
namespace {

const char* type_of(SettingKey::Kind kind) {
  switch (kind) {
    case SettingKey::Kind::number:
      return "N";
    case SettingKey::Kind::size:
      return "SIZE";
    case SettingKey::Kind::duration:
      return "DURATION";
    case SettingKey::Kind::text:
    case SettingKey::Kind::truth:
      return "TEXT";
  }
  return "TEXT";
}

// CLI11 takes --json=0x10 and --json=-1 for a number of times.
void check_flags(CLI::App& command) {
  for (CLI::Option* option : command.get_options()) {
    if (option->get_items_expected_max() > 0 || option->get_lnames().empty()) continue;
    option->check([](const std::string& value) {
      const auto truth = read_truth(value);
      return truth ? std::string() : truth.error();
    });
  }
  for (CLI::App* one : command.get_subcommands([](CLI::App*) { return true; })) check_flags(*one);
}

}  // namespace

int failed(std::string_view message) {
  std::cerr << "strandline: " << message << '\n';
  return kFailed;
}

int failed(const Error& error) {
  failed(error.message);
  return exit_code_of(error.code);
}

int misused(std::string_view message) {
  std::cerr << "strandline: " << message << '\n';
  return kUsage;
}

int not_connected(const Error& error) { return failed(error); }

Program::Program() : app_("A persistent event log: append durably, follow live, resume exactly.") {
  app_.name("strandline");
  app_.require_subcommand(1);
  app_.set_version_flag("-V,--version", server::kVersion, "print the version and exit");
  app_.footer(std::string("`strandline COMMAND --help` shows an example of each.\n\n") +
              kExitCodes);
}

CLI::App& Program::add(std::string name, std::string what, std::string example) {
  return add(app_, std::move(name), std::move(what), std::move(example));
}

CLI::App& Program::add(CLI::App& parent, std::string name, std::string what, std::string example) {
  CLI::App& command = *parent.add_subcommand(std::move(name), std::move(what));
  command.footer("Example:\n" + std::move(example) + "\n\n" + kExitCodes);
  command.add_option("--config", config_,
                     "a TOML file (default: ./strandline.toml, if it is there) (env "
                     "STRANDLINE_CONFIG)");
  return command;
}

void Program::add_setting_flag(CLI::App& command, const SettingKey& key) {
  std::string what = key.what;
  if (!key.fallback.empty()) what += " [" + key.fallback + "]";
  what += " (env " + key.variable() + ")";
  if (key.kind == SettingKey::Kind::truth) {
    command.add_flag(key.flag(), std::as_const(what))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->each([this, &key](const std::string& value) { settings_.flag(key, value); });
    return;
  }
  if (key.list) {
    command
        .add_option_function<std::vector<std::string>>(
            key.flag(),
            [this, &key](const std::vector<std::string>& values) {
              settings_.flag(key, fmt::format("{}", fmt::join(values, ",")));
            },
            what)
        ->allow_extra_args(false)
        ->type_name(type_of(key.kind));
    return;
  }
  command
      .add_option_function<std::string>(
          key.flag(), [this, &key](const std::string& value) { settings_.flag(key, value); }, what)
      ->type_name(*key.words ? key.words : type_of(key.kind));
}

void Program::add_target_flags(CLI::App& command) {
  for (const SettingKey& key : Settings::keys()) {
    if (std::string_view(key.table) == "client") add_setting_flag(command, key);
  }
}

void Program::on_run(CLI::App& command, std::function<int()> action) {
  // A command with subcommands of its own runs its action only where none of them was named.
  command.final_callback([this, &command, action = std::move(action)] {
    if (command.get_subcommands().empty()) action_ = action;
  });
}

int Program::run(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << app_.help();
    return kUsage;
  }
  check_flags(app_);
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      app_.exit(error);
      return kDone;
    }
    return misused(explain_usage(app_, {argv + 1, argv + argc}, error.what()));
  } catch (const std::logic_error&) {  // what CLI11 lets out of a flag such as --json=perhaps
    return misused(explain_usage(app_, {argv + 1, argv + argc},
                                 "a flag without a value was given one that is neither true nor "
                                 "false"));
  }
  if (auto loaded = settings_.load(config_); !loaded) return misused(loaded.error().message);
  return action_();
}

int run(int argc, char** argv) {
  StandardOutput output;
  Program program;
  add_serve(program);
  add_append(program);
  add_read(program);
  add_tail(program);
  add_import(program);
  add_export(program);
  add_streams(program);
  add_consumers(program);
  add_keys(program);
  add_verify(program);
  add_stats(program);
  add_completion(program);
  add_help(program);
  const int code = program.run(argc, argv);
  if (auto written = output.finish(); !written) {
    const int lost = failed(written.error().message + ": what the command had to say is lost");
    return code == kDone ? lost : code;
  }
  return code;
}

}  // namespace strandline::tools
