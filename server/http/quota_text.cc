#include "server/http/quota_text.h"

#include <algorithm>

#include "server/http/quantity.h"

namespace strandline::server {
namespace {

struct QuotaForm {
  std::string_view name;
  std::string_view unit;  // behind the number
};
// In the order of QuotaKind.
constexpr std::array<QuotaForm, kQuotaKinds> kQuotaForms = {{{"requests", "/s"},
                                                             {"bytes", "/s"},
                                                             {"connections", ""},
                                                             {"followers", ""},
                                                             {"streams", "/h"}}};
constexpr Range kQuotaRange = {1, 1ull << 50};
constexpr std::string_view kStoredName = "stored";

// Up to a comma that no backslash stands before.
std::string_view first_part(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && text[end] != ',') end += text[end] == '\\' ? 2 : 1;
  return text.substr(0, end);
}

// SIZE:PREFIX*
std::expected<StoredQuota, std::string> parse_stored(std::string_view text) {
  const size_t colon = text.find(':');
  const auto bytes = read_size(text.substr(0, colon), kQuotaRange);
  if (!bytes) return std::unexpected(bytes.error());
  if (colon == std::string_view::npos) return std::unexpected("it does not say of which streams");
  StoredQuota quota{.prefix = {}, .bytes = *bytes};
  for (size_t i = colon + 1; i < text.size(); ++i) {
    const bool last = i + 1 == text.size();
    if (text[i] == '*') {
      if (!last) return std::unexpected("a `*` stands at the end; one of a name is written \\*");
      return quota;
    }
    if (text[i] == '\\') {
      if (last || !std::string_view("*\\,").contains(text[i + 1])) {
        return std::unexpected("a backslash stands before `*`, a comma or another backslash");
      }
      ++i;
    }
    quota.prefix += text[i];
  }
  return std::unexpected("a `*` stands at its end");
}

}  // namespace

std::string_view name_of(QuotaKind kind) { return kQuotaForms[static_cast<size_t>(kind)].name; }

std::expected<Quota, std::string> parse_quota(std::string_view text) {
  constexpr std::string_view kAllowed =
      "a quota is requests=N/s, bytes=SIZE/s, connections=N, followers=N, streams=N/h or "
      "stored=SIZE:PREFIX*, several with commas between";
  const auto bad = [&](std::string_view part, std::string_view why = {}) {
    std::string sentence = "\"" + std::string(part.substr(0, 100)) + "\": ";
    if (!why.empty()) sentence.append(why).append("; ");
    return std::unexpected(sentence.append(kAllowed));
  };
  Quota quota;
  while (!text.empty()) {
    const std::string_view part = first_part(text);
    if (part.size() + 1 == text.size()) return bad(text);
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const size_t equals = part.find('=');
    if (equals != std::string_view::npos && part.substr(0, equals) == kStoredName) {
      auto stored = parse_stored(part.substr(equals + 1));
      if (!stored) return bad(part, stored.error());
      if (std::ranges::count(quota.stored, stored->prefix, &StoredQuota::prefix) > 0)
        return bad(part, "the prefix is there twice");
      if (quota.stored.size() == kStoredQuotasMax) return bad(part, "it is one too many");
      quota.stored.push_back(std::move(*stored));
      continue;
    }
    size_t kind = 0;
    while (kind < kQuotaKinds && kQuotaForms[kind].name != part.substr(0, equals)) ++kind;
    if (equals == std::string_view::npos || kind == kQuotaKinds) return bad(part);
    std::string_view number = part.substr(equals + 1);
    if (!number.ends_with(kQuotaForms[kind].unit)) return bad(part);
    number.remove_suffix(kQuotaForms[kind].unit.size());
    const auto limit = static_cast<QuotaKind>(kind) == QuotaKind::bytes
                           ? read_size(number, kQuotaRange)
                           : read_number(number, kQuotaRange);
    if (!limit) return bad(part, limit.error());
    if (quota.limits[kind]) return bad(part, "it is there twice");
    quota.limits[kind] = *limit;
  }
  return quota;
}

std::string render_quota(const Quota& quota) {
  std::string text;
  for (size_t kind = 0; kind < kQuotaKinds; ++kind) {
    if (!quota.limits[kind]) continue;
    if (!text.empty()) text += ',';
    const bool size = static_cast<QuotaKind>(kind) == QuotaKind::bytes;
    text.append(kQuotaForms[kind].name).append("=");
    text += size ? render_size(*quota.limits[kind]) : std::to_string(*quota.limits[kind]);
    text += kQuotaForms[kind].unit;
  }
  for (const StoredQuota& one : quota.stored) {
    if (!text.empty()) text += ',';
    text.append(kStoredName).append("=").append(render_size(one.bytes)).append(":");
    for (const char c : one.prefix) {
      if (c == '*' || c == '\\' || c == ',') text += '\\';
      text += c;
    }
    text += '*';
  }
  return text;
}

}  // namespace strandline::server
