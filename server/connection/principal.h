// Who asks, and what it may do.
//
// A server without access control serves everybody, and everybody may do everything. With it, a
// principal is an API key of the log (by its secret, or by a client certificate of its name), or
// whoever a token names, or a ticket made by one of them: that may what both its own grants and its
// maker's allow. It is a value, taken at the beginning of a request: what lasts longer asks
// again whether it is still good (ended). *Threads*: any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/api/access.h"
#include "engine/api/administration.h"
#include "engine/api/reading.h"
#include "server/jwt/token.h"

namespace strandline::server {

// By what it is known who asks.
enum class Credential : uint8_t { none, bearer, basic, ticket, certificate };

class Principal {
 public:
  // Of a server without access control.
  Principal() = default;
  // `digest`: of the key's secret, by which it is known.
  Principal(ApiKeyPointer key, std::string digest, Credential credential)
      : key_(std::move(key)), digest_(std::move(digest)), credential_(credential) {}
  // A ticket of that key.
  Principal(ApiKeyPointer key, std::string digest, Grants narrower, Timestamp until)
      : key_(std::move(key)),
        digest_(std::move(digest)),
        credential_(Credential::ticket),
        narrower_(std::make_shared<const Grants>(std::move(narrower))),
        until_(until) {}
  // That key, by a client's certificate.
  Principal(ApiKeyPointer key, Timestamp until)
      : key_(std::move(key)),
        digest_(key_->digest),
        credential_(Credential::certificate),
        until_(until) {}
  // Whom a token names.
  Principal(const TokenPointer& token, Credential credential)
      : key_(token, &token->identity),
        credential_(credential),
        signer_(token->key),
        until_(*token->identity.expires) {}
  // A ticket of that: `identity` is what the token said.
  Principal(ApiKeyPointer identity, TokenKeyPointer signer, Grants narrower, Timestamp until)
      : key_(std::move(identity)),
        credential_(Credential::ticket),
        narrower_(std::make_shared<const Grants>(std::move(narrower))),
        signer_(std::move(signer)),
        until_(until) {}

  bool may(Action action, std::string_view stream) const {
    return holds([&](const Grants& grants) { return grants.allow(action, stream); });
  }
  // All streams that begin so, whether there are any or not.
  bool may_below(Action action, std::string_view prefix) const {
    return holds([&](const Grants& grants) { return grants.allow_all_below(action, prefix); });
  }
  bool may_everything(Action action) const {
    return holds([&](const Grants& grants) { return grants.allow_everything(action); });
  }
  // Perhaps: there is a stream of which it may.
  bool may_something(Action action) const {
    return holds([&](const Grants& grants) { return grants.allow_something(action); });
  }
  bool is_admin() const {
    return holds([](const Grants& grants) { return grants.is_admin(); });
  }
  // All that is selected, now and later.
  bool may_select(Action action, const Selection& select) const;

  Credential credential() const { return credential_; }
  // Null: the server has no access control. Of a token, what it says in the form of a key.
  const ApiKeyPointer& key() const { return key_; }
  // As people are told: `the key "shop"`.
  std::string who() const;
  // The key that signed its token; null: it is an API key.
  const TokenKeyPointer& signer() const { return signer_; }
  // When a token, a ticket or a certificate ends; 0: it is none.
  Timestamp until() const { return until_; }
  const std::string& digest() const { return digest_; }

  // As the log writes it down.
  Actor actor(const std::string& address) const {
    if (!key_) return {.kind = Actor::Kind::address, .name = address, .from = address};
    const Actor::Kind kind = signer_ ? Actor::Kind::token : Actor::Kind::key;
    return {.kind = kind, .name = key_->name, .from = address};
  }

  // Why it may not go on, if it may not: in a word, as forms say it.
  std::optional<std::string_view> ended(const ApiKeys& keys, Timestamp now) const;

 private:
  template <class Allow>
  bool holds(Allow allow) const {
    return !key_ || (allow(key_->grants) && (!narrower_ || allow(*narrower_)));
  }

  ApiKeyPointer key_;
  std::string digest_;
  Credential credential_ = Credential::none;
  std::shared_ptr<const Grants> narrower_;  // of a ticket
  TokenKeyPointer signer_;                  // of a token
  Timestamp until_ = {};                    // of a ticket, a certificate, or a token
};

}  // namespace strandline::server
