#include "tools/base/setting_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "engine/api/options.h"
#include "server/connection/binding.h"
#include "server/http/authority.h"
#include "server/http/forwarded.h"
#include "server/http/origins.h"
#include "server/http/quota_text.h"
#include "server/server.h"
#include "tools/base/url.h"

namespace strandline::tools {
namespace {

using Kind = SettingKey::Kind;
using Checked = std::expected<std::string, std::string>;

// --- What a text must be.

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

Checked level_of_log(std::string_view text) {
  constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error", "off"};
  if (std::ranges::find(kLevels, text) != std::end(kLevels)) return std::string(text);
  return std::unexpected(
      fmt::format("\"{}\" is none of trace, debug, info, warn, error and off", text));
}

// g++ 12 has no expected::transform.
template <class T, class Render>
Checked rendered(const std::expected<T, std::string>& value, Render render) {
  if (!value) return std::unexpected(value.error());
  return render(*value);
}

}  // namespace

std::expected<std::string, std::string> SettingKey::read(std::string_view text) const {
  switch (kind) {
    case Kind::text:
      return check(text);
    case Kind::truth:
      return read_truth(text);
    case Kind::number:
      return rendered(server::read_number(text, range),
                      [](uint64_t n) { return std::to_string(n); });
    case Kind::size:
      return rendered(server::read_size(text, range), server::render_size);
    case Kind::duration:
      return rendered(server::read_duration(text, range), server::render_duration);
  }
  return std::unexpected("");
}

std::span<const SettingKey> setting_keys() {
  using std::chrono::seconds;
  static const Options engine;
  static const server::ServerOptions server;
  const auto number = [](uint64_t value) { return std::to_string(value); };
  const auto size = [](uint64_t bytes) { return server::render_size(bytes); };
  constexpr uint64_t kSecond = 1'000, kYears = 10ull * 366 * 24 * 3600 * kSecond;
  static const std::vector<SettingKey> keys = {
      {"serve", "data", Kind::text, "./data", "the log's directory; created if it is missing"},
      {"serve",
       "listen",
       Kind::text,
       server.listen,
       "HOST:PORT or [IPV6]:PORT, which speaks TLS where there is a certificate; https:// and "
       "http:// before it say which. Or unix:/PATH. Port 0 takes any free one. May be repeated",
       {},
       listen_addresses,
       "",
       true},
      {"serve", "insecure", Kind::truth, "false",
       "serve a log without API keys to other machines, too: whoever connects may do everything"},
      {"serve", "root_key_file", Kind::text, "",
       "a file of mode 600 with the secret of the key `root`, which is granted admin"},
      {"serve", "tls_cert", Kind::text, "",
       "a file in PEM: the server's certificate, then those between it and its root. It is read "
       "again when it changes"},
      {"serve", "tls_key", Kind::text, "",
       "a file in PEM: the certificate's private key, of mode 600 or 640"},
      {"serve", "tls_client_ca", Kind::text, "",
       "a file in PEM: who must have signed the certificate that clients show"},
      {"serve",
       "tls_client_use",
       Kind::text,
       "require",
       "what that certificate is for. require: each client needs one, and a key besides. identify: "
       "who has one is the API key of its common name. both: each needs one, which says who it is",
       {},
       use_of_certificates,
       "require|identify|both"},
      {"serve", "jwt_issuer", Kind::text, "", "whose JSON Web Tokens are taken: their `iss`"},
      {"serve", "jwt_audience", Kind::text, "", "for whom those must be: their `aud`"},
      {"serve",
       "jwt_keys",
       Kind::text,
       "",
       "what verifies them, with commas between: files with a public key in PEM, files with a key "
       "set (JWKS), or its https:// URLs. They are read again when they change",
       {},
       [](std::string_view text) -> Checked { return std::string(text); },
       "",
       true},
      {"serve", "jwt_secret_file", Kind::text, "",
       "a file of mode 600 with the secret that signs them by HS256, of 32 characters at least"},
      {"serve", "jwt_grants_claim", Kind::text, "grants", "the claim that says what they grant"},
      {"serve",
       "jwt_leeway",
       Kind::duration,
       server::render_duration(server::TokenRules().leeway),
       "by which clocks may differ: a token is good so long before and after its times",
       {0, 300 * kSecond}},
      {"serve",
       "jwt_refresh",
       Kind::duration,
       server::render_duration(server::TokenOptions().refresh),
       "after which a key set at a URL is fetched again",
       {kSecond, 24 * 3600 * kSecond}},
      {"serve", "jwt_ca", Kind::text, "",
       "a file in PEM: who must have signed the certificate of a key set's https:// URL (default: "
       "whom this system trusts)"},
      {"serve", "threads", Kind::number, "0", "of the server; 0: one per core", {0, 1'024}},
      {"serve",
       "history_threads",
       Kind::number,
       std::to_string(server.history_threads),
       "that read history from the disk for followers",
       {1, 1'024}},
      {"serve",
       "authorities",
       Kind::text,
       "",
       "names, with commas between, by which clients may ask for this server (their Host), each "
       "HOST or HOST:PORT; addresses and localhost always may. None: on a loopback address no "
       "other name, elsewhere any",
       {},
       authority_names,
       "",
       true},
      {"serve",
       "cors_origins",
       Kind::text,
       "",
       "the origins, with commas between, whose pages may use this server: "
       "https://app.example.org, https://*.example.org, or *",
       {},
       origins,
       "",
       true},
      {"serve",
       "trusted_proxies",
       Kind::text,
       "",
       "the proxies, with commas between, that are believed when they say whom a request comes "
       "from (Forwarded, X-Forwarded-For): addresses, networks such as 10.0.0.0/8, and unix",
       {},
       proxies,
       "",
       true},
      {"serve",
       "quota",
       Kind::text,
       "",
       "of each key that has none of its own, and without access control of each address: "
       "requests=100/s,bytes=1MB/s,connections=10,followers=5,streams=20/h,"
       "stored=1GB:orders/*, or some of these",
       {},
       quota_of_each},
      {"serve",
       "wrong_secrets_max",
       Kind::number,
       number(server.wrong_secrets_max),
       "wrong secrets of one address at once; then one a second, and 429. 0: no limit",
       {0, 1'000'000}},
      {"serve", "access_log", Kind::text, "",
       "a file, or - for the standard output, that gets a line of JSON for each request. SIGHUP "
       "opens the file anew"},
      {"serve", "record_administration", Kind::truth, "true",
       "write administrative acts and refusals down in the stream $admin"},
      {"serve", "core_dumps", Kind::truth, "false",
       "let a crash leave an image of the memory, in which there are secrets and events"},
      {"serve",
       "connections_max",
       Kind::number,
       number(server.connections_max),
       "open connections; past it, 503",
       {1, 10'000'000}},
      {"serve",
       "log_level",
       Kind::text,
       "info",
       "the least that is logged",
       {},
       level_of_log,
       "trace|debug|info|warn|error|off"},
      {"serve", "log_json", Kind::truth, "false", "log lines as JSON objects"},
      {"serve", "create_streams_on_append", Kind::truth, "true",
       "an append to a stream that does not exist creates it"},
      {"serve",
       "segment_size",
       Kind::size,
       size(engine.segment_bytes_max),
       "at which a segment is sealed and the next begun",
       {64 << 10, 1ull << 40}},
      {"serve",
       "segment_age",
       Kind::duration,
       server::render_duration(seconds(engine.segment_age_max_s)),
       "after which a segment is sealed",
       {kSecond, kYears}},
      {"serve",
       "batch_cache_size",
       Kind::size,
       size(engine.batch_cache_bytes),
       "of the newest batches, kept in memory for readers near the tail",
       {0, 1ull << 40}},
      {"serve",
       "block_cache_size",
       Kind::size,
       size(engine.block_cache_bytes),
       "of memory for readers of history",
       {0, 1ull << 40}},
      {"serve",
       "accepted_sync_interval",
       Kind::duration,
       server::render_duration(std::chrono::milliseconds(engine.accepted_sync_interval_ms)),
       "that an append with durability `accepted` may wait for its fsync",
       {1, 60 * kSecond}},
      {"serve",
       "idempotency_ttl",
       Kind::duration,
       server::render_duration(seconds(engine.idempotency_ttl_s)),
       "for which the answer to a request with an Idempotency-Key is kept",
       {kSecond, kYears}},
      {"serve",
       "disk_reserve",
       Kind::size,
       size(engine.disk_reserve_bytes),
       "of free disk space under which appends are refused",
       {0, 1ull << 50}},
      {"client",
       "server",
       Kind::text,
       "",
       "the server's URL (http, https, or unix:/PATH), or its HOST:PORT (default "
       "http://127.0.0.1:7070)",
       {},
       server_url},
      {"client", "ca", Kind::text, "",
       "a file in PEM: who must have signed an https server's certificate (default: whom this "
       "system trusts)"},
      {"client", "cert", Kind::text, "",
       "a file in PEM: this client's certificate, where the server wants one"},
      {"client", "cert_key", Kind::text, "",
       "a file in PEM: the private key of --cert, of mode 600 or 640"},
      {"client", "data", Kind::text, "", "a log's directory, opened without a server"},
      {"client", "token_file", Kind::text, "",
       "a file of mode 600 with the secret of an API key, or with a JSON Web Token, for the server "
       "(or the secret itself in STRANDLINE_TOKEN)"},
  };
  return keys;
}

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    std::string_view name = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (!name.empty()) names.emplace_back(name);
  }
  return names;
}

std::expected<std::string, std::string> read_truth(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return "true";
  if (text == "false" || text == "0" || text == "no" || text == "off") return "false";
  return std::unexpected(fmt::format("\"{}\" is neither true nor false", text));
}

std::string SettingKey::variable() const {
  std::string variable = "STRANDLINE_";
  for (const char* c = name; *c; ++c) {
    variable += static_cast<char>(std::toupper(static_cast<unsigned char>(*c)));
  }
  return variable;
}

std::string SettingKey::flag() const {
  std::string flag = "--";
  for (const char* c = name; *c; ++c) flag += *c == '_' ? '-' : *c;
  return flag;
}

}  // namespace strandline::tools
