#include "tools/base/setting_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/connection/binding.h"
#include "server/http/authority.h"
#include "server/http/forwarded.h"
#include "server/http/origins.h"
#include "server/http/quota_text.h"
#include "server/live/channel_rules.h"
#include "tools/base/setting_key.h"
#include "tools/base/url.h"

namespace strandline::tools {

Checked listen_addresses(std::string_view text) {
  for (const std::string& address : split_names(text)) {
    const auto parsed = server::parse_listen_address(address);
    if (!parsed) return std::unexpected(parsed.error());
  }
  return std::string(text);
}

Checked server_url(std::string_view text) {
  if (text.empty()) return "";  // as the default is: none is named
  const auto url = Url::parse(std::string(text));
  if (!url) return std::unexpected(url.error().message);
  return url->text;
}

Checked authority_names(std::string_view text) {
  for (const std::string& name : split_names(text)) {
    if (server::parse_authority(name)) continue;
    return std::unexpected(
        fmt::format("\"{}\" is not HOST or HOST:PORT, with a port up to 65535", name));
  }
  return std::string(text);
}

Checked origins(std::string_view text) {
  for (const std::string& origin : split_names(text)) {
    if (auto fault = server::Origins::fault_in(origin)) return std::unexpected(std::move(*fault));
  }
  return std::string(text);
}

Checked proxies(std::string_view text) {
  for (const std::string& proxy : split_names(text)) {
    if (auto fault = server::TrustedProxies::fault_in(proxy)) {
      return std::unexpected(std::move(*fault));
    }
  }
  return std::string(text);
}

Checked quota_of_each(std::string_view text) {
  if (const auto quota = server::parse_quota(text); !quota) return std::unexpected(quota.error());
  return std::string(text);
}

Checked use_of_certificates(std::string_view text) {
  if (text == "require" || text == "identify" || text == "both") return std::string(text);
  return std::unexpected(fmt::format("\"{}\" is none of require, identify and both", text));
}

Checked live_rules(std::string_view text) {
  if (auto rules = server::ChannelRules::parse(text); !rules) {
    return std::unexpected(std::move(rules.error()));
  }
  return std::string(text);
}

Checked level_of_log(std::string_view text) {
  constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error", "off"};
  if (std::ranges::find(kLevels, text) != std::end(kLevels)) return std::string(text);
  return std::unexpected(
      fmt::format("\"{}\" is none of trace, debug, info, warn, error and off", text));
}

}  // namespace strandline::tools
