#include "server/jwt/token.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "engine/api/event_rules.h"
#include "engine/api/options.h"
#include "server/http/request_head.h"
#include "server/json/base64.h"
#include "server/json/json_reader.h"
#include "server/jwt/json_depth.h"
#include "server/wire/key_json.h"

namespace strandline::server {
namespace {

constexpr std::array<std::string_view, kTokenFaults> kFaultNames = {
    "malformed",    "too-large", "too-deep", "critical", "type",    "algorithm",
    "unknown-key",  "signature", "issuer",   "audience", "expired", "not-yet-valid",
    "issued-ahead", "no-expiry", "subject",  "grants"};
constexpr size_t kSubjectBytesMax = 256;
// Of keys without an id, each of which a token may have been signed with.
constexpr size_t kTriesMax = 8;
constexpr double kSecondsMax = 253'402'300'799;  // the end of the year 9999
constexpr double kUsPerSecond = 1e6;

using Fault = std::unexpected<TokenFault>;

// A JSON object that a token holds, by name.
class Claims {
 public:
  std::expected<void, TokenFault> parse(std::string_view encoded) {
    auto decoded = parse_base64url(encoded);
    if (!decoded) return Fault(TokenFault::malformed);
    text_ = std::move(*decoded);
    if (json_depth(text_) > kJsonDepthMax) return Fault(TokenFault::too_deep);
    const auto kind = reader_.parse(text_);
    if (!kind || *kind != JsonKind::object) return Fault(TokenFault::malformed);
    return {};
  }
  const JsonValue* find(std::string_view name) const {
    const auto at = std::ranges::find(reader_.members(), name, &JsonMember::name);
    return at == reader_.members().end() ? nullptr : &at->value;
  }
  std::optional<std::string_view> string(std::string_view name) {
    const JsonValue* value = find(name);
    if (!value || value->kind != JsonKind::string) return std::nullopt;
    return reader_.string(*value);
  }
  std::string_view characters(const JsonValue& value) {
    return value.kind == JsonKind::string ? reader_.string(value) : std::string_view();
  }
  // A time in seconds, which may have a fraction. Nothing: it is not there.
  std::expected<std::optional<Timestamp>, TokenFault> time(std::string_view name) const {
    const JsonValue* value = find(name);
    if (!value) return std::nullopt;
    double seconds = -1;
    const char* end = value->text.data() + value->text.size();
    const auto [stop, error] = std::from_chars(value->text.data(), end, seconds);
    const bool good = value->kind == JsonKind::number && error == std::errc() && stop == end;
    if (!good || !(seconds >= 0 && seconds <= kSecondsMax)) return Fault(TokenFault::malformed);
    return Timestamp{static_cast<int64_t>(seconds * kUsPerSecond)};
  }

 private:
  std::string text_;
  JsonReader reader_;
};

// RFC 8725, section 3.11: a token that says it is something else is not taken for one of access.
bool is_access_type(std::string_view type) {
  constexpr std::string_view kApplication = "application/";
  if (type.size() > kApplication.size() &&
      same_ignoring_case(type.substr(0, kApplication.size()), kApplication)) {
    type.remove_prefix(kApplication.size());
  }
  return same_ignoring_case(type, "JWT") || same_ignoring_case(type, "at+jwt");
}

// The key that has signed it, if one of these has.
std::expected<TokenKeyPointer, TokenFault> find_signer(Claims& head, std::string_view message,
                                                       std::string_view signature,
                                                       std::span<const TokenKeyPointer> keys) {
  if (head.find("crit")) return Fault(TokenFault::critical);
  if (head.find("typ")) {
    const auto type = head.string("typ");
    if (!type || !is_access_type(*type)) return Fault(TokenFault::type);
  }
  const auto algorithm = head.string("alg");
  if (!algorithm) return Fault(TokenFault::algorithm);
  const auto id = head.string("kid");
  if (head.find("kid") && !id) return Fault(TokenFault::malformed);
  // Where a key has the token's id, those without one are not asked.
  const bool has_id =
      id && std::ranges::any_of(keys, [&](const TokenKeyPointer& key) { return key->id() == *id; });
  bool known = false;
  size_t tries = 0;
  for (const TokenKeyPointer& key : keys) {
    if (id && (has_id || !key->id().empty()) && key->id() != *id) continue;
    if (name_of(key->algorithm()) != *algorithm) {
      if (id && key->id() == *id) return Fault(TokenFault::algorithm);
      continue;
    }
    known = true;
    if (++tries > kTriesMax) break;
    if (key->verifies(message, signature)) return key;
  }
  if (known) return Fault(TokenFault::signature);
  // The first key of its algorithm may be one that is not read yet.
  const bool may_come = id && (*algorithm == name_of(TokenAlgorithm::rs256) ||
                               *algorithm == name_of(TokenAlgorithm::es256) ||
                               *algorithm == name_of(TokenAlgorithm::eddsa));
  const bool has_such = std::ranges::any_of(
      keys, [&](const TokenKeyPointer& key) { return name_of(key->algorithm()) == *algorithm; });
  return Fault(may_come || has_such ? TokenFault::unknown_key : TokenFault::algorithm);
}

bool names_audience(Claims& claims, const std::string& wanted) {
  const JsonValue* value = claims.find("aud");
  if (!value) return false;
  if (value->kind == JsonKind::string) return claims.characters(*value) == wanted;
  JsonReader elements;
  if (value->kind != JsonKind::array || !elements.parse(value->text)) return false;
  return std::ranges::any_of(elements.members(), [&](const JsonMember& member) {
    return member.value.kind == JsonKind::string && elements.string(member.value) == wanted;
  });
}

std::expected<Timestamp, TokenFault> check_times(const Claims& claims, const TokenRules& rules,
                                                 Timestamp now) {
  const int64_t leeway_us = rules.leeway / std::chrono::microseconds(1);
  const auto ends = claims.time("exp");
  const auto begins = claims.time("nbf");
  const auto issued = claims.time("iat");
  if (!ends || !begins || !issued) return Fault(TokenFault::malformed);
  if (!*ends) return Fault(TokenFault::no_expiry);
  const Timestamp until{(*ends)->us + leeway_us};
  if (now >= until) return Fault(TokenFault::expired);
  if (*begins && (*begins)->us > now.us + leeway_us) return Fault(TokenFault::not_yet_valid);
  // Its issuer's clock is ahead, or it is made up.
  if (*issued && (*issued)->us > now.us + leeway_us) return Fault(TokenFault::issued_ahead);
  return until;
}

std::expected<std::vector<Grant>, TokenFault> grants_in(Claims& claims, const std::string& name) {
  const JsonValue* value = claims.find(name);
  if (!value) return Fault(TokenFault::grants);
  auto grants = read_grants(*value, claims.characters(*value));
  static const Limits limits;
  if (!grants || !check_grants(*grants, limits.name_bytes_max)) return Fault(TokenFault::grants);
  return std::move(*grants);
}

}  // namespace

std::string_view name_of(TokenFault fault) { return kFaultNames[static_cast<size_t>(fault)]; }

std::expected<TokenPointer, TokenFault> verify_token(std::string_view text,
                                                     std::span<const TokenKeyPointer> keys,
                                                     const TokenRules& rules, Timestamp now) {
  if (text.size() > kTokenBytesMax) return Fault(TokenFault::too_large);
  const size_t first = text.find('.');
  const size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos || text.find('.', second + 1) != text.npos) {
    return Fault(TokenFault::malformed);
  }
  const auto signature = parse_base64url(text.substr(second + 1));
  if (!signature) return Fault(TokenFault::malformed);
  Claims head;
  if (auto ok = head.parse(text.substr(0, first)); !ok) return Fault(ok.error());
  auto key = find_signer(head, text.substr(0, second), *signature, keys);
  if (!key) return Fault(key.error());

  // Nothing of it was looked at before somebody who is trusted was known to have said it.
  Claims claims;
  if (auto ok = claims.parse(text.substr(first + 1, second - first - 1)); !ok) {
    return Fault(ok.error());
  }
  if (claims.string("iss") != rules.issuer) return Fault(TokenFault::issuer);
  if (!names_audience(claims, rules.audience)) return Fault(TokenFault::audience);
  const auto until = check_times(claims, rules, now);
  if (!until) return Fault(until.error());
  const auto subject = claims.string("sub");
  if (!subject || subject->empty() || subject->size() > kSubjectBytesMax ||
      !is_plain_text(*subject)) {
    return Fault(TokenFault::subject);
  }
  auto grants = grants_in(claims, rules.grants_claim);
  if (!grants) return Fault(grants.error());
  return std::make_shared<const Token>(Token{.identity = {.name = std::string(*subject),
                                                          .grants = Grants(std::move(*grants)),
                                                          .created = now,
                                                          .expires = *until},
                                             .key = std::move(*key)});
}

}  // namespace strandline::server
