// JSON Web Tokens and key sets: as they come, and with a signature that is good, behind which the
// claims are read.
#include "engine/base/check.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "server/base/secret.h"
#include "server/json/base64.h"
#include "server/jwt/json_depth.h"
#include "server/jwt/key_set.h"
#include "server/jwt/token.h"

namespace strandline::server {
namespace {

constexpr Timestamp kNow{1'800'000'000'000'000};

std::string for_url(std::string_view bytes) {
  std::string out;
  render_base64(out, bytes);
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  CHECK_TRUE(*parse_base64url(out) == bytes);
  return out;
}

const TokenRules& rules() {
  static const TokenRules all{.issuer = "i", .audience = "a"};
  return all;
}

const std::vector<TokenKeyPointer>& keys(const std::string& secret) {
  static const std::vector<TokenKeyPointer> all = {*TokenKey::from_secret(secret)};
  return all;
}

void check_good(const Token& token) {
  CHECK_TRUE(!token.identity.name.empty());
  CHECK_TRUE(token.identity.expires && kNow < *token.identity.expires);
  CHECK_TRUE(check_grants(token.identity.grants.list(), 255));
}

// Nobody without the secret makes a good one.
void check_token(std::string_view text) {
  CHECK_TRUE(!verify_token(text, keys(std::string(32, 's')), rules(), kNow));
}

void check_signed(std::string_view head, std::string_view claims) {
  const std::string secret(32, 's');
  const std::string message = for_url(head) + "." + for_url(claims);
  const std::string text = message + "." + for_url(authentication_code(secret, message));
  const auto token = verify_token(text, keys(secret), rules(), kNow);
  if (!token) return;
  CHECK_LE(json_depth(head), kJsonDepthMax);
  CHECK_LE(json_depth(claims), kJsonDepthMax);
  check_good(**token);
}

void check_set(const std::string& text) {
  const auto set = parse_key_set(text);
  if (!set) {
    CHECK_TRUE(!set.error().message.empty());
    return;
  }
  CHECK_TRUE(!set->empty() && set->size() <= kKeySetKeysMax);
  for (const TokenKeyPointer& key : *set) {
    CHECK_EQ(key->thumbprint().size(), 32u);
    CHECK_TRUE(key->algorithm() != TokenAlgorithm::hs256);
    CHECK_TRUE(!key->verifies("message", std::string(64, '\0')));
  }
}

}  // namespace
}  // namespace strandline::server

FUZZ_TARGET(tokens) {
  using namespace strandline;
  fuzz::Input input(bytes);
  switch (input.byte() % 3) {
    case 0:
      return server::check_token(input.rest());
    case 1: {
      const std::string_view head = input.up_to('\n');
      return server::check_signed(head, input.rest());
    }
    default:
      return server::check_set(std::string(input.rest()));
  }
}
