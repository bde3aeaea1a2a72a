#include "bench/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
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

// How many bytes a call of TLS took or gave, of its result.
size_t taken_by(const SSL* tls, int result, const char* what) {
  if (result > 0) return static_cast<size_t>(result);
  switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return 0;
    case SSL_ERROR_ZERO_RETURN:
      throw Failure("the other side closed the connection");
    default:
      break;
  }
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  throw Failure(std::string(what) + ": " + text);
}

}  // namespace

void Socket::Free::operator()(SSL* tls) const { SSL_free(tls); }

Socket::Socket(uint16_t port, SSL_CTX* tls) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
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
  if (!tls) return;
  tls_.reset(SSL_new(tls));
  SSL_set_fd(tls_.get(), fd_);
  taken_by(tls_.get(), SSL_connect(tls_.get()), "connect");
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
  if (tls_) {
    size_t all = 0;
    for (const iovec& part : parts) {
      const int size = static_cast<int>(part.iov_len);
      const size_t count = taken_by(tls_.get(), SSL_write(tls_.get(), part.iov_base, size), "send");
      all += count;
      if (count < part.iov_len) break;
    }
    return all;
  }
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
  if (tls_) {
    return taken_by(tls_.get(), SSL_read(tls_.get(), into, static_cast<int>(bytes_max)), "receive");
  }
  while (true) {
    const ssize_t got = recv(fd_, into, bytes_max, 0);
    if (got > 0) return static_cast<size_t>(got);
    if (got == 0) throw Failure("the other side closed the connection");
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) fail_with("recv");
  }
}

}  // namespace strandline::bench
