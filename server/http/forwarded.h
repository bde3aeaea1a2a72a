// Whom a request comes from, when proxies stand between (RFC 7239, and the X-Forwarded-* fields).
//
// Anybody may send such a field, so it is believed only from a peer that is trusted, and then from
// its right end, where the nearest proxy wrote: addresses of trusted proxies are passed over, and
// the first one that is none is the client. What stands left of it, the client may have made up,
// and is not read. The peer's own address counts in three cases: what is read does not parse; a
// proxy hides the address; or Forwarded and X-Forwarded-For name two different clients, because a
// proxy that writes one of them hands on the other as it came. *Threads*: any; a pure function of
// the head.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/request_head.h"

namespace strandline::server {

// What stands for the address of whoever comes by a Unix socket.
inline constexpr std::string_view kUnixPeer = "unix";

// An IPv4 address is one of IPv6 here (RFC 4291, section 2.5.5.2), so that both compare.
using IpAddress = std::array<uint8_t, 16>;
std::optional<IpAddress> parse_ip_address(std::string_view text);
std::string render_ip_address(const IpAddress& address);

struct Client {
  std::string address;  // in its usual spelling, or kUnixPeer
  // As the client sees the server, where a trusted proxy says so; empty: it does not.
  std::string scheme = {};     // http or https
  std::string authority = {};  // HOST or HOST:PORT
};

class TrustedProxies {
 public:
  // Addresses, networks (10.0.0.0/8, fd00::/8), and kUnixPeer. Valid, as fault_in has it.
  explicit TrustedProxies(const std::vector<std::string>& names);
  // What is wrong with one, as a sentence.
  static std::optional<std::string> fault_in(std::string_view name);

  bool trusts(std::string_view address) const;
  Client client_of(std::string_view peer, const RequestHead& head) const;

 private:
  struct Network {
    IpAddress address;
    unsigned bits;
  };
  static std::optional<Network> network_of(std::string_view name);

  std::vector<Network> networks_;
  bool unix_ = false;
};

}  // namespace strandline::server
