#include "server/connection/binding.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "server/http/authority.h"
#include "server/http/quantity.h"

namespace strandline::server {
namespace {

constexpr int kBacklog = SOMAXCONN;

std::string advice_for(int error) {
  switch (error) {
    case EADDRINUSE:
      return ": another program listens there; stop it, or choose another port";
    case EACCES:
      return ": not permitted; ports below 1024 are the administrator's, choose a higher one";
    case EADDRNOTAVAIL:
      return ": this machine has no such address";
    default:
      return std::string(": ") + std::strerror(error);
  }
}

std::unexpected<Error> cannot_listen(const std::string& address, int error) {
  return fail(Code::io, "cannot listen on " + address + advice_for(error));
}

}  // namespace

std::expected<HostPort, std::string> parse_host_port(std::string_view text) {
  const auto refuse = [&](const std::string& why) {
    return std::unexpected("\"" + std::string(text.substr(0, 64)) + "\" " + why);
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return refuse("is not HOST:PORT, such as 127.0.0.1:7070");
  }
  const std::string_view host = text.substr(0, colon);
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return refuse("has no port from 0 to 65535 after its last colon");
  if (host.empty()) return HostPort{.host = {}, .port = *port};
  if (host.find(':') != std::string_view::npos && !host.starts_with('[')) {
    return refuse("is an IPv6 address without its brackets: write [::1]:7070");
  }
  const auto authority = parse_authority(text);
  if (!authority) return refuse("does not begin with a name, an IPv4 address or [an IPv6 address]");
  const bool bracketed = host.starts_with('[');
  return HostPort{.host = std::string(bracketed ? host.substr(1, host.size() - 2) : host),
                  .port = *port};
}

Result<Binding> Binding::open(const std::string& address) {
  const auto parts = parse_host_port(address);
  if (!parts) return fail(Code::invalid, "the address to listen on: " + parts.error());
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(parts->port);
  if (const int error = ::getaddrinfo(parts->host.empty() ? nullptr : parts->host.c_str(),
                                      port.c_str(), &hints, &list);
      error != 0) {
    return fail(Code::io, "cannot listen on " + address + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(list, &::freeaddrinfo);
  const int descriptor = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, found->ai_protocol);
  if (descriptor < 0) return cannot_listen(address, errno);
  Binding binding(descriptor);
  const int on = 1, off = 0;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (found->ai_family == AF_INET6) {
    ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  // Listening at once: two that were only bound could both succeed here.
  if (::bind(descriptor, found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(descriptor, kBacklog) != 0 || !binding.learn_address()) {
    return cannot_listen(address, errno);
  }
  return binding;
}

bool Binding::learn_address() {
  sockaddr_storage bound = {};
  socklen_t bytes = sizeof bound;
  if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&bound), &bytes) != 0) return false;
  char text[INET6_ADDRSTRLEN] = {};
  v6_ = bound.ss_family == AF_INET6;
  if (v6_) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(bound);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    address_ = "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
    // ::ffff:127.0.0.1 is an IPv4 address in IPv6's clothes (RFC 4291, section 2.5.5.2).
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
    on_loopback_ =
        IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) || (mapped && v6.sin6_addr.s6_addr[12] == 127);
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(bound);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    address_ = std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
    on_loopback_ = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  return true;
}

Binding::Binding(Binding&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      v6_(other.v6_),
      on_loopback_(other.on_loopback_),
      address_(std::move(other.address_)) {}

Binding::~Binding() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int Binding::release() { return std::exchange(descriptor_, -1); }

}  // namespace strandline::server
