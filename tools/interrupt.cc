#include "tools/interrupt.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

namespace strandline::tools {
namespace {

// Lock-free, so a handler may write it; atomic, for other threads read it.
std::atomic<int> raised_by = 0;
static_assert(std::atomic<int>::is_always_lock_free);
int pipe_ends[2] = {-1, -1};

void on_signal(int signal) {
  raised_by = signal;
  const char byte = 0;
  // Nothing can be done about a failure here; the flag is up in any case.
  [[maybe_unused]] const ssize_t written = ::write(pipe_ends[1], &byte, 1);
}

}  // namespace

void Interrupt::watch() {
  if (pipe_ends[0] != -1 || ::pipe(pipe_ends) != 0) return;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second one is the default: the end
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool Interrupt::raised() { return raised_by != 0; }

int Interrupt::descriptor() { return pipe_ends[0]; }

void Interrupt::lower() {
  if (!raised()) return;
  pollfd waiting{.fd = pipe_ends[0], .events = POLLIN, .revents = 0};
  char byte = 0;
  if (::poll(&waiting, 1, 0) > 0 && ::read(pipe_ends[0], &byte, 1) == 1) raised_by = 0;
}

void Interrupt::wait() {
  pollfd wait{.fd = pipe_ends[0], .events = POLLIN, .revents = 0};
  while (!raised()) ::poll(&wait, 1, -1);
}

}  // namespace strandline::tools
