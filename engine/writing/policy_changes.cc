#include "engine/writing/policy_changes.h"

#include <fmt/format.h>

namespace strandline {

Status put_policy(LogState& log, CommitGroup& group, const NameScope& scope, const Policy& policy) {
  const PolicySet& policies = log.policies.assigned();
  const size_t most = log.options.limits.policies_max;
  if (!policy.empty() && !policies.own(scope) && policies.size() >= most) {
    return fail(Code::limit, fmt::format("a log has at most {} policies: give streams one prefix, "
                                         "and set that",
                                         most));
  }
  PolicySet next = policies;
  next.put(scope, policy);
  if (auto wrong = next.contradiction()) return fail(Code::invalid, *wrong);
  log.policies.put(group, scope, policy);
  return {};
}

Result<Outcome> change_stream(LogState& log, CommitGroup& group, const ChangeStream& request) {
  Stream* stream = log.streams.find(request.name);
  if (!stream || stream->id == kLogStream || !stream->assigned.exists) {
    return fail(Code::not_found, fmt::format("no stream \"{}\"", request.name));
  }
  if (!request.change.policy.empty()) {
    const NameScope scope{.prefix = false, .name = request.name};
    const Policy* own = log.policies.assigned().own(scope);
    const Policy policy = changed(own ? *own : Policy(), request.change.policy);
    if (auto ok = put_policy(log, group, scope, policy); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
  }
  if (request.change.description) {
    log.streams.describe(group, *stream, *request.change.description);
  }
  return Outcome{};
}

Result<Outcome> change_policy(LogState& log, CommitGroup& group, const ChangePolicy& request) {
  const NameScope scope{.prefix = true, .name = request.prefix};
  const Policy* own = log.policies.assigned().own(scope);
  const Policy policy = changed(own ? *own : Policy(), request.change);
  if (auto ok = put_policy(log, group, scope, policy); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  return Outcome{};
}

Result<Outcome> lay_hold(LogState& log, CommitGroup& group, const LayHold& request) {
  const NewHold& wanted = request.hold;
  const HoldList& holds = log.holds.assigned();
  if (holds.contains(wanted.name)) {
    return fail(Code::exists,
                fmt::format("hold \"{}\" exists: release it, or take another name", wanted.name));
  }
  const size_t most = log.options.limits.holds_max;
  if (holds.size() >= most) {
    return fail(Code::limit, fmt::format("a log has at most {} holds", most));
  }
  log.holds.put(group, {.name = wanted.name,
                        .scope = wanted.scope,
                        .reason = wanted.reason,
                        .by = request.by,
                        .created = group.stored,
                        .until = wanted.until});
  return Outcome{};
}

Result<Outcome> release_hold(LogState& log, CommitGroup& group, const ReleaseHold& request) {
  if (!log.holds.assigned().contains(request.name)) {
    return fail(Code::not_found, fmt::format("no hold \"{}\"", request.name));
  }
  log.holds.release(group, request.name);
  return Outcome{};
}

Result<Outcome> pause_retention(LogState& log, CommitGroup& group, const PauseRetention& request) {
  if (log.retention.is_paused()) return Outcome{.retried = true};
  log.retention.pause(group, request.pause);
  return Outcome{};
}

Result<Outcome> confirm_clock(LogState& log, CommitGroup& group) {
  if (!log.retention.is_paused()) {
    return fail(Code::conflict, "retention is not paused: there is nothing to confirm");
  }
  log.retention.confirm(group);
  return Outcome{};
}

}  // namespace strandline
