#include "tools/base/url.h"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "server/http/authority.h"
#include "server/http/quantity.h"
#include "server/http/request_head.h"

namespace strandline::tools {

Result<Url> Url::parse(const std::string& text) {
  const auto refuse = [&](const std::string& why) {
    return fail(Code::invalid, fmt::format("\"{}\" {}", text, why));
  };
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) {
    const std::string path = text.substr(kUnix.size());
    if (!path.starts_with('/')) return refuse("has no absolute path: unix:/run/strandline.sock");
    return Url{.host = "localhost", .port = "80", .text = text, .socket = path};
  }
  const std::string full = text.find("://") == std::string::npos ? "http://" + text : text;
  const auto parsed = boost::urls::parse_uri(full);
  // RFC 3986, section 3.1: a scheme is the same in either case.
  const bool tls = parsed && server::same_ignoring_case(parsed->scheme(), "https");
  if (parsed && !tls && !server::same_ignoring_case(parsed->scheme(), "http")) {
    return refuse("is not an http:// or https:// URL; the server speaks nothing else");
  }
  if (!parsed || parsed->host().empty() || parsed->has_userinfo() || parsed->has_query() ||
      parsed->has_fragment()) {
    return refuse(
        "is not a server's URL, such as http://127.0.0.1:7070, http://[::1]:7070 or "
        "log.example.org:7070");
  }
  Url url{.host = parsed->host_address(),
          .port = parsed->port(),
          .path = parsed->path(),
          .text = full,
          .tls = tls};
  // The parser above takes "a:-1", as a name without a port.
  const size_t begin = full.find("://") + 3;
  const std::string named = full.substr(begin, full.find('/', begin) - begin);
  const auto authority = server::parse_authority(named);
  if (!authority || authority->port != url.port) {
    return refuse("is not a server's URL: HOST:PORT has a port up to 65535");
  }
  if (url.port.empty()) url.port = tls ? "443" : "80";
  if (server::parse_port(url.port) == 0) return refuse("has no port from 1 to 65535");
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

std::string Url::authority() const {
  // An IPv6 address stands in brackets, so that its colons are not taken for the port's.
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + port;
}

}  // namespace strandline::tools
