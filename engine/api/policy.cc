#include "engine/api/policy.h"

#include <fmt/format.h>

#include "engine/api/event_rules.h"
#include "engine/base/check.h"

namespace strandline {
namespace {

constexpr uint64_t kSecondsMax = 1'000ull * 366 * 24 * 3600;
constexpr uint64_t kAmountMax = uint64_t{1} << 60;
constexpr size_t kTextBytesMax = 255;

}  // namespace

// An older build that does not know a field with an odd tag does not open the log: these change
// what is written with an append. It may do without the others: it keeps more.
const std::array<PolicyRow, kPolicyFields> kPolicyTable = {{
    {PolicyField::age_max_s, "age_max_s", PolicyKind::amount, 2, kSecondsMax},
    {PolicyField::bytes_max, "bytes_max", PolicyKind::amount, 4, kAmountMax},
    {PolicyField::events_max, "events_max", PolicyKind::amount, 6, kAmountMax},
    {PolicyField::audit, "audit", PolicyKind::flag, 1},
    {PolicyField::compaction, "compaction", PolicyKind::text, 8},
    {PolicyField::tombstone_delay_s, "tombstone_delay_s", PolicyKind::amount, 10, kSecondsMax},
}};

const PolicyRow& row_of(PolicyField field) { return kPolicyTable.at(static_cast<size_t>(field)); }

bool NameScope::covers(std::string_view stream) const {
  if (!prefix) return stream == name;
  return stream.starts_with(name) && !stream.starts_with('$');
}

std::string text_of(const NameScope& scope) {
  if (scope.prefix && scope.name.empty()) return "every stream";
  return fmt::format("{} \"{}\"", scope.prefix ? "prefix" : "stream", scope.name);
}

Status check_policy(const PolicyChange& change) {
  for (const auto& [field, value] : change) {
    if (!value) continue;
    const PolicyRow& row = row_of(field);
    if (row.kind == PolicyKind::amount) {
      const auto* amount = std::get_if<uint64_t>(&*value);
      if (amount && (*amount == kNoLimit || (*amount > 0 && *amount <= row.amount_max))) continue;
      return fail(Code::invalid, fmt::format("{} is from 1 to {}, or \"none\": no limit", row.name,
                                             row.amount_max));
    }
    if (row.kind == PolicyKind::flag) {
      if (std::holds_alternative<bool>(*value)) continue;
      return fail(Code::invalid, fmt::format("{} is true or false", row.name));
    }
    const auto* text = std::get_if<std::string>(&*value);
    if (text && text->size() <= kTextBytesMax && is_plain_text(*text)) continue;
    return fail(Code::invalid,
                fmt::format("{} is a text of at most {} bytes without control characters, or "
                            "\"none\"",
                            row.name, kTextBytesMax));
  }
  return {};
}

Policy changed(Policy policy, const PolicyChange& change) {
  for (const auto& [field, value] : change) {
    if (value) {
      policy[field] = *value;
    } else {
      policy.erase(field);
    }
  }
  return policy;
}

std::string text_of(const PolicyValue& value) {
  if (const auto* amount = std::get_if<uint64_t>(&value)) {
    return *amount == kNoLimit ? "none" : std::to_string(*amount);
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  const auto& text = std::get<std::string>(value);
  return text.empty() ? "none" : text;
}

}  // namespace strandline
