// Log's API keys: created, rotated, revoked; and what their quotas are held against.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "engine/api/event_rules.h"
#include "engine/log.h"
#include "engine/log_parts.h"

namespace strandline {
namespace {

// Long enough to carry a new secret to wherever the old one is.
constexpr std::chrono::seconds kGraceMax = std::chrono::days(366);

// The lock of the names is held for so many at a time.
constexpr size_t kNamesAtOnce = 4'096;

Status check_digest(const std::string& digest) {
  if (digest.size() == kSecretDigestBytes) return {};
  return fail(Code::invalid, fmt::format("the digest of a secret has {} bytes, not {}",
                                         kSecretDigestBytes, digest.size()));
}

Status check_quota(const Quota& quota, const Limits& limits) {
  if (quota.stored.size() > kStoredQuotasMax) {
    return fail(Code::invalid, fmt::format("{} quotas of what is stored: a key has at most {}",
                                           quota.stored.size(), kStoredQuotasMax));
  }
  for (const StoredQuota& one : quota.stored) {
    if (one.prefix.size() > limits.name_bytes_max) {
      return fail(Code::invalid, fmt::format("a quota on names that begin with {} bytes: names "
                                             "have at most {}",
                                             one.prefix.size(), limits.name_bytes_max));
    }
    if (!is_plain_text(one.prefix)) {
      return fail(Code::invalid, "a quota on names with control characters, or that are not UTF-8");
    }
  }
  return {};
}

}  // namespace

ApiKeysPointer Log::api_keys() const { return parts_->state->access.keys(); }

Result<ApiKeyPointer> Log::create_key(NewApiKey key, Actor by) {
  const Limits& limits = parts_->state->options.limits;
  Status ok = check_name(key.name, limits);
  if (ok) ok = check_digest(key.digest);
  if (ok) ok = check_quota(key.quota, limits);
  if (!ok) return std::unexpected(std::move(ok.error()));
  if (const auto good = check_grants(key.grants, limits.name_bytes_max); !good) {
    return fail(Code::invalid, good.error());
  }
  if (key.expires && *key.expires <= now()) {
    return fail(Code::invalid, "a key that has expired already is of no use to anybody");
  }
  const std::string name = key.name;
  auto outcome = parts_->perform(CreateKey{std::move(key)}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return api_keys()->find(name);
}

Result<ApiKeyPointer> Log::rotate_key(std::string name, std::string digest,
                                      std::chrono::seconds grace, Actor by) {
  if (auto ok = check_digest(digest); !ok) return std::unexpected(std::move(ok.error()));
  if (grace.count() < 0 || grace > kGraceMax) {
    return fail(Code::invalid, "the secret before is good for at most 366 days more");
  }
  auto outcome = parts_->perform(RotateKey{name, std::move(digest), grace}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return api_keys()->find(name);
}

Result<ApiKeyPointer> Log::revoke_key(std::string name, Actor by) {
  auto outcome = parts_->perform(RevokeKey{name}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return api_keys()->find(name);
}

StoredUnder Log::stored_under(std::string_view prefix) const {
  StoredUnder under;
  std::string from(prefix);
  for (bool more = true; more;) {
    more = false;
    size_t looked_at = 0;
    parts_->state->streams.scan(from, [&](const Stream& stream) {
      if (!stream.name.starts_with(prefix)) return false;
      more = ++looked_at > kNamesAtOnce;
      if (more) {
        from = stream.name;
        return false;
      }
      if (!stream.exists()) return true;
      ++under.streams;
      // Those below the start first: they are never more.
      const uint64_t below = stream.start_bytes();
      under.bytes += std::max(stream.bytes(), below) - below;
      return true;
    });
  }
  return under;
}

bool Log::record(Act act, Actor by) {
  if (!parts_->state->options.record_administration) return true;
  auto refused = std::make_shared<std::atomic<bool>>(false);
  parts_->submit(
      {.request = Record{std::move(act)},
       .done = [refused](const Result<Outcome>& outcome) { refused->store(!outcome.has_value()); },
       .bytes = kOperationBytes,
       .by = std::move(by)});
  return !*refused;
}

void Log::first_use(std::string key, Actor by) {
  parts_->submit({.request = FirstUse{std::move(key)},
                  .done = [](const Result<Outcome>&) {},
                  .bytes = kOperationBytes,
                  .by = std::move(by)});
}

Timestamp Log::now() const { return parts_->state->clock->now(); }

}  // namespace strandline
