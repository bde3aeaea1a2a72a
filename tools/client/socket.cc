#include "tools/client/socket.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "tools/base/interrupt.h"

namespace strandline::tools {
namespace {

Socket::ErrorCode last_error() { return {errno, boost::system::system_category()}; }

}  // namespace

Result<Socket> Socket::connect(const std::string& host, const std::string& port,
                               std::chrono::milliseconds patience) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return fail(Code::io, fmt::format("{}: {}", host, ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  ErrorCode error = boost::asio::error::host_not_found;
  for (const addrinfo* address = found; address; address = address->ai_next) {
    const int descriptor = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                    address->ai_protocol);
    if (descriptor < 0) {
      error = last_error();
      continue;
    }
    Socket socket(descriptor);
    socket.set_patience(patience);
    if (::connect(descriptor, address->ai_addr, address->ai_addrlen) != 0) {
      error = last_error();
      if (error.value() != EINPROGRESS) continue;
      error = {};
      socket.wait(POLLOUT, error);
      if (error) continue;
      int result = 0;
      socklen_t bytes = sizeof result;
      ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &result, &bytes);
      error = {result, boost::system::system_category()};
      if (error) continue;
    }
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // A follower may rightly hear nothing for long: the kernel finds out whether the peer is there.
    ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    const int idle_s = 30;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    return socket;
  }
  return fail(Code::io, error.message());
}

Result<Socket> Socket::connect_unix(const std::string& path, std::chrono::milliseconds patience) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(Code::io, "the path is too long");
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return fail(Code::io, last_error().message());
  Socket socket(descriptor);
  socket.set_patience(patience);
  // A Unix socket connects at once, or not.
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(Code::io, last_error().message());
  }
  return socket;
}

Socket::Socket(Socket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      patience_(other.patience_),
      taken_(std::move(other.taken_)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(patience_, other.patience_);
  std::swap(taken_, other.taken_);
  return *this;
}

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

short Socket::wait(short events, ErrorCode& error) const {
  pollfd ready[2] = {{.fd = descriptor_, .events = events, .revents = 0},
                     {.fd = Interrupt::descriptor(), .events = POLLIN, .revents = 0}};
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  while (true) {
    if (Interrupt::raised()) break;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    const int count =
        ::poll(ready, 2, static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30)));
    if (count < 0 && errno != EINTR) {
      error = last_error();
      return 0;
    }
    if (count == 0) {
      error = boost::asio::error::timed_out;
      return 0;
    }
    if (count > 0 && ready[0].revents) return ready[0].revents;
  }
  error = boost::asio::error::operation_aborted;
  return 0;
}

size_t Socket::take(char* into, size_t bytes, ErrorCode& error) {
  error = {};
  if (!taken_.empty()) {
    const size_t count = std::min(bytes, taken_.size());
    std::memcpy(into, taken_.data(), count);
    taken_.erase(0, count);
    return count;
  }
  while (true) {
    const ssize_t count = ::recv(descriptor_, into, bytes, 0);
    if (count > 0) return static_cast<size_t>(count);
    if (count == 0 && bytes > 0) {
      error = boost::asio::error::eof;
      return 0;
    }
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      error = last_error();
      return 0;
    }
    wait(POLLIN, error);
    if (error) return 0;
  }
}

size_t Socket::give(const char* from, size_t bytes, ErrorCode& error) {
  error = {};
  size_t given = 0;
  while (given < bytes) {
    const ssize_t count = ::send(descriptor_, from + given, bytes - given, MSG_NOSIGNAL);
    if (count >= 0) {
      given += static_cast<size_t>(count);
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) {
      error = last_error();
      return given;
    }
    const short ready = wait(POLLIN | POLLOUT, error);
    if (error) return given;
    if ((ready & POLLIN) == 0) continue;
    char buffer[16 << 10];
    const ssize_t came = ::recv(descriptor_, buffer, sizeof buffer, 0);
    if (came > 0) taken_.append(buffer, static_cast<size_t>(came));
    // The other side has said its last word; sending goes on until it fails.
    if (came == 0 && (ready & POLLOUT) == 0) {
      error = boost::asio::error::eof;
      return given;
    }
  }
  return given;
}

}  // namespace strandline::tools
