// A child process whose standard output is read line by line, and which never outlives its owner.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/support/process/deadline.h"

namespace strandline::tests {

class Process {
 public:
  // arguments[0] is the program, found in PATH if it has no slash. Runs in `directory` if given.
  explicit Process(std::vector<std::string> arguments, const std::string& input = {},
                   const std::string& directory = {});
  ~Process();  // kill -9, if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The next line of its output without the line end; nothing at the end of it. Throws when the
  // deadline passes first.
  std::optional<std::string> line(std::chrono::milliseconds deadline = kDeadline);
  std::string rest_of_output();  // until the end
  std::string errors();          // what it has written to standard error so far

  void signal(int number);
  // Its exit code, or minus the number of the signal that ended it. Waits; throws past the
  // deadline.
  int wait(std::chrono::milliseconds deadline = kDeadline);
  bool running();
  int kill_and_wait() {
    signal(SIGKILL);
    return wait();
  }
  pid_t pid() const { return pid_; }

 private:
  bool reap();  // whether it has ended

  pid_t pid_ = -1;
  int output_ = -1;
  int errors_ = -1;  // a file in memory
  std::string buffer_;
  std::optional<int> ended_;
};

struct Outcome {
  int exit;
  std::string output;
  std::string errors;
};

// Runs to the end.
Outcome run(std::vector<std::string> arguments, const std::string& input = {},
            const std::string& directory = {});
// `strandline` with these arguments.
Outcome strandline(std::vector<std::string> arguments, const std::string& input = {});

}  // namespace strandline::tests
