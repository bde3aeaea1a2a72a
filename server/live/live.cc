#include "server/live/live.h"

namespace strandline::server {

Live::Live(Log& log, const ServerOptions& options)
    : rules(*ChannelRules::parse(options.live_channels)),
      app{options.live_app_id, options.live_app_key, options.live_app_secret},
      callback(options.live_callback),
      hub(log, {.grace = std::chrono::milliseconds(options.live_grace_ms)}),
      awaited(log),
      asking(callback.empty() ? nullptr : std::make_unique<boost::asio::thread_pool>(4)) {}

std::string hex_of(std::string_view bytes) {
  constexpr char kHexOfLive[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kHexOfLive[static_cast<unsigned char>(c) >> 4];
    hex += kHexOfLive[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

std::optional<std::string> fault_in_live(const ServerOptions& options) {
  const auto rules = ChannelRules::parse(options.live_channels);
  if (!rules) return rules.error();
  if (!options.live_callback.empty() && options.live_app_secret.empty()) {
    return "a callback is asked with a signature, and there is no live_secret_file to sign it with";
  }
  return std::nullopt;
}

}  // namespace strandline::server
