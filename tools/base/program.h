// The `strandline` command line: what every subcommand shares, and the list of them.
//
// A family (serve.cc, read.cc, ...) has one add_ function that describes its flags and gives the
// action to run. Settings are loaded after parsing and before the action, so that flags win over
// the environment and the file. *Exit codes*: exit_code.h; where it is not 0, one line on stderr
// says why. What a script reads goes to stdout, everything else to stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "engine/api/error.h"
#include "tools/base/exit_code.h"
#include "tools/base/settings.h"

namespace strandline::tools {

// Prints "strandline: MESSAGE" to stderr; the answer is the exit code to return.
int failed(std::string_view message);
int failed(const Error& error);  // by its code
int misused(std::string_view message);
// After connect().
int not_connected(const Error& error);

class Program {
 public:
  Program();

  // A subcommand (under another, if it has subcommands of its own), with an example for its help.
  CLI::App& add(std::string name, std::string what, std::string example);
  CLI::App& add(CLI::App& parent, std::string name, std::string what, std::string example);
  // --server and --data: what a client command talks to.
  void add_target_flags(CLI::App& command);
  // A flag that stands for the setting of that name, see settings.h.
  void add_setting_flag(CLI::App& command, const SettingKey& key);
  void on_run(CLI::App& command, std::function<int()> action);

  Settings& settings() { return settings_; }
  CLI::App& root() { return app_; }
  int run(int argc, char** argv);

 private:
  CLI::App app_;
  Settings settings_;
  std::string config_;
  std::function<int()> action_;
};

void add_serve(Program& program);
void add_append(Program& program);
void add_read(Program& program);
void add_tail(Program& program);
void add_streams(Program& program);
void add_consumers(Program& program);
void add_keys(Program& program);
void add_import(Program& program);
void add_export(Program& program);
void add_verify(Program& program);
void add_stats(Program& program);
void add_completion(Program& program);
void add_help(Program& program);

int run(int argc, char** argv);

}  // namespace strandline::tools
