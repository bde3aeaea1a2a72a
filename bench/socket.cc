#include "bench/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bench/workload.h"

namespace strandline::bench {
namespace {

[[noreturn]] void fail_with(const char* what) {
  throw Failure(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

Socket::Socket(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (fd_ < 0) fail_with("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd_);
    fail_with("connect");
  }
  const int yes = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

void Socket::make_nonblocking() {
  if (fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK) != 0) fail_with("fcntl");
}

void Socket::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    bytes.remove_prefix(write_some({&part, 1}));
  }
}

size_t Socket::write_some(std::span<const iovec> parts) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  while (true) {
    const ssize_t written = sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (written >= 0) return static_cast<size_t>(written);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) fail_with("send");
  }
}

size_t Socket::read_some(char* into, size_t bytes_max) {
  while (true) {
    const ssize_t got = recv(fd_, into, bytes_max, 0);
    if (got > 0) return static_cast<size_t>(got);
    if (got == 0) throw Failure("the other side closed the connection");
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) fail_with("recv");
  }
}

}  // namespace strandline::bench
