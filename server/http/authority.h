// Whom a request is for (RFC 9110, sections 4.2 and 7.2), and whether that is this server.
//
// A page of any site can have a browser send requests to a server on the loopback or behind a
// firewall, once the site's own name resolves to it (DNS rebinding); all that tells them apart is
// the Host they name. An address can belong to nobody else, so addresses and localhost are always
// taken. Other names are those given; if none are, any name is taken, except on a loopback address,
// where none is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strandline::server {

struct Authority {
  std::string_view host;  // a name, an IPv4 address, or an IPv6 address in its brackets
  std::string_view port;  // digits, or empty

  bool is_address() const;    // IPv4 or IPv6
  bool is_localhost() const;  // or below it: RFC 6761, section 6.3
};

// HOST or HOST:PORT; nothing if it is neither. Of names only those that DNS could have are taken:
// letters, digits, hyphens, underscores and dots.
std::optional<Authority> parse_authority(std::string_view text);
// In either case, the port of http (80) the same as none.
bool same_authority(const Authority& a, const Authority& b);

class Authorities {
 public:
  // `names`: HOST or HOST:PORT each; without a port, any. `address`: where connections come by,
  // HOST:PORT. Valid, as parse_authority has it. A server has as many of these as it has addresses.
  Authorities(std::vector<std::string> names, bool on_loopback, std::string address = {},
              bool tls = false)
      : names_(std::move(names)),
        on_loopback_(on_loopback),
        tls_(tls),
        address_(std::move(address)) {}

  bool takes(std::string_view authority) const;
  // Whether an Origin (RFC 6454, section 7) is this server's: http, or https where TLS is spoken,
  // at the Host that the request came by or at the address it listens on; or one of the names. (A
  // proxy may serve a name by https.) "null", which stands for a page without an origin of its own,
  // is nobody's. `outside`: the scheme that a trusted proxy speaks to the client; empty: none says.
  bool is_own_origin(std::string_view origin, std::string_view host,
                     std::string_view outside = {}) const;

 private:
  bool is_named(const Authority& authority) const;
  bool is_listened_on(const Authority& authority) const;

  std::vector<std::string> names_;
  bool on_loopback_;
  bool tls_;
  std::string address_;
};

}  // namespace strandline::server
