#include "tests/support/process/process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace strandline::tests {

Process::Process(std::vector<std::string> arguments, const std::string& input,
                 const std::string& directory) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const int in = memfd_create("stdin", MFD_CLOEXEC);
  errors_ = memfd_create("stderr", MFD_CLOEXEC);
  for (size_t written = 0; written < input.size();) {
    const ssize_t n = write(in, input.data() + written, input.size() - written);
    if (n <= 0) throw std::runtime_error("cannot keep the input of " + arguments[0]);
    written += static_cast<size_t>(n);
  }
  lseek(in, 0, SEEK_SET);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  pid_ = fork();
  if (pid_ == 0) {
    // Only what is safe after a fork of a program with threads.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    dup2(in, STDIN_FILENO);
    dup2(pipe_ends[1], STDOUT_FILENO);
    dup2(errors_, STDERR_FILENO);
    if (!directory.empty() && chdir(directory.c_str()) != 0) _exit(126);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  ::close(in);
  ::close(pipe_ends[1]);
  output_ = pipe_ends[0];
  if (pid_ < 0) throw std::runtime_error("cannot fork for " + arguments[0]);
}

Process::~Process() {
  if (!reap()) {
    signal(SIGKILL);
    int status;
    waitpid(pid_, &status, 0);
  }
  ::close(output_);
  ::close(errors_);
}

std::optional<std::string> Process::line(std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  for (;;) {
    if (const size_t at = buffer_.find('\n'); at != std::string::npos) {
      std::string first = buffer_.substr(0, at);
      buffer_.erase(0, at + 1);
      return first;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd wait{.fd = output_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || poll(&wait, 1, static_cast<int>(left.count())) == 0) {
      throw std::runtime_error("no line within the deadline; its errors: " + errors());
    }
    char bytes[65536];
    const ssize_t n = ::read(output_, bytes, sizeof bytes);
    if (n <= 0) {
      if (buffer_.empty()) return std::nullopt;
      return std::exchange(buffer_, {});
    }
    buffer_.append(bytes, static_cast<size_t>(n));
  }
}

std::string Process::rest_of_output() {
  std::string all = std::exchange(buffer_, {});
  char bytes[65536];
  for (ssize_t n; (n = ::read(output_, bytes, sizeof bytes)) > 0;) {
    all.append(bytes, static_cast<size_t>(n));
  }
  return all;
}

std::string Process::errors() {
  std::string all;
  char bytes[4096];
  for (ssize_t n; (n = pread(errors_, bytes, sizeof bytes, static_cast<off_t>(all.size()))) > 0;) {
    all.append(bytes, static_cast<size_t>(n));
  }
  return all;
}

void Process::signal(int number) {
  if (!reap()) kill(pid_, number);
}

bool Process::running() { return !reap(); }

bool Process::reap() {
  if (ended_) return true;
  int status;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
  ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return true;
}

int Process::wait(std::chrono::milliseconds deadline) {
  if (!eventually([&] { return reap(); }, deadline)) {
    throw std::runtime_error("it did not end within the deadline; its errors: " + errors());
  }
  return *ended_;
}

Outcome run(std::vector<std::string> arguments, const std::string& input,
            const std::string& directory) {
  Process process(std::move(arguments), input, directory);
  Outcome outcome;
  outcome.output = process.rest_of_output();
  outcome.exit = process.wait();
  outcome.errors = process.errors();
  return outcome;
}

Outcome strandline(std::vector<std::string> arguments, const std::string& input) {
  std::vector<std::string> command = {STRANDLINE_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(std::move(command), input);
}

}  // namespace strandline::tests
