// An address that this process listens on, TCP's or a Unix socket: taken before a log is opened, so
// that a mistake in it is found before anything is made.
//
// Connections wait in the kernel until somebody accepts them. Whoever has a binding has a socket
// that listens: a server is started over one or several. *Ownership*: closes the socket, unless it
// was released, and removes a Unix socket's file in any case. *Errors*: `invalid` where the text is
// no address; `io` where the system refuses, with what to do. *Threads*: one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"

namespace strandline::server {

struct HostPort {
  std::string host;  // a name or an address, without brackets; empty: every address
  uint16_t port = 0;
};

// "127.0.0.1:7070", "[::1]:0", "localhost:7070", ":7070". An error is a sentence.
std::expected<HostPort, std::string> parse_host_port(std::string_view text);

// Where to listen, and what is spoken there: HOST:PORT, which speaks TLS where there is a
// certificate; https://HOST:PORT and http://HOST:PORT, which say it; unix:/PATH, in clear.
struct ListenAddress {
  enum class Speaks : uint8_t { unsaid, clear, tls };
  Speaks speaks = Speaks::unsaid;
  HostPort tcp = {};
  std::string path = {};  // of a Unix socket; empty: it is TCP
};
std::expected<ListenAddress, std::string> parse_listen_address(std::string_view text);

class Binding {
 public:
  // As parse_listen_address has it; port 0: any free one.
  static Result<Binding> open(const std::string& address, bool has_certificate = false);
  static Result<std::vector<Binding>> open_all(const std::vector<std::string>& addresses,
                                               bool has_certificate = false);
  Binding(Binding&& other) noexcept;
  Binding& operator=(Binding&&) = delete;
  ~Binding();

  // HOST:PORT with the port that it got, or unix:/PATH.
  const std::string& address() const { return address_; }
  // What a client is given: http://HOST:PORT, https://HOST:PORT or unix:/PATH.
  std::string url() const;
  int family() const { return family_; }  // AF_INET, AF_INET6, AF_UNIX
  bool speaks_tls() const { return tls_; }
  // Whether only this machine can connect.
  bool on_loopback() const { return on_loopback_; }

  // The listening socket, which is the caller's from here on; a Unix socket's file is not.
  int release();

 private:
  Binding() = default;
  static Result<Binding> open_tcp(const std::string& address, const HostPort& at);
  static Result<Binding> open_unix(const std::string& address, const std::string& path);
  bool learn_address();  // false: errno says why
  bool learn_file();

  int descriptor_ = -1;
  int family_ = 0;
  bool tls_ = false;
  bool on_loopback_ = false;
  std::string address_;
  // The file of a Unix socket, as it was made: what stands there later may be another's.
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace strandline::server
