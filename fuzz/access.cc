// What strangers show and administrators write: the Authorization header, tickets, grants as text
// and as JSON.
#include "engine/api/access.h"

#include "engine/base/check.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "server/base/secret.h"
#include "server/connection/ticket.h"
#include "server/http/authorization.h"
#include "server/wire/key_json.h"

namespace strandline::server {
namespace {

void check_shown(std::string_view value) {
  const auto shown = parse_authorization(value);
  if (!shown) {
    CHECK_TRUE(!shown.error().empty());
    return;
  }
  CHECK_LE(shown->secret.size(), value.size());
}

// Nobody makes a ticket without the secret's digest; and one that was made is read as it was.
void check_ticket(std::string_view bytes) {
  const auto key = std::make_shared<ApiKey>(ApiKey{.name = "k",
                                                   .digest = std::string(kSecretDigestBytes, 'd'),
                                                   .grants = Grants(std::vector<Grant>{Grant()})});
  ApiKeys keys;
  keys.put(key);
  CHECK_TRUE(!read_ticket(bytes, {.keys = keys}, {}));
  CHECK_TRUE(!read_ticket("strt_" + std::string(bytes), {.keys = keys}, {}));
  const Principal principal(key, key->digest, Credential::bearer);
  const std::vector<Grant> grants = {
      {.action = Action::read, .name = std::string(bytes.substr(0, 200))}};
  const auto made = make_ticket(principal, grants, Timestamp{10}, {});
  CHECK_TRUE(made);
  CHECK_TRUE(read_ticket(*made, {.keys = keys}, Timestamp{9}));
  CHECK_TRUE(!read_ticket(*made, {.keys = keys}, Timestamp{10}));
}

void check_grants_read(const std::vector<Grant>& grants) {
  if (!check_grants(grants, 255)) return;
  const Grants all(grants);
  for (const Grant& grant : grants) {
    CHECK_TRUE(all.allow_something(grant.action));
    if (!grant.prefix) CHECK_TRUE(all.allow(grant.action, grant.name));
    const auto again = parse_grants(render_grant(grant));
    CHECK_TRUE(again);
    CHECK_EQ(again->size(), 1u);
    CHECK_TRUE(again->front() == grant);
  }
  // What all below a name allows, it allows.
  if (all.allow_all_below(Action::read, "a")) CHECK_TRUE(all.allow(Action::read, "ab"));
  std::string json = "{\"grants\":";
  render_grants(json, grants);
  json += '}';
  auto fields = JsonFields::parse(json, {"grants"});
  CHECK_TRUE(fields);
  const auto read = read_grants(*fields);
  CHECK_TRUE(read);
  CHECK_TRUE(*read == grants);
}

}  // namespace
}  // namespace strandline::server

FUZZ_TARGET(access) {
  using namespace strandline;
  fuzz::Input input(bytes);
  const uint8_t kind = input.byte() % 4;
  const std::string_view rest = input.rest();
  if (kind == 0) server::check_shown(rest);
  if (kind == 1) server::check_ticket(rest);
  if (kind == 2) {
    if (const auto grants = parse_grants(rest)) server::check_grants_read(*grants);
  }
  if (kind == 3) {
    auto fields = server::JsonFields::parse(rest, {"grants"});
    if (!fields) return;
    if (const auto grants = server::read_grants(*fields)) server::check_grants_read(*grants);
  }
}
