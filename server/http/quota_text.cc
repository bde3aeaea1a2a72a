#include "server/http/quota_text.h"

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

}  // namespace

std::string_view name_of(QuotaKind kind) { return kQuotaForms[static_cast<size_t>(kind)].name; }

std::expected<Quota, std::string> parse_quota(std::string_view text) {
  constexpr std::string_view kAllowed =
      "a quota is requests=N/s, bytes=SIZE/s, connections=N, followers=N or streams=N/h, several "
      "with commas between";
  const auto bad = [&](std::string_view part, std::string_view why = {}) {
    std::string sentence = "\"" + std::string(part.substr(0, 100)) + "\": ";
    if (!why.empty()) sentence.append(why).append("; ");
    return std::unexpected(sentence.append(kAllowed));
  };
  Quota quota;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    if (part.size() + 1 == text.size()) return bad(text);
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const size_t equals = part.find('=');
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
  return text;
}

}  // namespace strandline::server
