// A command that is run once for each event: its text on standard input, what is known of it in the
// environment. *Threads*: one. *Lifetime*: whoever forgets a running command has it killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/error.h"

namespace strandline::tools {

class RunningCommand {
 public:
  // Through the shell. `environment` is added to this process's own.
  static Result<RunningCommand> start(
      const std::string& command, const std::string& input,
      const std::vector<std::pair<std::string, std::string>>& environment);
  RunningCommand(RunningCommand&& other) noexcept;
  RunningCommand& operator=(RunningCommand&& other) noexcept;
  ~RunningCommand();

  // Readable once it has ended.
  int descriptor() const { return descriptor_; }
  // Once it has: empty if it succeeded, else how it ended.
  std::string wait();
  // After that: the shell found no such program, or may not run it (exit 127 or 126).
  bool cannot_run() const { return cannot_run_; }

 private:
  RunningCommand(pid_t pid, int descriptor) : pid_(pid), descriptor_(descriptor) {}

  pid_t pid_ = -1;
  int descriptor_ = -1;
  bool cannot_run_ = false;
};

}  // namespace strandline::tools
