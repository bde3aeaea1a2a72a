// A JSON Web Token (RFC 7519, signed as RFC 7515 has it in its compact form), and whether it is
// good.
//
// It is held to RFC 8725: the key decides the algorithm; `crit` is refused, for nothing critical is
// known here; what a head says of where keys are (jku, jwk, x5u, x5c) is never looked at. A token
// must have `iss`, `aud`, `exp`, `sub` and the claim of its grants; `nbf` and `iat`, where it has
// them, must not lie ahead. The leeway is for clocks that differ: a token is good until so much
// after its `exp`, everywhere. *Limits*: kTokenBytesMax, and kJsonDepthMax. *Threads*: any.
// *Errors*: a TokenFault, for the log and the metrics; outside it is one answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/api/access.h"
#include "server/jwt/token_key.h"

namespace strandline::server {

inline constexpr size_t kTokenBytesMax = 8 << 10;

enum class TokenFault : uint8_t {
  malformed,
  too_large,
  too_deep,
  critical,
  type,
  algorithm,
  unknown_key,
  signature,
  issuer,
  audience,
  expired,
  not_yet_valid,
  issued_ahead,
  no_expiry,
  subject,
  grants,
};
inline constexpr size_t kTokenFaults = static_cast<size_t>(TokenFault::grants) + 1;
std::string_view name_of(TokenFault fault);  // as a metric's label has it

struct TokenRules {
  std::string issuer;
  std::string audience;
  std::string grants_claim = "grants";
  std::chrono::seconds leeway{5};
};

// A token that is good, until its identity expires or its key is removed.
struct Token {
  // What it says in the form of a key: its subject is the name.
  ApiKey identity;
  TokenKeyPointer key;
};
using TokenPointer = std::shared_ptr<const Token>;

std::expected<TokenPointer, TokenFault> verify_token(std::string_view text,
                                                     std::span<const TokenKeyPointer> keys,
                                                     const TokenRules& rules, Timestamp now);

}  // namespace strandline::server
