// Consent to what takes something away: a command says what it will do, and does it only if whoever
// runs it agrees.
//
// On a terminal the command asks. With --yes it says what it does on standard error, and goes on.
// Without a terminal and without --yes nothing is done, and the exit code is 2: a script that loses
// something has said that it wants to. With --dry-run it only says what it would do.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace strandline::tools {

class Consent {
 public:
  void add_to(CLI::App& command);
  bool is_dry_run() const { return dry_run_; }
  bool is_given() const { return yes_; }

  // `what`: all that will be done, as a sentence without a subject and without a full stop, such as
  // `removes the stream "orders" and its 12 events`. Nothing: go on. Else the exit code with which
  // the command ends, with everything said.
  std::optional<int> ask(const std::string& what, bool json) const;

 private:
  bool yes_ = false;
  bool dry_run_ = false;
};

}  // namespace strandline::tools
