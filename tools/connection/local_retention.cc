#include "tools/connection/local_retention.h"

#include "server/json/json_writer.h"
#include "server/wire/policy_json.h"
#include "server/wire/retention_json.h"

namespace strandline::tools {
namespace {

void add_policy(std::string& out, const std::string& prefix, const Policy& policy) {
  out += "{\"prefix\":";
  server::render_string(out, prefix);
  out += ",\"policy\":";
  server::render_policy(out, policy);
  out += '}';
}

}  // namespace

std::string local_policies(const Log& log) {
  std::string out = "{\"policies\":[";
  for (const ScopedPolicy& one : log.policies()) {
    if (!out.ends_with('[')) out += ',';
    add_policy(out, one.scope.name, one.policy);
  }
  return out + "]}";
}

Result<std::string> change_local_policy(Log& log, std::string prefix, PolicyChange change) {
  const auto policy = log.change_policy(prefix, std::move(change));
  if (!policy) return std::unexpected(policy.error());
  std::string out;
  add_policy(out, prefix, *policy);
  return out;
}

std::string local_holds(const Log& log) {
  std::string out = "{\"holds\":[";
  for (const Hold& hold : log.holds()) {
    if (!out.ends_with('[')) out += ',';
    server::render_hold(out, hold, log.now());
  }
  return out + "]}";
}

Result<std::string> lay_local_hold(Log& log, NewHold hold) {
  const auto laid = log.hold(std::move(hold));
  if (!laid) return std::unexpected(laid.error());
  std::string out;
  server::render_hold(out, *laid, log.now());
  return out;
}

std::string local_retention(const Log& log) {
  std::string out;
  server::render_retention(out, log.retention());
  return out;
}

}  // namespace strandline::tools
