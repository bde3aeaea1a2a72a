// A TCP address that this process listens on: taken before a log is opened, so that a mistake in it
// is found before anything is made.
//
// Connections wait in the kernel until somebody accepts them. Whoever has a binding has a socket
// that listens: a server is started over one. *Ownership*: closes the socket, unless it was
// released. *Errors*: `invalid` where the text is no HOST:PORT; `io` where the system
// refuses, with what to do. *Threads*: one.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "engine/api/error.h"

namespace strandline::server {

struct HostPort {
  std::string host;  // a name or an address, without brackets; empty: every address
  uint16_t port = 0;
};

// "127.0.0.1:7070", "[::1]:0", "localhost:7070", ":7070". An error is a sentence.
std::expected<HostPort, std::string> parse_host_port(std::string_view text);

class Binding {
 public:
  // HOST:PORT; port 0: any free one.
  static Result<Binding> open(const std::string& address);
  Binding(Binding&& other) noexcept;
  Binding& operator=(Binding&&) = delete;
  ~Binding();

  // With the port that it got.
  const std::string& address() const { return address_; }
  bool is_v6() const { return v6_; }
  // Whether only this machine can connect.
  bool on_loopback() const { return on_loopback_; }
  // The listening socket, which is the caller's from here on.
  int release();

 private:
  explicit Binding(int descriptor) : descriptor_(descriptor) {}
  bool learn_address();  // false: errno says why

  int descriptor_;
  bool v6_ = false;
  bool on_loopback_ = false;
  std::string address_;
};

}  // namespace strandline::server
