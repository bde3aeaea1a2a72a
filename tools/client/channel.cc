#include "tools/client/channel.h"

#include <fmt/format.h>

namespace strandline::tools {

Result<Channel> Channel::open(const Url& url, std::chrono::milliseconds patience) {
  auto socket = url.socket.empty() ? Socket::connect(url.host, url.port, patience)
                                   : Socket::connect_unix(url.socket, patience);
  if (!socket) {
    return fail(Code::closed, fmt::format("cannot reach {}: {}", url.text, socket.error().message));
  }
  Channel channel(std::move(*socket));
  if (url.tls) {
    auto tls = TlsClient::open(channel.socket_, url);
    if (!tls) return std::unexpected(tls.error());
    channel.tls_.emplace(std::move(*tls));
  }
  return channel;
}

}  // namespace strandline::tools
