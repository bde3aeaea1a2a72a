#include "server/http/authority.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "server/http/quantity.h"
#include "server/http/request_head.h"

namespace strandline::server {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_character(char c) {
  return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.' || c == '_';
}

using Address = std::array<unsigned char, 16>;

std::optional<Address> address_of(int family, std::string_view text) {
  char terminated[64];  // inet_pton wants a string that ends
  if (text.size() >= sizeof terminated) return std::nullopt;
  *std::ranges::copy(text, terminated).out = '\0';
  Address address = {};
  return inet_pton(family, terminated, address.data()) == 1 ? std::optional(address) : std::nullopt;
}

// Of what stands in brackets. It has several spellings.
std::optional<Address> v6_address(std::string_view host) {
  if (host.size() <= 2 || host.front() != '[' || host.back() != ']') return std::nullopt;
  return address_of(AF_INET6, host.substr(1, host.size() - 2));
}

bool same_host(std::string_view a, std::string_view b) {
  if (same_ignoring_case(a, b)) return true;
  const auto address = v6_address(a);
  return address && address == v6_address(b);
}

// Of an https URL without a port (RFC 9110, section 4.2.2).
constexpr std::string_view kHttpsPort = "443";

uint16_t known_port(std::string_view port) { return parse_port(port).value_or(80); }

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  const size_t bracket = text.rfind(']');
  const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  Authority authority{.host = text.substr(0, colon), .port = {}};
  if (colon != std::string_view::npos) {
    authority.port = text.substr(colon + 1);
    if (!authority.port.empty() && !parse_port(authority.port)) return std::nullopt;
  }
  // RFC 1035, section 2.3.4: a name has at most 255 bytes.
  const bool name = !authority.host.empty() && authority.host.size() <= 255 &&
                    std::ranges::all_of(authority.host, is_name_character);
  if (!name && !v6_address(authority.host)) return std::nullopt;
  return authority;
}

bool same_authority(const Authority& a, const Authority& b) {
  return same_host(a.host, b.host) && known_port(a.port) == known_port(b.port);
}

bool Authority::is_address() const { return host.front() == '[' || address_of(AF_INET, host); }

bool Authority::is_localhost() const {
  std::string_view name = host;
  if (name.ends_with('.')) name.remove_suffix(1);
  constexpr std::string_view kLocal = "localhost";
  if (name.size() < kLocal.size()) return false;
  const size_t before = name.size() - kLocal.size();
  return same_ignoring_case(name.substr(before), kLocal) &&
         (before == 0 || name[before - 1] == '.');
}

bool Authorities::is_named(const Authority& authority) const {
  return std::ranges::any_of(names_, [&](const std::string& name) {
    const auto own = parse_authority(name);
    return own && (own->port.empty() ? same_host(own->host, authority.host)
                                     : same_authority(*own, authority));
  });
}

bool Authorities::takes(std::string_view text) const {
  auto authority = parse_authority(text);
  if (!authority) return false;
  if (tls_ && authority->port.empty()) authority->port = kHttpsPort;
  if (authority->is_address() || authority->is_localhost()) return true;
  return names_.empty() ? !on_loopback_ : is_named(*authority);
}

// On the port that it listens on, localhost is this server where it listens on a loopback address
// or on all of them.
bool Authorities::is_listened_on(const Authority& authority) const {
  const auto own = parse_authority(address_);
  if (!own || known_port(own->port) != known_port(authority.port)) return false;
  const bool everywhere = own->host == "0.0.0.0" || own->host == "[::]";
  if (same_host(own->host, authority.host)) return true;
  if (same_ignoring_case(authority.host, "localhost")) return on_loopback_ || everywhere;
  return everywhere && (authority.host == "127.0.0.1" || same_host(authority.host, "[::1]"));
}

bool Authorities::is_own_origin(std::string_view origin, std::string_view host,
                                std::string_view outside) const {
  const size_t end = origin.find("://");
  if (end == std::string_view::npos) return false;
  const std::string_view scheme = origin.substr(0, end);
  const bool https = same_ignoring_case(scheme, "https");
  if (!https && !same_ignoring_case(scheme, "http")) return false;
  auto authority = parse_authority(origin.substr(end + 3));
  if (!authority) return false;
  if (https && authority->port.empty()) authority->port = kHttpsPort;
  if (is_named(*authority)) return true;
  if (https != (outside.empty() ? tls_ : outside == "https")) return false;
  if (outside.empty() && is_listened_on(*authority)) return true;
  // Any name may be made to lead here (DNS rebinding); an address leads to nobody else.
  auto came_by = parse_authority(host);
  if (!came_by) return false;
  if (https && came_by->port.empty()) came_by->port = kHttpsPort;
  return (came_by->is_address() || came_by->is_localhost()) && same_authority(*came_by, *authority);
}

}  // namespace strandline::server
