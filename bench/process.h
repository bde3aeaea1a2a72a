// What a benchmark starts and leaves nothing of: child processes and scratch directories.
//
// *Ownership*: a Process is killed and waited for by its destructor, and dies with this program
// however that ends; a Scratch directory is removed by its destructor. *Errors*: Failure.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strandline::bench {

class Process {
 public:
  // `command[0]` is a path. Standard output is read through line(); standard error goes to
  // `errors`.
  Process(const std::vector<std::string>& command, const std::filesystem::path& errors);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  // The next line of its output, without its end; nothing if it ended or the time is over.
  std::optional<std::string> line(double seconds);
  // Waits until it has ended by itself.
  void wait(double seconds);
  // Sends the signal and waits until the process is gone.
  void stop(int signal);
  // The processor time it has taken so far, of all cores.
  double cpu_s() const;
  // The end of what it wrote to standard error, for a Failure's message.
  std::string complaint() const;

 private:
  pid_t id_ = -1;
  int output_ = -1;
  std::string unread_;
  std::filesystem::path errors_;
};

class Scratch {
 public:
  // A new, empty directory in `parent`.
  Scratch(const std::filesystem::path& parent, std::string_view name);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// All of a file; empty if there is none.
std::string read_file(const std::filesystem::path& file);

// Where a program is on PATH.
std::optional<std::string> find_program(std::string_view name);

// The processor time that this process has taken so far.
double own_cpu_s();

// A port of 127.0.0.1 that was free a moment ago.
uint16_t free_port();

// Writes back what earlier work left in memory, so that no side pays for another's dirty pages.
void settle(const std::filesystem::path& directory);

// Waits until no file below it has changed for a second: compactions are over.
void wait_until_still(const std::filesystem::path& directory);

// Drops the files' pages from the operating system's cache.
void drop_page_cache(const std::filesystem::path& directory);

// The seconds since some fixed moment, by the clock that never jumps.
double now_s();

}  // namespace strandline::bench
