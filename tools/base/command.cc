#include "tools/base/command.h"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace strandline::tools {
namespace {

// A file in memory: a command that does not read its input blocks nobody.
Result<int> file_of(const std::string& text) {
  const int file = ::memfd_create("event", MFD_CLOEXEC);
  if (file < 0) return fail(Code::io, fmt::format("memfd_create: {}", std::strerror(errno)));
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(file, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      ::close(file);
      return fail(Code::io, fmt::format("a command's input: {}", std::strerror(errno)));
    }
    done += static_cast<size_t>(count);
  }
  ::lseek(file, 0, SEEK_SET);
  return file;
}

}  // namespace

Result<RunningCommand> RunningCommand::start(
    const std::string& command, const std::string& input,
    const std::vector<std::pair<std::string, std::string>>& environment) {
  auto file = file_of(input);
  if (!file) return std::unexpected(file.error());
  std::vector<std::string> added;
  for (const auto& [name, value] : environment) added.push_back(name + "=" + value);
  std::vector<char*> all;
  for (char** one = environ; *one; ++one) {
    const std::string_view text = *one;
    bool replaced = false;
    for (const auto& [name, value] : environment) {
      replaced = replaced || (text.starts_with(name) && text.substr(name.size()).starts_with('='));
    }
    if (!replaced) all.push_back(*one);
  }
  for (std::string& one : added) all.push_back(one.data());
  all.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, *file, STDIN_FILENO);
  std::string shell = "sh", flag = "-c", text = command;
  char* arguments[] = {shell.data(), flag.data(), text.data(), nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, "/bin/sh", &actions, nullptr, arguments, all.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(*file);
  if (error != 0) return fail(Code::io, fmt::format("/bin/sh: {}", std::strerror(error)));
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  return RunningCommand(pid, descriptor);
}

RunningCommand::RunningCommand(RunningCommand&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), descriptor_(std::exchange(other.descriptor_, -1)) {}

RunningCommand& RunningCommand::operator=(RunningCommand&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

RunningCommand::~RunningCommand() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait();
  }
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string RunningCommand::wait() {
  int status = 0;
  pid_t ended = 0;
  do {
    ended = ::waitpid(pid_, &status, 0);
  } while (ended < 0 && errno == EINTR);
  pid_ = -1;
  if (ended < 0) return "lost";
  if (WIFSIGNALED(status)) return fmt::format("signal {}", WTERMSIG(status));
  cannot_run_ = WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127;
  if (WEXITSTATUS(status) != 0) return fmt::format("exit {}", WEXITSTATUS(status));
  return {};
}

}  // namespace strandline::tools
