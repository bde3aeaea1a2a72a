#include "bench/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "bench/workload.h"

namespace strandline::bench {

namespace fs = std::filesystem;

Process::Process(const std::vector<std::string>& command, const fs::path& errors)
    : errors_(errors) {
  int output[2];
  if (pipe2(output, O_CLOEXEC) != 0) throw Failure("no pipe for a child process");
  const int log = open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (log < 0) throw Failure("cannot write " + errors.string());
  // All memory is taken before the fork: between it and exec only plain system calls are allowed.
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  id_ = fork();
  if (id_ < 0) throw Failure("cannot start a child process");
  if (id_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);  // it died before the line above
    dup2(output[1], STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(output[1]);
  close(log);
  output_ = output[0];
}

Process::~Process() {
  stop(SIGKILL);
  close(output_);
}

std::optional<std::string> Process::line(double seconds) {
  const double end = now_s() + seconds;
  while (true) {
    if (const size_t at = unread_.find('\n'); at != std::string::npos) {
      std::string line = unread_.substr(0, at);
      unread_.erase(0, at + 1);
      return line;
    }
    pollfd readable{.fd = output_, .events = POLLIN, .revents = 0};
    const double left = end - now_s();
    if (left <= 0 || poll(&readable, 1, static_cast<int>(left * 1000) + 1) <= 0)
      return std::nullopt;
    char bytes[4096];
    const ssize_t got = read(output_, bytes, sizeof bytes);
    if (got <= 0) return std::nullopt;
    unread_.append(bytes, static_cast<size_t>(got));
  }
}

void Process::wait(double seconds) {
  const double end = now_s() + seconds;
  // Its output's end is its own; lines before it are nobody's.
  while (now_s() < end && line(end - now_s())) {
  }
  if (now_s() >= end) throw Failure("a child process does not end");
  waitpid(id_, nullptr, 0);
  id_ = -1;
}

void Process::stop(int signal) {
  if (id_ < 0) return;
  kill(id_, signal);
  waitpid(id_, nullptr, 0);
  id_ = -1;
}

double Process::cpu_s() const {
  std::ifstream file("/proc/" + std::to_string(id_) + "/stat");
  std::string text;
  std::getline(file, text);
  // The name, in parentheses, may hold anything; user and system time are the 12th and 13th after.
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::string Process::complaint() const {
  const std::string all = read_file(errors_);
  return all.size() > 400 ? all.substr(all.size() - 400) : all;
}

Scratch::Scratch(const fs::path& parent, std::string_view name) {
  fs::create_directories(parent);
  std::string pattern = parent / (std::string(name) + "-XXXXXX");
  if (mkdtemp(pattern.data()) == nullptr)
    throw Failure("cannot make a directory in " + parent.string());
  path_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string read_file(const fs::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::optional<std::string> find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/" + std::string(name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

double own_cpu_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

uint16_t free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(listener);
  if (!bound) throw Failure("no free port");
  return ntohs(address.sin_port);
}

void settle(const fs::path& directory) {
  const int folder = open(directory.c_str(), O_RDONLY | O_CLOEXEC);
  if (folder < 0) return;
  syncfs(folder);
  close(folder);
}

void wait_until_still(const fs::path& directory) {
  const auto newest_and_bytes = [&] {
    std::pair<fs::file_time_type, uintmax_t> seen{};
    std::error_code gone;  // files come and go beneath
    for (fs::recursive_directory_iterator at(directory, gone), end; !gone && at != end;
         at.increment(gone)) {
      // Human-readable logs are written to for as long as a database is open.
      if (!at->is_regular_file(gone) || at->path().extension() != ".sst") continue;
      const auto changed = at->last_write_time(gone);
      if (!gone) seen.first = std::max(seen.first, changed);
      const uintmax_t bytes = at->file_size(gone);
      if (!gone) seen.second += bytes;
      gone.clear();
    }
    return seen;
  };
  auto before = newest_and_bytes();
  for (int i = 0; i < 120; ++i) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const auto after = newest_and_bytes();
    if (after == before) return;
    before = after;
  }
}

void drop_page_cache(const fs::path& directory) {
  settle(directory);  // only clean pages are dropped
  std::error_code gone;
  for (fs::recursive_directory_iterator at(directory, gone), end; !gone && at != end;
       at.increment(gone)) {
    const int file = open(at->path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
  }
}

double now_s() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace strandline::bench
