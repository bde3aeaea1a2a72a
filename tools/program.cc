#include "tools/program.h"

#include <fmt/format.h>

#include <iostream>

#include "server/version.h"
#include "tools/output.h"

namespace strandline::tools {

int failed(std::string_view message) {
  std::cerr << "strandline: " << message << '\n';
  return kFailed;
}

int failed(const Error& error) { return failed(error.message); }

int misused(std::string_view message) {
  std::cerr << "strandline: " << message << '\n';
  return kUsage;
}

int not_connected(const Error& error) {
  return error.code == Code::invalid ? misused(error.message) : failed(error);
}

Program::Program() : app_("A persistent event log: append durably, follow live, resume exactly.") {
  app_.name("strandline");
  app_.require_subcommand(1);
  app_.set_version_flag("--version", server::kVersion);
  app_.footer("`strandline COMMAND --help` shows an example of each.");
}

CLI::App& Program::add(std::string name, std::string what, std::string example) {
  return add(app_, std::move(name), std::move(what), std::move(example));
}

CLI::App& Program::add(CLI::App& parent, std::string name, std::string what, std::string example) {
  CLI::App& command = *parent.add_subcommand(std::move(name), std::move(what));
  command.footer("Example:\n" + std::move(example));
  command.add_option("--config", config_,
                     "a TOML file (default: ./strandline.toml, if it is there)");
  return command;
}

void Program::add_setting_flag(CLI::App& command, const SettingKey& key) {
  std::string flag = "--";
  for (const char* c = key.name; *c; ++c) flag += *c == '_' ? '-' : *c;
  std::string what = key.what;
  if (!key.fallback.empty()) what += " [" + key.fallback + "]";
  if (key.kind == SettingKey::Kind::truth) {
    command.add_flag_function(
        flag, [this, &key](int64_t times) { settings_.flag(key, times > 0 ? "true" : "false"); },
        what);
    return;
  }
  command
      .add_option_function<std::string>(
          flag, [this, &key](const std::string& value) { settings_.flag(key, value); }, what)
      ->type_name(key.kind == SettingKey::Kind::number ? "N" : "TEXT");
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
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (argc > 1 && app_.get_subcommands().empty() && argv[1][0] != '-') {
      return misused(fmt::format("no such command: {} (strandline --help lists them)", argv[1]));
    }
    return app_.exit(error) == 0 ? kDone : kUsage;
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
  add_verify(program);
  add_stats(program);
  const int code = program.run(argc, argv);
  if (auto written = output.finish(); !written) {
    const int lost = failed(written.error().message + ": what the command had to say is lost");
    return code == kDone ? lost : code;
  }
  return code;
}

}  // namespace strandline::tools
