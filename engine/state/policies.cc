#include "engine/state/policies.h"

#include <fmt/format.h>

#include "engine/format/policy_record.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

// --- The set.

const Policy* PolicySet::own(const NameScope& scope) const {
  const Named& named = scope.prefix ? prefixes_ : streams_;
  const auto found = named.find(scope.name);
  return found == named.end() ? nullptr : &found->second;
}

const PolicyValue* PolicySet::find(std::string_view stream, PolicyField field,
                                   NameScope* from) const {
  if (!says(field)) return nullptr;
  const auto said_by = [&](const Named& named, std::string_view name,
                           bool prefix) -> const PolicyValue* {
    const auto found = named.find(name);
    if (found == named.end()) return nullptr;
    const auto value = found->second.find(field);
    if (value == found->second.end()) return nullptr;
    if (from) *from = {.prefix = prefix, .name = std::string(name)};
    return &value->second;
  };
  if (const auto* value = said_by(streams_, stream, false)) return value;
  if (stream.starts_with('$')) return nullptr;
  for (const auto& [length, count] : lengths_) {
    if (length > stream.size()) continue;
    if (const auto* value = said_by(prefixes_, stream.substr(0, length), true)) return value;
  }
  return nullptr;
}

uint64_t PolicySet::amount(std::string_view stream, PolicyField field) const {
  const PolicyValue* value = find(stream, field);
  return value ? std::get<uint64_t>(*value) : kNoLimit;
}

bool PolicySet::flag(std::string_view stream, PolicyField field) const {
  const PolicyValue* value = find(stream, field);
  return value && std::get<bool>(*value);
}

std::string PolicySet::text(std::string_view stream, PolicyField field) const {
  const PolicyValue* value = find(stream, field);
  return value ? std::get<std::string>(*value) : std::string();
}

EffectivePolicy PolicySet::of(std::string_view stream) const {
  EffectivePolicy effective;
  for (const PolicyRow& row : kPolicyTable) {
    NameScope from;
    if (const PolicyValue* value = find(stream, row.field, &from)) {
      effective[row.field] = {*value, std::move(from)};
    }
  }
  return effective;
}

std::vector<ScopedPolicy> PolicySet::all() const {
  std::vector<ScopedPolicy> out;
  for (const auto& [name, policy] : prefixes_) {
    out.push_back({{.prefix = true, .name = name}, policy});
  }
  for (const auto& [name, policy] : streams_) {
    out.push_back({{.prefix = false, .name = name}, policy});
  }
  return out;
}

void PolicySet::put(const NameScope& scope, const Policy& policy) {
  Named& named = scope.prefix ? prefixes_ : streams_;
  if (const auto before = named.find(scope.name); before != named.end()) {
    for (const auto& [field, value] : before->second) --said_[static_cast<size_t>(field)];
    named.erase(before);
    if (scope.prefix && --lengths_[scope.name.size()] == 0) lengths_.erase(scope.name.size());
  }
  if (policy.empty()) return;
  for (const auto& [field, value] : policy) ++said_[static_cast<size_t>(field)];
  named.emplace(scope.name, policy);
  if (scope.prefix) ++lengths_[scope.name.size()];
}

// Of all streams that a policy is the nearest to, its own name says what holds.
std::optional<std::string> PolicySet::contradiction() const {
  if (!says(PolicyField::audit) || !says(PolicyField::compaction)) return std::nullopt;
  for (const ScopedPolicy& one : all()) {
    const std::string& name = one.scope.name;
    if (!flag(name, PolicyField::audit) || text(name, PolicyField::compaction).empty()) continue;
    return fmt::format(
        "{} would be both audited and compacted: an audited stream keeps every "
        "event; set audit to false, or compaction to \"none\"",
        text_of(one.scope));
  }
  return std::nullopt;
}

// --- The part.

Status Policies::load(Loading& loading) {
  Store& store = *loading.log.store;
  Changes repaired = store.changes();
  StoreIterator it = store.iterate(Family::streams);
  const std::string kind(1, static_cast<char>(KeyKind::policy));
  for (it.seek(kind); it.valid() && it.key().starts_with(kind); it.next()) {
    NameScope scope;
    Policy policy;
    if (decode_policy_key(it.key(), scope) && decode(it.value(), policy)) {
      assigned_.put(scope, policy);
      continue;
    }
    const std::string what =
        fmt::format("the policy of {}", scope.name.empty() ? "some streams" : text_of(scope));
    if (!loading.lenient) return fail(Code::corrupt, what + " does not parse");
    loading.loss += what + " is lost: set it again; ";
    repaired.erase(Family::streams, it.key());
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the streams family: " + *damage);
  if (!repaired.empty()) {
    if (auto ok = store.write(std::move(repaired)); !ok) return ok;
    if (auto ok = store.sync(); !ok) return ok;
  }
  durable_.store(std::make_shared<const PolicySet>(assigned_));
  return {};
}

void Policies::put(CommitGroup& group, const NameScope& scope, const Policy& policy) {
  group.of(*this).changed.push_back({scope, policy});
  assigned_.put(scope, policy);
}

void Policies::stage(CommitGroup& group, const Store&) {
  for (const ScopedPolicy& one : group.of(*this).changed) {
    if (one.policy.empty()) {
      group.changes.erase(Family::streams, policy_key(one.scope));
    } else {
      group.changes.put(Family::streams, policy_key(one.scope), encode(one.policy));
    }
  }
}

void Policies::publish(CommitGroup& group) {
  const auto& changed = group.of(*this).changed;
  if (changed.empty()) return;
  auto next = std::make_shared<PolicySet>(*durable_.load());
  for (const ScopedPolicy& one : changed) next->put(one.scope, one.policy);
  durable_.store(std::move(next));
}

}  // namespace strandline
