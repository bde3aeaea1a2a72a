#include "engine/format/access_record.h"

#include <limits>

#include "engine/format/keys.h"

namespace strandline {
namespace {

constexpr uint8_t kApiKeyVersion = 2;
constexpr size_t kApiKeyHeadBytes = 45;
// Of a time that is not there.
constexpr int64_t kNoTime = std::numeric_limits<int64_t>::min();

// A quota of what is stored: behind the kinds of QuotaKind.
constexpr uint8_t kStoredKind = 5;
static_assert(kStoredKind == kQuotaKinds);

int64_t time_field(const std::optional<Timestamp>& time) { return time ? time->us : kNoTime; }

std::optional<Timestamp> time_of_field(int64_t us) {
  return us == kNoTime ? std::nullopt : std::optional(Timestamp{us});
}

}  // namespace

std::string access_key(std::string_view name) {
  return std::string(1, static_cast<char>(AccessKey::api_key)).append(name);
}

bool decode_access_key(std::string_view key, std::string_view& name) {
  if (key.size() < 2 || key[0] != static_cast<char>(AccessKey::api_key)) return false;
  name = key.substr(1);
  return true;
}

std::string encode(const ApiKey& key) {
  std::string out;
  put_le<uint8_t>(out, kApiKeyVersion);
  put_le<int64_t>(out, key.created.us);
  put_le<int64_t>(out, time_field(key.expires));
  put_le<int64_t>(out, time_field(key.revoked));
  put_le<int64_t>(out, time_field(key.rotated));
  put_le<int64_t>(out, key.old_until.us);
  put_le<uint16_t>(out, static_cast<uint16_t>(key.digest.size()));
  put_le<uint16_t>(out, static_cast<uint16_t>(key.old_digest.size()));
  out += key.digest + key.old_digest;
  put_le<uint16_t>(out, static_cast<uint16_t>(key.grants.list().size()));
  for (const Grant& grant : key.grants.list()) {
    put_le<uint8_t>(out, static_cast<uint8_t>(grant.action));
    put_le<uint8_t>(out, grant.prefix ? 1 : 0);
    put_le<uint16_t>(out, static_cast<uint16_t>(grant.name.size()));
    out += grant.name;
  }
  put_le<int64_t>(out, time_field(key.used));
  for (size_t kind = 0; kind < kQuotaKinds; ++kind) {
    if (!key.quota.limits[kind]) continue;
    put_le<uint8_t>(out, static_cast<uint8_t>(kind));
    put_le<uint64_t>(out, *key.quota.limits[kind]);
  }
  for (const StoredQuota& one : key.quota.stored) {
    put_le<uint8_t>(out, kStoredKind);
    put_le<uint64_t>(out, one.bytes);
    put_le<uint16_t>(out, static_cast<uint16_t>(one.prefix.size()));
    out += one.prefix;
  }
  return out;
}

bool decode(std::string_view bytes, ApiKey& key) {
  if (bytes.size() < kApiKeyHeadBytes) return false;
  const uint8_t version = get_le<uint8_t>(bytes, 0);
  if (version == 0 || version > kApiKeyVersion) return false;
  key.created.us = get_le<int64_t>(bytes, 1);
  key.expires = time_of_field(get_le<int64_t>(bytes, 9));
  key.revoked = time_of_field(get_le<int64_t>(bytes, 17));
  key.rotated = time_of_field(get_le<int64_t>(bytes, 25));
  key.old_until.us = get_le<int64_t>(bytes, 33);
  const size_t digest = get_le<uint16_t>(bytes, 41), old_digest = get_le<uint16_t>(bytes, 43);
  const bool known = digest == kSecretDigestBytes &&
                     (old_digest == 0 || old_digest == kSecretDigestBytes) &&
                     bytes.size() >= kApiKeyHeadBytes + digest + old_digest + sizeof(uint16_t);
  if (!known) return false;
  bytes.remove_prefix(kApiKeyHeadBytes);
  key.digest = bytes.substr(0, digest);
  key.old_digest = bytes.substr(digest, old_digest);
  bytes.remove_prefix(digest + old_digest);
  size_t left = get_le<uint16_t>(bytes, 0);
  bytes.remove_prefix(sizeof(uint16_t));
  std::vector<Grant> grants;
  for (; left > 0; --left) {
    if (bytes.size() < 4) return false;
    const auto action = get_le<uint8_t>(bytes, 0), prefix = get_le<uint8_t>(bytes, 1);
    const size_t name = get_le<uint16_t>(bytes, 2);
    if (action >= kActions || prefix > 1 || bytes.size() < 4 + name) return false;
    grants.push_back({.action = static_cast<Action>(action),
                      .prefix = prefix == 1,
                      .name = std::string(bytes.substr(4, name))});
    bytes.remove_prefix(4 + name);
  }
  key.grants = Grants(std::move(grants));
  if (version == 1) return bytes.empty();
  if (bytes.size() < sizeof(int64_t)) return false;
  key.used = time_of_field(get_le<int64_t>(bytes, 0));
  bytes.remove_prefix(sizeof(int64_t));
  constexpr size_t kLimitBytes = 1 + sizeof(uint64_t);
  for (; bytes.size() >= kLimitBytes; bytes.remove_prefix(kLimitBytes)) {
    const auto kind = get_le<uint8_t>(bytes, 0);
    const auto limit = get_le<uint64_t>(bytes, 1);
    if (kind == kStoredKind) {
      std::string_view prefix = bytes.substr(kLimitBytes);
      if (prefix.size() < sizeof(uint16_t)) return false;
      const size_t size = get_le<uint16_t>(prefix, 0);
      prefix.remove_prefix(sizeof(uint16_t));
      if (prefix.size() < size) return false;
      key.quota.stored.push_back({std::string(prefix.substr(0, size)), limit});
      bytes.remove_prefix(sizeof(uint16_t) + size);
      continue;
    }
    if (kind >= kQuotaKinds || key.quota.limits[kind]) return false;
    key.quota.limits[kind] = limit;
  }
  return bytes.empty();
}

}  // namespace strandline
