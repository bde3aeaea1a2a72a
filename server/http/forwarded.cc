#include "server/http/forwarded.h"

#include <arpa/inet.h>

#include <algorithm>

#include "server/http/authority.h"
#include "server/http/quantity.h"

namespace strandline::server {
namespace {

constexpr IpAddress kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;
// More proxies than stand behind each other anywhere.
constexpr size_t kHopsMax = 64;

bool is_v4(const IpAddress& address) { return std::equal(&kMapped[0], &kMapped[12], &address[0]); }

std::string_view trimmed_of(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// Takes the last element off a list. A comma in a quoted string separates nothing, and quotes are
// paired from the right: what the client wrote to the left of a proxy's element cannot swallow it.
std::string_view take_last(std::string_view& list) {
  bool quoted = false;
  for (size_t i = list.size(); i-- > 0;) {
    if (list[i] == '"' && (i == 0 || list[i - 1] != '\\')) quoted = !quoted;
    if (list[i] != ',' || quoted) continue;
    const std::string_view last = trimmed_of(list.substr(i + 1));
    list = list.substr(0, i);
    return last;
  }
  return trimmed_of(std::exchange(list, {}));
}

// An address, perhaps with its port: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1]:80.
std::optional<IpAddress> parse_node(std::string_view node) {
  if (node.starts_with('[')) {
    const size_t end = node.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view port = node.substr(end + 1);
    if (!port.empty() && (port[0] != ':' || !parse_port(port.substr(1)))) return std::nullopt;
    const std::string_view inside = node.substr(1, end - 1);
    return inside.find(':') == std::string_view::npos ? std::nullopt : parse_ip_address(inside);
  }
  const size_t colon = node.find(':');
  if (colon != std::string_view::npos && node.find(':', colon + 1) == std::string_view::npos) {
    if (!parse_port(node.substr(colon + 1))) return std::nullopt;
    node = node.substr(0, colon);
  }
  return parse_ip_address(node);
}

// One element of Forwarded. Nothing: it does not parse.
struct ForwardedElement {
  std::string by_for;  // the node that the proxy had it from
  std::string proto;
  std::string host;
};

std::optional<std::string> take_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    const size_t end = std::min(rest.find(';'), rest.size());
    value = trimmed_of(rest.substr(0, end));
    rest.remove_prefix(end);
    if (!is_token(value)) return std::nullopt;
    return value;
  }
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\') rest.remove_prefix(1);
    if (rest.empty()) return std::nullopt;
    value += rest.front();
    rest.remove_prefix(1);
  }
  if (rest.empty()) return std::nullopt;
  rest.remove_prefix(1);
  rest = trimmed_of(rest);
  if (!rest.empty() && rest.front() != ';') return std::nullopt;
  return value;
}

std::optional<ForwardedElement> parse_element(std::string_view element) {
  ForwardedElement parsed;
  for (std::string_view rest = element; !rest.empty();) {
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = trimmed_of(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    auto value = take_value(rest);
    if (!value || !is_token(name)) return std::nullopt;
    std::string unread;
    std::string& into = same_ignoring_case(name, "for")     ? parsed.by_for
                        : same_ignoring_case(name, "proto") ? parsed.proto
                        : same_ignoring_case(name, "host")  ? parsed.host
                                                            : unread;
    if (!into.empty()) return std::nullopt;  // each at most once (section 4)
    into = std::move(*value);
    if (rest.starts_with(';')) rest = trimmed_of(rest.substr(1));
  }
  return parsed;
}

// What a chain of proxies says of the client. `node`: empty where it cannot be told.
struct Said {
  std::optional<IpAddress> node;
  std::string proto = {};
  std::string host = {};
};

void set_outside(Client& client, std::string_view proto, std::string_view host) {
  if (same_ignoring_case(proto, "https")) client.scheme = "https";
  if (same_ignoring_case(proto, "http")) client.scheme = "http";
  if (parse_authority(host)) client.authority = host;
}

}  // namespace

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  char terminated[64];  // inet_pton wants a string that ends
  if (text.size() >= sizeof terminated) return std::nullopt;
  *std::ranges::copy(text, terminated).out = '\0';
  IpAddress address = kMapped;
  if (inet_pton(AF_INET, terminated, address.data() + 12) == 1) return address;
  if (inet_pton(AF_INET6, terminated, address.data()) == 1) return address;
  return std::nullopt;
}

std::string render_ip_address(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (is_v4(address)) {
    inet_ntop(AF_INET, address.data() + 12, text, sizeof text);
  } else {
    inet_ntop(AF_INET6, address.data(), text, sizeof text);
  }
  return text;
}

std::optional<TrustedProxies::Network> TrustedProxies::network_of(std::string_view name) {
  const size_t slash = name.find('/');
  const auto address = parse_ip_address(name.substr(0, slash));
  if (!address) return std::nullopt;
  const bool v4 = name.find(':') == std::string_view::npos;
  unsigned bits = 128;
  if (slash != std::string_view::npos) {
    const auto given = read_number(name.substr(slash + 1), {0, v4 ? 32u : 128u});
    if (!given) return std::nullopt;
    bits = static_cast<unsigned>(*given) + (v4 ? kMappedBits : 0);
  }
  return Network{*address, bits};
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == kUnixPeer) {
      unix_ = true;
    } else if (const auto network = network_of(name)) {
      networks_.push_back(*network);
    }
  }
}

std::optional<std::string> TrustedProxies::fault_in(std::string_view name) {
  if (name == kUnixPeer || network_of(name)) return std::nullopt;
  return "\"" + std::string(name.substr(0, 100)) +
         "\" is no address, such as 192.0.2.1, no network, such as 10.0.0.0/8 or fd00::/8, and not "
         "unix";
}

bool TrustedProxies::trusts(std::string_view text) const {
  if (text == kUnixPeer) return unix_;
  const auto address = parse_ip_address(text);
  return address && std::ranges::any_of(networks_, [&](const Network& network) {
           for (unsigned bit = 0; bit < network.bits; bit += 8) {
             const unsigned left = std::min(8u, network.bits - bit);
             const auto mask = static_cast<uint8_t>(0xff << (8 - left));
             if (((network.address[bit / 8] ^ (*address)[bit / 8]) & mask) != 0) return false;
           }
           return true;
         });
}

Client TrustedProxies::client_of(std::string_view peer, const RequestHead& head) const {
  Client client{.address = std::string(peer)};
  if ((networks_.empty() && !unix_) || !trusts(peer)) return client;
  // Goes on to the left while it meets proxies that are trusted; of a list of nothing else, the
  // last one met is the client.
  const auto walk = [&](std::string_view list, const auto& parse) {
    Said said;
    for (size_t hops = 0; !list.empty() && hops < kHopsMax; ++hops) {
      Said one = parse(take_last(list));
      const bool goes_on = one.node && trusts(render_ip_address(*one.node));
      said = std::move(one);
      if (!goes_on) break;
    }
    return said;
  };
  const bool has_forwarded = head.has(Header::forwarded);
  const bool has_x_forwarded = head.has(Header::x_forwarded_for);
  const Said forwarded = walk(head.field(Header::forwarded), [](std::string_view element) {
    auto parsed = parse_element(element);
    if (!parsed) return Said{};
    return Said{parse_node(parsed->by_for), std::move(parsed->proto), std::move(parsed->host)};
  });
  const Said x_forwarded = walk(head.field(Header::x_forwarded_for),
                                [](std::string_view node) { return Said{parse_node(node)}; });
  if (has_forwarded && has_x_forwarded && forwarded.node != x_forwarded.node) return client;
  const auto node = has_forwarded ? forwarded.node : x_forwarded.node;
  if ((has_forwarded || has_x_forwarded) && !node) return client;
  if (node) client.address = render_ip_address(*node);
  if (has_forwarded) {
    set_outside(client, forwarded.proto, forwarded.host);
  } else {
    std::string_view proto = head.field(Header::x_forwarded_proto);
    std::string_view host = head.field(Header::x_forwarded_host);
    set_outside(client, take_last(proto), take_last(host));
  }
  return client;
}

}  // namespace strandline::server
