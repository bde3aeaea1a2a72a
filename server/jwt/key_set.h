// The keys of one source: of a file in PEM, or of a JSON Web Key Set (RFC 7517).
//
// In a set are passed over: what is for encryption, and what is for an algorithm that is not known
// here. A set in which nothing is left, or that is not to be trusted, is refused whole: two keys of
// one id, a key that is none, or a secret, which does not belong where a public key does.
// *Threads*: any. *Errors*: a sentence, which quotes no key.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/jwt/token_key.h"

namespace strandline::server {

inline constexpr size_t kKeySetBytesMax = 1 << 20;
inline constexpr size_t kKeySetKeysMax = 100;

// `text`: PEM, or JSON.
Result<std::vector<TokenKeyPointer>> parse_key_set(const std::string& text);

}  // namespace strandline::server
