#include "server/jwt/key_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/json/base64.h"
#include "server/json/json_reader.h"
#include "server/jwt/json_depth.h"

namespace strandline::server {
namespace {

constexpr size_t kKeyIdBytesMax = 256;

// The members of one JWK that are looked at.
struct Jwk {
  std::string kty, use, alg, kid, crv, n, e, x, y;
  bool for_verifying = true;  // of key_ops
};

Result<Jwk> read_jwk(std::string_view json) {
  JsonReader reader;
  const auto kind = reader.parse(json);
  if (!kind) return fail(Code::invalid, kind.error());
  if (*kind != JsonKind::object) return fail(Code::invalid, "it is no object");
  Jwk jwk;
  const std::pair<std::string_view, std::string*> known[] = {
      {"kty", &jwk.kty}, {"use", &jwk.use}, {"alg", &jwk.alg}, {"kid", &jwk.kid}, {"crv", &jwk.crv},
      {"n", &jwk.n},     {"e", &jwk.e},     {"x", &jwk.x},     {"y", &jwk.y}};
  for (const JsonMember& member : reader.members()) {
    if (member.name == "key_ops") {
      jwk.for_verifying = member.value.text.contains("\"verify\"");
      continue;
    }
    const auto* at =
        std::ranges::find(known, member.name, [](const auto& one) { return one.first; });
    if (at == std::end(known)) continue;
    if (member.value.kind != JsonKind::string) {
      return fail(Code::invalid, fmt::format("its \"{}\" is no string", member.name));
    }
    *at->second = reader.string(member.value);
  }
  if (jwk.kid.size() > kKeyIdBytesMax) return fail(Code::invalid, "its \"kid\" is too long");
  return jwk;
}

// The numbers of a key, in their order. One that is no number is none.
Result<std::shared_ptr<TokenKey>> with_numbers(
    const Jwk& jwk,
    Result<std::shared_ptr<TokenKey>> (*make)(std::string, const std::string&, const std::string&),
    const std::string& one, const std::string& other) {
  auto first = parse_base64url(one), second = parse_base64url(other);
  if (!first || !second) return fail(Code::invalid, "one of its numbers is no base64 for URLs");
  return make(jwk.kid, *first, *second);
}

// Null: it is none for here.
Result<std::shared_ptr<TokenKey>> key_of_jwk(const Jwk& jwk) {
  if (jwk.kty == "oct") {
    return fail(Code::invalid,
                "it is a secret, and a set is public: --jwt-secret-file takes one for HS256");
  }
  if (!jwk.for_verifying || (!jwk.use.empty() && jwk.use != "sig")) return nullptr;
  const auto is_for = [&](TokenAlgorithm algorithm) {
    return jwk.alg.empty() || jwk.alg == name_of(algorithm);
  };
  if (jwk.kty == "RSA" && is_for(TokenAlgorithm::rs256)) {
    return with_numbers(jwk, TokenKey::rsa, jwk.n, jwk.e);
  }
  if (jwk.kty == "EC" && jwk.crv == "P-256" && is_for(TokenAlgorithm::es256)) {
    return with_numbers(jwk, TokenKey::p256, jwk.x, jwk.y);
  }
  // RFC 9864 calls it Ed25519.
  const bool eddsa = is_for(TokenAlgorithm::eddsa) || jwk.alg == "Ed25519";
  if (jwk.kty == "OKP" && jwk.crv == "Ed25519" && eddsa) {
    auto x = parse_base64url(jwk.x);
    return TokenKey::ed25519(jwk.kid, x.value_or(""));
  }
  return nullptr;
}

Result<std::vector<TokenKeyPointer>> parse_json_set(const std::string& text) {
  const auto refused = [](const std::string& why) {
    return fail(Code::invalid, "it is no JSON Web Key Set: " + why);
  };
  if (json_depth(text) > kJsonDepthMax) return refused("it nests too deeply");
  JsonReader reader;
  if (const auto kind = reader.parse(text); !kind) return refused(kind.error());
  const auto keys = std::ranges::find(reader.members(), "keys", &JsonMember::name);
  if (keys == reader.members().end() || keys->value.kind != JsonKind::array) {
    return refused("it has no array \"keys\"");
  }
  JsonReader elements;
  if (const auto kind = elements.parse(keys->value.text); !kind) return refused(kind.error());
  if (elements.members().size() > kKeySetKeysMax) {
    return refused(fmt::format("it has more than {} keys", kKeySetKeysMax));
  }
  std::vector<TokenKeyPointer> found;
  for (size_t i = 0; i < elements.members().size(); ++i) {
    const auto jwk = read_jwk(elements.members()[i].value.text);
    auto key = jwk ? key_of_jwk(*jwk) : std::unexpected(jwk.error());
    if (!key) return refused(fmt::format("keys[{}]: {}", i, key.error().message));
    if (!*key) continue;
    const bool twice = std::ranges::any_of(found, [&](const TokenKeyPointer& other) {
      return !(*key)->id().empty() && other->id() == (*key)->id();
    });
    if (twice) return refused(fmt::format("keys[{}] has the \"kid\" of another", i));
    found.push_back(std::move(*key));
  }
  if (found.empty()) return refused("it has no key for RS256, ES256 or EdDSA");
  return found;
}

}  // namespace

Result<std::vector<TokenKeyPointer>> parse_key_set(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string::npos && text[begin] == '{') return parse_json_set(text);
  if (text.contains("PRIVATE KEY-----")) {
    return fail(Code::invalid,
                "it holds a private key, which does not belong here: give the "
                "public key (openssl pkey -pubout)");
  }
  auto key = TokenKey::from_pem(text);
  if (!key) return std::unexpected(key.error());
  return std::vector<TokenKeyPointer>{std::move(*key)};
}

}  // namespace strandline::server
