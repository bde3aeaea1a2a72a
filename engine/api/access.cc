#include "engine/api/access.h"

namespace strandline {

ApiKeyPointer ApiKeys::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

ApiKeyPointer ApiKeys::find_secret(const std::string& digest) const {
  const auto found = by_digest_.find(digest);
  return found == by_digest_.end() ? nullptr : found->second;
}

void ApiKeys::put(ApiKeyPointer key) {
  const auto old = by_name_.find(key->name);
  if (old != by_name_.end()) {
    by_digest_.erase(old->second->digest);
    by_digest_.erase(old->second->old_digest);
  }
  by_digest_[key->digest] = key;
  if (!key->old_digest.empty()) by_digest_[key->old_digest] = key;
  by_name_[key->name] = std::move(key);
}

}  // namespace strandline
