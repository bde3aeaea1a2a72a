// A port of the loopback for one server after the other, held while none listens on it.
//
// Between two servers a client that tries again might be given the very port that it connects to,
// for its own end, and be connected to itself; so might any other process, and the next server
// could not listen. A socket that is bound to the port, and does not listen, keeps both away.
// *Errors*: the constructor throws.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tests/support/http/http.h"

namespace strandline::tests {

class HeldPort {
 public:
  HeldPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;  // as the servers do, which share it
    setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (bind(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      throw std::system_error(errno, std::generic_category(), "holding a port");
    }
    address_ = {"127.0.0.1", std::to_string(ntohs(at.sin_port))};
  }
  ~HeldPort() { ::close(socket_); }
  HeldPort(const HeldPort&) = delete;
  HeldPort& operator=(const HeldPort&) = delete;

  const Address& address() const { return address_; }

 private:
  const int socket_;
  Address address_;
};

}  // namespace strandline::tests
