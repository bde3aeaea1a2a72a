#include "engine/format/policy_record.h"

#include <algorithm>

#include "engine/format/tagged.h"

namespace strandline {
namespace {

constexpr char kStreamScope = 1, kPrefixScope = 2;

enum HoldTag : uint64_t {
  kHoldScope = 1,
  kHoldName = 3,
  kHoldReason = 4,
  kHoldBy = 6,
  kHoldCreated = 8,
  kHoldUntil = 9
};
enum PauseTag : uint64_t { kPauseSince = 1, kPauseJump = 2, kPauseWhy = 4 };

std::string varint_field(uint64_t n) {
  std::string out;
  put_varint(out, n);
  return out;
}

// All of a field: one number.
std::optional<uint64_t> only_number(std::string_view bytes) {
  const auto number = take_varint(bytes);
  return bytes.empty() ? number : std::nullopt;
}

std::string fixed_field(int64_t us) {
  std::string out;
  put_le<int64_t>(out, us);
  return out;
}

bool take_fixed(std::string_view bytes, int64_t& us) {
  if (bytes.size() != sizeof us) return false;
  us = get_le<int64_t>(bytes, 0);
  return true;
}

}  // namespace

std::string policy_key(const NameScope& scope) {
  std::string key{static_cast<char>(KeyKind::policy), scope.prefix ? kPrefixScope : kStreamScope};
  return key.append(scope.name);
}

bool decode_policy_key(std::string_view key, NameScope& scope) {
  if (key.size() < 2 || key[0] != static_cast<char>(KeyKind::policy)) return false;
  if (key[1] != kPrefixScope && key[1] != kStreamScope) return false;
  scope = {.prefix = key[1] == kPrefixScope, .name = std::string(key.substr(2))};
  return true;
}

std::string encode(const Policy& policy) {
  std::string out;
  for (const auto& [field, value] : policy) {
    const PolicyRow& row = row_of(field);
    switch (row.kind) {
      case PolicyKind::amount:
        put_field(out, row.tag, varint_field(std::get<uint64_t>(value)));
        break;
      case PolicyKind::flag:
        put_field(out, row.tag, varint_field(std::get<bool>(value) ? 1 : 0));
        break;
      case PolicyKind::text:
        put_field(out, row.tag, std::get<std::string>(value));
        break;
    }
  }
  return out;
}

bool decode(std::string_view bytes, Policy& policy) {
  policy.clear();
  bool good = true;
  const auto wrong = each_field(bytes, [&](uint64_t tag, std::string_view field) {
    const auto row = std::ranges::find(kPolicyTable, tag, &PolicyRow::tag);
    if (row == kPolicyTable.end()) return false;
    if (row->kind == PolicyKind::text) {
      policy[row->field] = std::string(field);
      return true;
    }
    const auto number = only_number(field);
    good &= number && (row->kind == PolicyKind::amount || *number <= 1);
    if (!good) return true;
    if (row->kind == PolicyKind::flag) {
      policy[row->field] = *number == 1;
    } else {
      policy[row->field] = *number;
    }
    return true;
  });
  return good && !wrong;
}

std::string hold_key(std::string_view name) {
  return std::string(1, static_cast<char>(KeyKind::hold)).append(name);
}

bool decode_hold_key(std::string_view key, std::string_view& name) {
  if (key.size() < 2 || key[0] != static_cast<char>(KeyKind::hold)) return false;
  name = key.substr(1);
  return true;
}

std::string encode(const Hold& hold) {
  std::string out;
  put_field(out, kHoldScope, varint_field(hold.scope.prefix ? 1 : 0));
  put_field(out, kHoldName, hold.scope.name);
  put_field(out, kHoldReason, hold.reason);
  put_field(out, kHoldBy, hold.by);
  put_field(out, kHoldCreated, fixed_field(hold.created.us));
  if (hold.until) put_field(out, kHoldUntil, fixed_field(hold.until->us));
  return out;
}

bool decode(std::string_view bytes, Hold& hold) {
  hold = {};
  bool good = true, scoped = false, named = false;
  const auto wrong = each_field(bytes, [&](uint64_t tag, std::string_view field) {
    switch (tag) {
      case kHoldScope: {
        const auto number = only_number(field);
        good &= number && *number <= 1;
        hold.scope.prefix = good && *number == 1;
        scoped = true;
        return true;
      }
      case kHoldName:
        hold.scope.name = field;
        named = true;
        return true;
      case kHoldReason:
        hold.reason = field;
        return true;
      case kHoldBy:
        hold.by = field;
        return true;
      case kHoldCreated:
        good &= take_fixed(field, hold.created.us);
        return true;
      case kHoldUntil:
        hold.until.emplace();
        good &= take_fixed(field, hold.until->us);
        return true;
      default:
        return false;
    }
  });
  return good && scoped && named && !wrong;
}

std::string encode(const RetentionPause& pause) {
  std::string out;
  put_field(out, kPauseSince, fixed_field(pause.since.us));
  put_field(out, kPauseJump, fixed_field(pause.jump_s));
  put_field(out, kPauseWhy, pause.why);
  return out;
}

bool decode(std::string_view bytes, RetentionPause& pause) {
  pause = {};
  bool good = true, since = false;
  const auto wrong = each_field(bytes, [&](uint64_t tag, std::string_view field) {
    if (tag == kPauseSince) since = take_fixed(field, pause.since.us);
    if (tag == kPauseJump) good &= take_fixed(field, pause.jump_s);
    if (tag == kPauseWhy) pause.why = field;
    return tag == kPauseSince || tag == kPauseJump || tag == kPauseWhy;
  });
  return good && since && !wrong;
}

}  // namespace strandline
