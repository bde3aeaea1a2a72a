// Policies and legal holds in JSON: what a request asks for, and what is told of them.
//
//   {"age_max_s":86400,"bytes_max":"none","audit":true}     of a policy: null takes a field back
//   {"age_max_s":{"value":86400,"from":{"prefix":"git."}}}  what holds, and by whose word
//   {"hold":NAME,"prefix":"a.","reason":R,"by":WHO,"created":T,"until":T|null,"in_force":true}
//
// *Errors*: a sentence for a 422.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "engine/api/hold.h"
#include "engine/api/policy.h"
#include "server/http/query.h"

namespace strandline::server {

struct PolicyRequest {
  PolicyChange change;
  std::map<std::string, std::string, std::less<>> texts;  // the other members that are there
};
// One object. Besides the fields of policies it may have members of these names, which are strings.
Parsed<PolicyRequest> read_policy(std::string_view json,
                                  std::initializer_list<std::string_view> texts);

void render_policy(std::string& out, const Policy& policy);
void render_change(std::string& out, const PolicyChange& change);  // a request's
void render_effective(std::string& out, const EffectivePolicy& policy);
void render_scope(std::string& out, const NameScope& scope);  // "stream":S or "prefix":P

void render_hold(std::string& out, const Hold& hold, Timestamp now);

}  // namespace strandline::server
