#include "tools/connection/policy_answer.h"

#include <optional>

#include "tools/client/exchange.h"

namespace strandline::tools {
namespace {

constexpr std::string_view kNoneText = "none";

std::optional<PolicyValue> value_of(const PolicyRow& row, const rapidjson::Value& value) {
  const bool none = value.IsString() && value.GetString() == kNoneText;
  switch (row.kind) {
    case PolicyKind::amount:
      if (none) return kNoLimit;
      if (value.IsUint64()) return value.GetUint64();
      return std::nullopt;
    case PolicyKind::flag:
      if (value.IsBool()) return value.GetBool();
      return std::nullopt;
    case PolicyKind::text:
      if (none) return std::string();
      if (value.IsString()) return std::string(value.GetString(), value.GetStringLength());
      return std::nullopt;
  }
  return std::nullopt;
}

const rapidjson::Value* member_of(const rapidjson::Value& object, const char* name) {
  const auto it = object.FindMember(name);
  return it != object.MemberEnd() ? &it->value : nullptr;
}

}  // namespace

Policy policy_of(const rapidjson::Value& object, const char* name) {
  Policy policy;
  const rapidjson::Value* said = member_of(object, name);
  if (!said || !said->IsObject()) return policy;
  for (const PolicyRow& row : kPolicyTable) {
    const rapidjson::Value* field = member_of(*said, std::string(row.name).c_str());
    if (!field) continue;
    if (auto value = value_of(row, *field)) policy[row.field] = std::move(*value);
  }
  return policy;
}

EffectivePolicy effective_of(const rapidjson::Value& object, const char* name) {
  EffectivePolicy policy;
  const rapidjson::Value* said = member_of(object, name);
  if (!said || !said->IsObject()) return policy;
  for (const PolicyRow& row : kPolicyTable) {
    const rapidjson::Value* field = member_of(*said, std::string(row.name).c_str());
    if (!field || !field->IsObject()) continue;
    const rapidjson::Value* value = member_of(*field, "value");
    const rapidjson::Value* from = member_of(*field, "from");
    auto known = value ? value_of(row, *value) : std::nullopt;
    if (!known || !from || !from->IsObject()) continue;
    const bool prefix = member_of(*from, "prefix") != nullptr;
    policy[row.field] = {
        std::move(*known),
        {.prefix = prefix, .name = std::string(text_of(*from, prefix ? "prefix" : "stream"))}};
  }
  return policy;
}

}  // namespace strandline::tools
