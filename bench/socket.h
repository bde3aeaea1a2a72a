// A TCP connection to 127.0.0.1, raw: the clients here are hand-rolled, for they share the machine
// with what they measure and must cost it little. *Errors*: Failure, and so is the other side's
// closing. *Ownership*: closes on destruction.
#pragma once

#include <openssl/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace strandline::bench {

class Socket {
 public:
  // Connects; with `tls`, also shakes hands.
  explicit Socket(uint16_t port, SSL_CTX* tls = nullptr);
  Socket(Socket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), tls_(std::move(other.tls_)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  int fd() const { return fd_; }
  void make_nonblocking();
  void write_all(std::string_view bytes);  // blocking
  // How many bytes were taken or given; 0 where a nonblocking socket would wait.
  size_t write_some(std::span<const iovec> parts);
  size_t read_some(char* into, size_t bytes_max);

 private:
  struct Free {
    void operator()(SSL* tls) const;
  };

  int fd_;
  std::unique_ptr<SSL, Free> tls_;  // null: in clear
};

}  // namespace strandline::bench
