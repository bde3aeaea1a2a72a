#include "server/jwt/token_authority.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "server/base/secret_file.h"
#include "server/jwt/key_fetch.h"
#include "server/jwt/key_set.h"

namespace strandline::server {
namespace {

constexpr std::chrono::seconds kLookEvery{1};
constexpr int64_t kToldEveryUs = 1'000'000;

Result<std::string> read_key_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) {
    text.resize(kKeySetBytesMax + 1);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad()) return fail(Code::io, path + ": it cannot be read");
  if (text.size() > kKeySetBytesMax) return fail(Code::invalid, path + ": it is too large");
  return text;
}

}  // namespace

Result<std::unique_ptr<TokenAuthority>> TokenAuthority::open(TokenOptions options) {
  if (options.keys.empty() && options.secret_file.empty()) {
    if (options.rules.issuer.empty() && options.rules.audience.empty()) return nullptr;
    return fail(Code::invalid,
                "tokens need a key that verifies them: --jwt-keys FILE or URL, or "
                "--jwt-secret-file FILE");
  }
  if (options.rules.issuer.empty() || options.rules.audience.empty()) {
    return fail(Code::invalid,
                "tokens need --jwt-issuer and --jwt-audience: whose they are, and that they are "
                "for this server");
  }
  std::unique_ptr<TokenAuthority> authority(new TokenAuthority(std::move(options)));
  for (Source& source : authority->sources_) {
    authority->is_due(source);
    auto keys = authority->read(source, {});
    if (!keys) return std::unexpected(keys.error());
    if (source.place.starts_with("http://")) {
      spdlog::warn("{} is fetched in clear: whoever is on the way can put keys of their own there",
                   source.place);
    }
    source.keys = std::move(*keys);
  }
  authority->publish();
  for (const bool urls : {false, true}) authority->watch(urls);
  return authority;
}

TokenAuthority::TokenAuthority(TokenOptions options)
    : options_(std::move(options)), keys_(std::make_shared<const Keys>()) {
  for (const std::string& place : options_.keys) {
    sources_.push_back({.place = place, .url = is_url(place)});
  }
  if (!options_.secret_file.empty()) {
    sources_.push_back({.place = options_.secret_file, .secret = true});
  }
}

TokenAuthority::~TokenAuthority() = default;

void TokenAuthority::watch(bool urls) {
  if (std::ranges::find(sources_, urls, &Source::url) == sources_.end()) return;
  threads_.emplace_back([this, urls](const std::stop_token& stop) {
    std::unique_lock lock(waiting_mutex_);
    while (!stop.stop_requested()) {
      waiting_.wait_for(lock, stop, kLookEvery, [] { return false; });
      lock.unlock();
      if (!stop.stop_requested()) look(urls, stop);
      lock.lock();
    }
  });
}

Result<TokenAuthority::Keys> TokenAuthority::read(const Source& source,
                                                  const std::stop_token& stop) const {
  const auto at = [&](const Error& error) {
    return fail(error.code, source.place + ": " + error.message);
  };
  if (source.secret) {
    auto secret = read_secret_file(source.place);
    if (!secret) return std::unexpected(secret.error());
    auto key = TokenKey::from_secret(std::move(*secret));
    if (!key) return at(key.error());
    return Keys{std::move(*key)};
  }
  auto text =
      source.url ? fetch_key_set(source.place, options_.ca, stop) : read_key_file(source.place);
  if (!text) return std::unexpected(text.error());
  auto keys = parse_key_set(*text);
  if (!keys) return at(keys.error());
  return keys;
}

bool TokenAuthority::is_due(Source& source) {
  if (!source.url) {
    const FileStamp now = FileStamp::of(source.place);
    return std::exchange(source.stamp, now) != now;
  }
  const auto now = std::chrono::steady_clock::now();
  const bool wanted = fetch_wanted_ && now >= source.fetched + kFetchPause;
  if (!wanted && now < source.fetched + options_.refresh) return false;
  source.fetched = now;
  return true;
}

void TokenAuthority::look(bool urls, const std::stop_token& stop) {
  bool fetched = false;
  for (Source& source : sources_) {
    if (source.url != urls || !is_due(source)) continue;
    fetched = urls;
    auto keys = read(source, stop);
    if (stop.stop_requested()) return;
    if (!keys) {
      ++failed_reloads_;
      // Tried again at the next look: what was wrong may not show in the stamp, such as its mode.
      source.stamp = {};
      if (source.fault != keys.error().message) {
        source.fault = keys.error().message;
        spdlog::error("tokens are verified by the keys from before: {}", source.fault);
      }
      continue;
    }
    ++reloads_;
    source.fault.clear();
    // The same key stays the same object, so that what it let in goes on.
    for (TokenKeyPointer& key : *keys) {
      const auto same = std::ranges::find(source.keys, key->thumbprint(), &TokenKey::thumbprint);
      if (same != source.keys.end()) key = *same;
    }
    if (*keys == source.keys) continue;
    spdlog::info("{} has new keys for tokens: {} of them", source.place, keys->size());
    const std::lock_guard lock(sources_mutex_);
    source.keys = std::move(*keys);
    publish();
  }
  if (fetched) fetch_wanted_ = false;
}

void TokenAuthority::publish() {
  auto all = std::make_shared<Keys>();
  for (const Source& source : sources_) {
    all->insert(all->end(), source.keys.begin(), source.keys.end());
  }
  const auto before = keys_.load();
  keys_.store(all);
  for (const TokenKeyPointer& key : *before) {
    if (std::ranges::find(*all, key) == all->end()) key->remove();
  }
  const std::lock_guard lock(tokens_mutex_);
  tokens_.clear();
  older_tokens_.clear();
}

std::expected<TokenPointer, TokenFault> TokenAuthority::verify(std::string_view text,
                                                               const std::string& digest,
                                                               Timestamp now) {
  {
    const std::lock_guard lock(tokens_mutex_);
    for (const auto* tokens : {&tokens_, &older_tokens_}) {
      const auto found = tokens->find(digest);
      if (found == tokens->end() || found->second->key->removed()) continue;
      if (!found->second->identity.expired(now)) return found->second;
    }
  }
  const auto keys = keys_.load();
  auto verified = verify_token(text, *keys, options_.rules, now);
  if (!verified) {
    if (verified.error() == TokenFault::unknown_key) fetch_wanted_ = true;
    ++refused_[static_cast<size_t>(verified.error())];
    tell(verified.error(), now);
    return verified;
  }
  const std::lock_guard lock(tokens_mutex_);
  if (tokens_.size() >= kTokensMax / 2) older_tokens_ = std::exchange(tokens_, {});
  tokens_[digest] = *verified;
  return verified;
}

// One line a second at most: the metrics count them all.
void TokenAuthority::tell(TokenFault fault, Timestamp now) {
  int64_t told = told_us_.load();
  if (now.us >= told && now.us - told < kToldEveryUs) return;
  if (!told_us_.compare_exchange_strong(told, now.us)) return;
  spdlog::info("a token was refused: {}", name_of(fault));
}

TokenKeyPointer TokenAuthority::key(std::string_view thumbprint) const {
  const auto keys = keys_.load();
  const auto found = std::ranges::find(*keys, thumbprint, &TokenKey::thumbprint);
  return found == keys->end() ? nullptr : *found;
}

}  // namespace strandline::server
