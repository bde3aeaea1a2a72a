#include "server/connection/binding.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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
      return ": not permitted; ports below 1024 are the administrator's, and a socket's directory "
             "must be one's own to write";
    case ENOENT:
      return ": its directory does not exist";
    case EADDRNOTAVAIL:
      return ": this machine has no such address";
    default:
      return std::string(": ") + std::strerror(error);
  }
}

std::unexpected<Error> cannot_listen(const std::string& address, int error) {
  return fail(Code::io, "cannot listen on " + address + advice_for(error));
}

// Its owner's and its group's.
constexpr mode_t kUnixMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP;

// Of a path that fits.
sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

bool somebody_listens(const sockaddr_un& at) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return true;
  const int result = ::connect(probe, reinterpret_cast<const sockaddr*>(&at), sizeof at);
  const int error = result == 0 ? 0 : errno;
  ::close(probe);
  return error != ECONNREFUSED;
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

std::expected<ListenAddress, std::string> parse_listen_address(std::string_view text) {
  using Speaks = ListenAddress::Speaks;
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) {
    const std::string path(text.substr(kUnix.size()));
    if (!path.starts_with('/')) {
      return std::unexpected("\"" + std::string(text.substr(0, 64)) +
                             "\" has no absolute path, such as unix:/run/strandline.sock");
    }
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
      return std::unexpected("a Unix socket's path has at most " +
                             std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes: " + path);
    }
    return ListenAddress{.speaks = Speaks::clear, .path = path};
  }
  ListenAddress address;
  for (const auto& [scheme, speaks] : {std::pair{std::string_view("https://"), Speaks::tls},
                                       std::pair{std::string_view("http://"), Speaks::clear}}) {
    if (!text.starts_with(scheme)) continue;
    address.speaks = speaks;
    text.remove_prefix(scheme.size());
    break;
  }
  auto at = parse_host_port(text);
  if (!at) return std::unexpected(at.error());
  address.tcp = std::move(*at);
  return address;
}

Result<Binding> Binding::open(const std::string& address, bool has_certificate) {
  const auto parsed = parse_listen_address(address);
  if (!parsed) return fail(Code::invalid, "the address to listen on: " + parsed.error());
  const auto speaks = parsed->speaks;
  if (speaks == ListenAddress::Speaks::tls && !has_certificate) {
    return fail(Code::invalid, "listening on " + address +
                                   " needs a certificate: --tls-cert FILE and --tls-key FILE");
  }
  auto binding =
      parsed->path.empty() ? open_tcp(address, parsed->tcp) : open_unix(address, parsed->path);
  if (binding) binding->tls_ = has_certificate && speaks != ListenAddress::Speaks::clear;
  return binding;
}

Result<std::vector<Binding>> Binding::open_all(const std::vector<std::string>& addresses,
                                               bool has_certificate) {
  std::vector<Binding> all;
  for (const std::string& address : addresses) {
    auto binding = open(address, has_certificate);
    if (!binding) return std::unexpected(binding.error());
    all.push_back(std::move(*binding));
  }
  if (all.empty()) return fail(Code::invalid, "there is no address to listen on");
  return all;
}

Result<Binding> Binding::open_tcp(const std::string& address, const HostPort& at) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(at.port);
  if (const int error =
          ::getaddrinfo(at.host.empty() ? nullptr : at.host.c_str(), port.c_str(), &hints, &list);
      error != 0) {
    return fail(Code::io, "cannot listen on " + address + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(list, &::freeaddrinfo);
  Binding binding;
  binding.family_ = found->ai_family;
  binding.descriptor_ = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, found->ai_protocol);
  if (binding.descriptor_ < 0) return cannot_listen(address, errno);
  const int on = 1, off = 0;
  ::setsockopt(binding.descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (found->ai_family == AF_INET6) {
    ::setsockopt(binding.descriptor_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  // Listening at once: two that were only bound could both succeed here.
  if (::bind(binding.descriptor_, found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(binding.descriptor_, kBacklog) != 0 || !binding.learn_address()) {
    return cannot_listen(address, errno);
  }
  return binding;
}

Result<Binding> Binding::open_unix(const std::string& address, const std::string& path) {
  const sockaddr_un at = unix_address(path);
  struct stat there = {};
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) {
      return fail(Code::io, "cannot listen on " + address +
                                ": something that is no socket is there; it stays as it is");
    }
    if (somebody_listens(at)) return cannot_listen(address, EADDRINUSE);
    // What a server that was killed has left behind.
    ::unlink(path.c_str());
  }
  Binding binding;
  binding.family_ = AF_UNIX;
  binding.descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (binding.descriptor_ < 0) return cannot_listen(address, errno);
  if (::bind(binding.descriptor_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    return cannot_listen(address, errno);
  }
  // Nobody can connect before it listens, and then only whom the mode lets.
  binding.path_ = path;
  if (!binding.learn_file() || ::chmod(path.c_str(), kUnixMode) != 0 ||
      ::listen(binding.descriptor_, kBacklog) != 0) {
    return cannot_listen(address, errno);
  }
  binding.address_ = address;
  binding.on_loopback_ = true;
  return binding;
}

bool Binding::learn_file() {
  struct stat made = {};
  if (::lstat(path_.c_str(), &made) != 0) return false;
  device_ = made.st_dev;
  inode_ = made.st_ino;
  return true;
}

std::string Binding::url() const {
  if (!path_.empty()) return address_;
  return (tls_ ? "https://" : "http://") + address_;
}

bool Binding::learn_address() {
  sockaddr_storage bound = {};
  socklen_t bytes = sizeof bound;
  if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&bound), &bytes) != 0) return false;
  char text[INET6_ADDRSTRLEN] = {};
  if (bound.ss_family == AF_INET6) {
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
      family_(other.family_),
      tls_(other.tls_),
      on_loopback_(other.on_loopback_),
      address_(std::move(other.address_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

Binding::~Binding() {
  if (descriptor_ >= 0) ::close(descriptor_);
  struct stat there = {};
  if (path_.empty() || ::lstat(path_.c_str(), &there) != 0) return;
  if (there.st_dev == device_ && there.st_ino == inode_) ::unlink(path_.c_str());
}

int Binding::release() { return std::exchange(descriptor_, -1); }

}  // namespace strandline::server
