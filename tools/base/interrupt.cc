#include "tools/base/interrupt.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

namespace strandline::tools {
namespace {

// Lock-free, so a handler may write it; atomic, for other threads read it.
std::atomic<int> raised_by = 0;
static_assert(std::atomic<int>::is_always_lock_free);
int pipe_ends[2] = {-1, -1};
std::atomic<bool> watches_output = false;
// The end of the output has been raised: its watcher will not raise anything any more.
std::atomic<bool> output_told = false;

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

void Interrupt::watch_output() {
  ::signal(SIGPIPE, SIG_IGN);
  std::thread([] {
    // Nothing is asked for: errors and a hang-up are told all the same.
    pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
    while (::poll(&output, 1, -1) < 0 && errno == EINTR) {
    }
    if (!(output.revents & (POLLERR | POLLHUP))) return;
    // First the byte: who sees it raised may take it.
    const char byte = 0;
    [[maybe_unused]] const ssize_t written = ::write(pipe_ends[1], &byte, 1);
    raised_by = SIGPIPE;
    output_told = true;
    output_told.notify_all();
  }).detach();
  watches_output = true;
}

bool Interrupt::output_gone() {
  pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return watches_output && ::poll(&output, 1, 0) > 0 && (output.revents & (POLLERR | POLLHUP));
}

bool Interrupt::raised() { return raised_by != 0; }

int Interrupt::descriptor() { return pipe_ends[0]; }

void Interrupt::lower() {
  // A failed write is noticed before the watcher's thread has run. What follows would then be
  // interrupted by an end of the output that its caller knows of.
  if (output_gone()) output_told.wait(false);
  if (!raised()) return;
  pollfd waiting{.fd = pipe_ends[0], .events = POLLIN, .revents = 0};
  char byte = 0;
  // A signal and the end of the output leave a byte each.
  while (::poll(&waiting, 1, 0) > 0 && ::read(pipe_ends[0], &byte, 1) == 1) raised_by = 0;
}

void Interrupt::wait() {
  pollfd wait{.fd = pipe_ends[0], .events = POLLIN, .revents = 0};
  while (!raised()) ::poll(&wait, 1, -1);
}

}  // namespace strandline::tools
