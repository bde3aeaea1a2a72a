// API keys: who may do what with a log. The log keeps them, so that they are backed up with it; it
// does not ask for them itself: an embedding program may do everything, and a server asks.
//
// Of a secret the log knows its SHA-256 alone, 32 bytes. A key is revoked or expires, and its
// record stays, so that a log that has had a key never looks like one that has none. *Memory*: what
// the log gives out never changes; who has it keeps it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/api/grant.h"
#include "engine/api/quota.h"
#include "engine/api/types.h"

namespace strandline {

inline constexpr size_t kSecretDigestBytes = 32;

struct ApiKey {
  std::string name;
  std::string digest;  // of its secret
  Grants grants;
  Timestamp created;
  std::optional<Timestamp> expires = {};
  std::optional<Timestamp> revoked = {};
  std::optional<Timestamp> rotated = {};
  // Of the secret before the last rotation, and until when it is good; empty: it is not.
  std::string old_digest = {};
  Timestamp old_until = {};
  // When a server was shown it first; asked for with Log::first_use.
  std::optional<Timestamp> used = {};
  Quota quota = {};

  bool expired(Timestamp now) const { return expires && now >= *expires; }
  // Whether the secret with this digest, which is one of its two, is good.
  bool holds(std::string_view secret_digest, Timestamp now) const {
    return !revoked && !expired(now) && (secret_digest == digest || now < old_until);
  }
};
using ApiKeyPointer = std::shared_ptr<const ApiKey>;

// All keys of a log at one moment.
class ApiKeys {
 public:
  // Whether the log has, or has had, a key: then access control is on.
  bool any() const { return !by_name_.empty(); }
  const std::map<std::string, ApiKeyPointer, std::less<>>& by_name() const { return by_name_; }
  ApiKeyPointer find(std::string_view name) const;
  // By a secret's digest, good or not; null: there is none.
  ApiKeyPointer find_secret(const std::string& digest) const;

  void put(ApiKeyPointer key);

 private:
  std::map<std::string, ApiKeyPointer, std::less<>> by_name_;
  std::unordered_map<std::string, ApiKeyPointer> by_digest_;
};
using ApiKeysPointer = std::shared_ptr<const ApiKeys>;

struct NewApiKey {
  std::string name;
  std::string digest;  // of its secret
  std::vector<Grant> grants;
  std::optional<Timestamp> expires = {};
  Quota quota = {};
};

}  // namespace strandline
