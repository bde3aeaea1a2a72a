// Which tokens are good, and why the others are not: algorithms, keys, times, forms.
#include "server/jwt/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/secret.h"
#include "server/jwt/json_depth.h"
#include "server/jwt/key_set.h"
#include "tests/support/http/tokens.h"

namespace strandline::tests {
namespace {

using server::TokenFault;
using server::TokenKey;
using server::TokenKeyPointer;

class Tokens : public ::testing::Test {
 protected:
  static std::vector<TokenKeyPointer> keys_in(const std::string& text) {
    auto keys = server::parse_key_set(text);
    EXPECT_TRUE(keys) << keys.error().message;
    return keys ? *keys : std::vector<TokenKeyPointer>();
  }
  // What is wrong with it, in a word; empty: it is good.
  std::string fault(const std::string& token, int64_t later_s = 0) const {
    const auto verified =
        server::verify_token(token, keys_, rules_, Timestamp{(now_s() + later_s) * 1'000'000});
    return verified ? "" : std::string(name_of(verified.error()));
  }
  std::string fault_of(const std::string& claims) const { return fault(signer_.sign(claims)); }

  const TokenSigner signer_{"ES256", "one"};
  std::vector<TokenKeyPointer> keys_ = keys_in(jwks({signer_.jwk()}));
  const server::TokenRules rules_{.issuer = "https://id.example", .audience = "strandline"};
};

TEST_F(Tokens, OfEachAlgorithmAreVerifiedByKeysOfEachForm) {
  for (const char* algorithm : {"RS256", "ES256", "EdDSA"}) {
    SCOPED_TRACE(algorithm);
    const TokenSigner signer(algorithm, "k"), other(algorithm, "k");
    for (const std::string& text : {jwks({signer.jwk()}), signer.pem()}) {
      keys_ = keys_in(text);
      std::string token = signer.sign(good_claims());
      EXPECT_EQ(fault(token), "");
      EXPECT_EQ(fault(other.sign(good_claims())), "signature");
      // Of a signature's last character some bits may belong to no byte.
      for (size_t i = token.rfind('.') + 1; i + 1 < token.size(); i += 7) {
        std::string changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_EQ(fault(changed), "signature") << i;
      }
      EXPECT_NE(fault(token.substr(0, token.size() - 4)), "");
    }
  }
  const TokenSigner shared("HS256");
  keys_ = {*TokenKey::from_secret(shared.secret())};
  EXPECT_EQ(fault(shared.sign(good_claims())), "");
  EXPECT_EQ(fault(TokenSigner("HS256", "other").sign(good_claims())), "signature");
}

TEST_F(Tokens, AreVerifiedByTheKeysAlgorithmAndByNoOther) {
  EXPECT_EQ(fault(signer_.sign(good_claims(), R"({"alg":"none"})")), "algorithm");
  EXPECT_EQ(fault(compact(R"({"alg":"none"})", good_claims(), "")), "algorithm");
  EXPECT_EQ(fault(compact(R"({"alg":"NONE","kid":"one"})", good_claims(), "")), "algorithm");
  for (const char* alg : {"es256", "ES384", "RS256", "HS256", "EdDSA", "", "PS256"}) {
    EXPECT_EQ(fault(signer_.sign(good_claims(), "{\"alg\":\"" + std::string(alg) + "\"}")),
              "algorithm")
        << alg;
    EXPECT_EQ(fault(signer_.sign(good_claims(),
                                 "{\"alg\":\"" + std::string(alg) + "\",\"kid\":\"one\"}")),
              "algorithm")
        << alg;
  }
  EXPECT_EQ(fault(signer_.sign(good_claims(), R"({"kid":"one"})")), "algorithm");
  EXPECT_EQ(fault(signer_.sign(good_claims(), R"({"alg":["ES256"],"kid":"one"})")), "algorithm");
}

TEST_F(Tokens, APublicKeyIsNoSecret) {
  const TokenSigner rsa("RS256", "k");
  keys_ = keys_in(rsa.pem());
  const std::string message = base64url(R"({"alg":"HS256"})") + "." + base64url(good_claims());
  const std::string forged =
      message + "." + base64url(server::authentication_code(rsa.pem(), message));
  EXPECT_EQ(fault(forged), "algorithm");
  keys_.push_back(*TokenKey::from_secret(std::string(32, 's')));
  EXPECT_EQ(fault(forged), "signature");
}

TEST_F(Tokens, AreNotLedAstrayByTheirHeads) {
  const auto with = [&](const std::string& head) {
    return fault(signer_.sign(good_claims(), head));
  };
  EXPECT_EQ(with(R"({"alg":"ES256","kid":"one"})"), "");
  EXPECT_EQ(with(R"({"alg":"ES256"})"), "");
  for (const char* kid : {"../../dev/null", "one' OR '1'='1", "", "two", "one\\u0000", "ONE"}) {
    EXPECT_EQ(with("{\"alg\":\"ES256\",\"kid\":\"" + std::string(kid) + "\"}"), "unknown-key")
        << kid;
  }
  EXPECT_EQ(with(R"({"alg":"ES256","kid":1})"), "malformed");
  EXPECT_EQ(with(R"({"alg":"ES256","kid":"one","kid":"one"})"), "malformed");
  EXPECT_EQ(with(R"({"alg":"ES256","alg":"none"})"), "malformed");
  EXPECT_EQ(with(R"({"alg":"ES256","crit":["exp"]})"), "critical");
  EXPECT_EQ(with(R"({"alg":"ES256","crit":[]})"), "critical");
  EXPECT_EQ(with(R"({"alg":"ES256","b64":false,"crit":["b64"]})"), "critical");
  EXPECT_EQ(with(R"({"alg":"ES256","typ":"at+jwt"})"), "");
  EXPECT_EQ(with(R"({"alg":"ES256","typ":"application/JWT"})"), "");
  EXPECT_EQ(with(R"({"alg":"ES256","typ":"logout+jwt"})"), "type");
  // A key of its own, wherever it says that it is, is not looked at.
  const TokenSigner own("ES256");
  for (const std::string& place :
       {"\"jwk\":" + own.jwk(), std::string(R"("jku":"http://127.0.0.1:1/")"),
        std::string(R"("x5u":"http://127.0.0.1:1/")")}) {
    EXPECT_EQ(fault(own.sign(good_claims(), "{\"alg\":\"ES256\"," + place + "}")), "signature");
  }
}

TEST_F(Tokens, AreForThisServerAndOfItsIssuer) {
  const auto with = [&](const std::string& issuer, const std::string& audience) {
    std::string claims =
        "{\"sub\":\"a\",\"grants\":\"admin\",\"exp\":" + std::to_string(now_s() + 9);
    if (!issuer.empty()) claims += ",\"iss\":" + issuer;
    if (!audience.empty()) claims += ",\"aud\":" + audience;
    return fault_of(claims + "}");
  };
  const std::string good = R"("https://id.example")";
  EXPECT_EQ(with(good, R"("strandline")"), "");
  EXPECT_EQ(with(good, R"(["other","strandline"])"), "");
  for (const char* issuer : {"", R"("https://id.example/")", R"("https://evil.example")", "1",
                             R"(["https://id.example"])"}) {
    EXPECT_EQ(with(issuer, R"("strandline")"), "issuer") << issuer;
  }
  for (const char* audience :
       {"", R"("other")", "[]", R"(["other"])", R"([["strandline"]])", "{}", R"("strandline ")"}) {
    EXPECT_EQ(with(good, audience), "audience") << audience;
  }
}

TEST_F(Tokens, HaveTheirTimeWithALeewayThatIsStated) {
  const int64_t leeway = rules_.leeway.count();
  const std::string token = signer_.sign(good_claims("\"admin\"", "", 10));
  EXPECT_EQ(fault(token, 10 + leeway - 3), "");
  EXPECT_EQ(fault(token, 10 + leeway + 2), "expired");
  const auto at = [&](const char* claim, int64_t in_s) {
    return fault_of(good_claims(
        "\"admin\"", ",\"" + std::string(claim) + "\":" + std::to_string(now_s() + in_s)));
  };
  EXPECT_EQ(at("nbf", leeway - 1), "");
  EXPECT_EQ(at("nbf", leeway + 60), "not-yet-valid");
  EXPECT_EQ(at("iat", leeway - 1), "");
  EXPECT_EQ(at("iat", leeway + 60), "issued-ahead") << "a clock that is ahead";
  EXPECT_EQ(at("iat", -100'000), "");
  EXPECT_EQ(
      fault_of(R"({"iss":"https://id.example","aud":"strandline","sub":"a","grants":"admin"})"),
      "no-expiry");
  for (const char* exp : {"\"9999999999\"", "-1", "1e400", "true", "null", "1e13"}) {
    EXPECT_EQ(fault_of("{\"iss\":\"https://id.example\",\"aud\":\"strandline\",\"sub\":\"a\","
                       "\"grants\":\"admin\",\"exp\":" +
                       std::string(exp) + "}"),
              "malformed")
        << exp;
  }
}

TEST_F(Tokens, SayWhoItIsAndWhatItMay) {
  for (const char* grants : {R"("append,read:orders/*")", R"(["append:orders/*","read:orders/*"])",
                             R"([{"action":"append","prefix":"orders/"},"read:orders/*"])"}) {
    const auto token = server::verify_token(signer_.sign(good_claims(grants)), keys_, rules_,
                                            Timestamp{now_s() * 1'000'000});
    ASSERT_TRUE(token) << grants;
    EXPECT_EQ((*token)->identity.name, "alice");
    EXPECT_TRUE((*token)->identity.grants.allow(Action::append, "orders/1"));
    EXPECT_TRUE((*token)->identity.grants.allow(Action::read, "orders/1"));
    EXPECT_FALSE((*token)->identity.grants.allow(Action::read, "other"));
  }
  for (const char* grants : {"null", "[]", "{}", "1", R"("reed:a")", R"("read")", R"(["admin",1])",
                             R"([["admin"]])", R"([{"action":"admin","stream":"a"}])"}) {
    EXPECT_EQ(fault_of(good_claims(grants)), "grants") << grants;
  }
  const std::string rest = ",\"iss\":\"https://id.example\",\"aud\":\"strandline\",\"exp\":" +
                           std::to_string(now_s() + 60) + "}";
  EXPECT_EQ(fault_of("{\"sub\":\"a\"" + rest), "grants");
  EXPECT_EQ(fault_of("{\"grants\":\"admin\"" + rest), "subject");
  EXPECT_EQ(fault_of("{\"sub\":\"\",\"grants\":\"admin\"" + rest), "subject");
  EXPECT_EQ(fault_of("{\"sub\":\"a\\nb\",\"grants\":\"admin\"" + rest), "subject");
}

TEST_F(Tokens, OfNoFormOrTooLargeOrTooDeepAreRefused) {
  const std::string good = signer_.sign(good_claims());
  for (const std::string& token :
       {std::string(), std::string("."), std::string(".."), std::string("..."), good + ".",
        good + "=", "." + good, good.substr(0, good.rfind('.')), " " + good, good + "\n"}) {
    EXPECT_EQ(fault(token), "malformed") << token;
  }
  EXPECT_EQ(fault(signer_.sign("[]")), "malformed");
  EXPECT_EQ(fault(signer_.sign("{\"iss\":")), "malformed");
  EXPECT_EQ(fault(signer_.sign(good_claims("\"admin\"", ",\"sub\":\"bob\""))), "malformed");
  EXPECT_EQ(
      fault(signer_.sign(good_claims("\"admin\"", ",\"x\":\"" + std::string(8'192, 'x') + "\""))),
      "too-large");
  const std::string deep = std::string(1'000, '[') + std::string(1'000, ']');
  EXPECT_EQ(fault(signer_.sign(good_claims("\"admin\"", ",\"x\":" + deep))), "too-deep");
  EXPECT_EQ(fault(signer_.sign(good_claims(), "{\"alg\":\"ES256\",\"x\":" + deep + "}")),
            "too-deep");
  EXPECT_EQ(server::json_depth(R"({"a":"[[[\"[[","b":[[]]})"), 3u);
}

TEST_F(Tokens, KeySetsAreTakenWholeOrNotAtAll) {
  const TokenSigner rsa("RS256", "a"), ec("ES256", "b"), ed("EdDSA", "c"), secret("HS256", "d");
  const std::string other =
      R"({"kty":"EC","crv":"P-384","kid":"e","x":"AAAA","y":"AAAA"},)"
      R"({"kty":"RSA","use":"enc","kid":"f","n":"AQAB","e":"AQAB"},)"
      R"({"kty":"RSA","alg":"RS512","kid":"g","n":"AQAB","e":"AQAB"},{"kty":"new"})";
  EXPECT_EQ(keys_in(jwks({rsa.jwk(), other, ec.jwk(), ed.jwk()})).size(), 3u);
  const auto why = [](const std::string& text) {
    const auto keys = server::parse_key_set(text);
    return keys ? "" : keys.error().message;
  };
  using testing::HasSubstr;
  EXPECT_THAT(why(jwks({rsa.jwk(), secret.jwk()})), HasSubstr("--jwt-secret-file"));
  EXPECT_THAT(why(jwks({ec.jwk(), TokenSigner("ES256", "b").jwk()})), HasSubstr("of another"));
  EXPECT_THAT(why(jwks({other})), HasSubstr("no key for"));
  EXPECT_THAT(why(jwks({})), HasSubstr("no key for"));
  EXPECT_THAT(why(jwks({R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"})), HasSubstr("bits"));
  EXPECT_THAT(why(jwks({R"({"kty":"RSA","n":"!","e":"AQAB"})"})), HasSubstr("numbers"));
  EXPECT_THAT(
      why(jwks({"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" + base64url(std::string(32, 1)) +
                "\",\"y\":\"" + base64url(std::string(32, 1)) + "\"}"})),
      HasSubstr("not on P-256"));
  EXPECT_THAT(why(jwks({R"({"kty":"OKP","crv":"Ed25519","x":"AQAB"})"})), HasSubstr("32 bytes"));
  EXPECT_THAT(why("{\"keys\":" + std::string(100, '[') + std::string(100, ']') + "}"),
              HasSubstr("deeply"));
  for (const char* text : {"{", "{}", R"({"keys":{}})", R"({"keys":[1]})", "[]", "", "key"}) {
    EXPECT_NE(why(text), "") << text;
  }
  EXPECT_THAT(why("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"),
              HasSubstr("private key"));
  EXPECT_FALSE(TokenKey::from_secret(std::string(31, 's')));
}

}  // namespace
}  // namespace strandline::tests
