// Policies: what is to become of the events of a stream, of all streams whose names begin alike, or
// of every stream (the empty prefix: the *default*).
//
// A policy says some of the fields of kPolicyTable, and nothing of the others. What holds for a
// stream is, field by field, what its own policy says, or else that of the longest prefix that says
// anything, or else the field's `unsaid`. Names that begin with `$` are the log's own: no prefix
// holds for them. *Memory*: values.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "engine/api/error.h"

namespace strandline {

// One stream, or all whose names begin alike.
struct NameScope {
  bool prefix = false;
  std::string name = {};

  bool covers(std::string_view stream) const;
  bool operator==(const NameScope&) const = default;
};
// stream "s", prefix "p", every stream.
std::string text_of(const NameScope& scope);

// *To add a field*: here, its row in kPolicyTable (policy.cc), and its row in docs/operating.md.
enum class PolicyField : uint8_t {
  age_max_s,          // events are kept for so long after they were stored,
  bytes_max,          // and so many bytes of them,
  events_max,         // and so many events: whichever comes first
  audit,              // there is a Merkle tree over its events
  compaction,         // the newest event of each key is kept: `subject`, an attribute, or `none`
  tombstone_delay_s,  // for so long an event without data stands for the end of its key
};
inline constexpr size_t kPolicyFields = 6;

enum class PolicyKind : uint8_t {
  amount,  // a uint64_t; kNoLimit is written "none"
  flag,    // a bool
  text,    // a std::string; empty is written "none"
};
using PolicyValue = std::variant<uint64_t, bool, std::string>;
inline constexpr uint64_t kNoLimit = UINT64_MAX;

struct PolicyRow {
  PolicyField field;
  std::string_view name;
  PolicyKind kind;
  uint64_t tag;             // in its record (policy_record.h)
  uint64_t amount_max = 0;  // of an amount that is no kNoLimit; from 1 on
};
extern const std::array<PolicyRow, kPolicyFields> kPolicyTable;
const PolicyRow& row_of(PolicyField field);

using Policy = std::map<PolicyField, PolicyValue>;
// What is to be said from now on; nothing: the field is said no more.
using PolicyChange = std::map<PolicyField, std::optional<PolicyValue>>;

// Of each field that is said: what holds, and who says so.
struct EffectiveField {
  PolicyValue value;
  NameScope from;
};
using EffectivePolicy = std::map<PolicyField, EffectiveField>;

struct ScopedPolicy {
  NameScope scope;
  Policy policy;
};

// `invalid` for a value of the wrong kind, or outside of its bounds.
Status check_policy(const PolicyChange& change);
// What stands in a policy after a change to it.
Policy changed(Policy policy, const PolicyChange& change);
// As people and JSON write it: 86400, "none", true, subject.
std::string text_of(const PolicyValue& value);

}  // namespace strandline
