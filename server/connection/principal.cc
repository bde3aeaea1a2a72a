#include "server/connection/principal.h"

#include <algorithm>

namespace strandline::server {

bool Principal::may_select(Action action, const Selection& select) const {
  switch (select.kind) {
    case Selection::Kind::stream:
    case Selection::Kind::list:
      return std::ranges::all_of(select.names,
                                 [&](const std::string& name) { return may(action, name); });
    case Selection::Kind::prefix:
      return may_below(action, select.names.at(0));
    case Selection::Kind::all:
      return may_everything(action);
  }
  return false;
}

std::string Principal::who() const {
  if (!key_) return "somebody without a key";
  const std::string name = (signer_ ? "the token of \"" : "the key \"") + key_->name + '"';
  if (credential_ == Credential::ticket) return "a ticket of " + name;
  return credential_ == Credential::certificate ? name + ", by its certificate," : name;
}

std::optional<std::string_view> Principal::ended(const ApiKeys& keys, Timestamp now) const {
  if (!key_) return keys.any() ? std::optional("access-control-on") : std::nullopt;
  if (narrower_ && now >= until_) return "ticket-expired";
  if (signer_) {
    if (signer_->removed()) return "token-key-removed";
    return now >= until_ ? std::optional("token-expired") : std::nullopt;
  }
  if (credential_ == Credential::certificate) {
    if (now >= until_) return "certificate-expired";
    // Its secret may be rotated meanwhile; another key may have its name.
    const ApiKeyPointer same = keys.find(key_->name);
    if (!same || same->revoked || same->created != key_->created) return "key-revoked";
    return same->expired(now) ? std::optional("key-expired") : std::nullopt;
  }
  const ApiKeyPointer there = keys.find_secret(digest_);
  if (!there) return "key-rotated";
  if (there->revoked) return "key-revoked";
  if (there->expired(now)) return "key-expired";
  if (!there->holds(digest_, now)) return "key-rotated";
  return std::nullopt;
}

}  // namespace strandline::server
