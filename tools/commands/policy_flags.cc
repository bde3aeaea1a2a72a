#include "tools/commands/policy_flags.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/http/quantity.h"
#include "tools/base/setting_key.h"

namespace strandline::tools {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kMsInSecond = 1'000;

bool is_seconds(PolicyField field) {
  return field == PolicyField::age_max_s || field == PolicyField::tombstone_delay_s;
}

// The same field as the flag is called: --age-max is age_max_s.
std::optional<PolicyField> field_of(std::string_view flag) {
  std::string name(flag);
  std::ranges::replace(name, '-', '_');
  for (const PolicyRow& row : kPolicyTable) {
    if (row.name == name || row.name == name + "_s") return row.field;
  }
  return std::nullopt;
}

std::expected<PolicyValue, std::string> read_value(PolicyField field, std::string_view text) {
  const PolicyRow& row = row_of(field);
  if (row.kind == PolicyKind::text) return text == "none" ? std::string() : std::string(text);
  if (row.kind == PolicyKind::flag) {
    const auto truth = read_truth(text);
    if (!truth) return std::unexpected(truth.error());
    return *truth == "true";
  }
  if (text == "none") return kNoLimit;
  if (is_seconds(field)) {
    const auto duration = server::read_duration(text, {kMsInSecond, row.amount_max * kMsInSecond});
    if (!duration) return std::unexpected(duration.error());
    return static_cast<uint64_t>(std::chrono::ceil<std::chrono::seconds>(*duration).count());
  }
  const server::Range allowed{1, row.amount_max};
  auto number = field == PolicyField::bytes_max ? server::read_size(text, allowed)
                                                : server::read_number(text, allowed);
  if (!number) return std::unexpected(number.error());
  return *number;
}

}  // namespace

std::shared_ptr<PolicyFlags> PolicyFlags::add_to(CLI::App& command, bool changes) {
  auto flags = std::make_shared<PolicyFlags>();
  command.add_option("--age-max", flags->age_max_, "keep events for so long, such as 30d, or none")
      ->type_name("DURATION");
  command.add_option("--bytes-max", flags->bytes_max_, "keep so many bytes of them, or none")
      ->type_name("SIZE");
  command.add_option("--events-max", flags->events_max_, "keep so many of them, or none")
      ->type_name("N");
  command.add_option("--audit", flags->audit_, "keep a Merkle tree over the events")
      ->type_name("on|off");
  command
      .add_option("--compaction", flags->compaction_,
                  "keep the newest event of each key: subject, the name of an attribute, or none")
      ->type_name("KEY");
  command
      .add_option("--tombstone-delay", flags->tombstone_delay_,
                  "how long an event without data is kept, which ends its key")
      ->type_name("DURATION");
  if (changes) {
    command
        .add_option("--unset", flags->unset_,
                    "say this no more: age-max, bytes-max, events-max, audit, compaction, "
                    "tombstone-delay")
        ->type_name("FIELD")
        ->allow_extra_args(false);
  }
  return flags;
}

std::expected<PolicyChange, std::string> PolicyFlags::change() const {
  PolicyChange change;
  for (const std::string& name : unset_) {
    const auto field = field_of(name);
    if (!field) return std::unexpected(fmt::format("--unset {}: there is no such field", name));
    change[*field] = std::nullopt;
  }
  const std::pair<PolicyField, const std::string*> said[] = {
      {PolicyField::age_max_s, &age_max_},     {PolicyField::bytes_max, &bytes_max_},
      {PolicyField::events_max, &events_max_}, {PolicyField::audit, &audit_},
      {PolicyField::compaction, &compaction_}, {PolicyField::tombstone_delay_s, &tombstone_delay_}};
  for (const auto& [field, text] : said) {
    if (text->empty()) continue;
    if (change.contains(field)) {
      return std::unexpected(fmt::format("{} is set and unset at once", row_of(field).name));
    }
    auto value = read_value(field, *text);
    if (!value) return std::unexpected(fmt::format("{}: {}", row_of(field).name, value.error()));
    change[field] = std::move(*value);
  }
  return change;
}

std::string readable(PolicyField field, const PolicyValue& value) {
  const auto* amount = std::get_if<uint64_t>(&value);
  if (amount && *amount != kNoLimit) {
    if (is_seconds(field)) return server::render_duration(milliseconds(*amount * kMsInSecond));
    if (field == PolicyField::bytes_max) return server::render_size(*amount);
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "on" : "off";
  return strandline::text_of(value);
}

std::string readable(const Policy& policy) {
  std::string out;
  for (const auto& [field, value] : policy) {
    out +=
        fmt::format("{}{} {}", out.empty() ? "" : ", ", row_of(field).name, readable(field, value));
  }
  return out.empty() ? "-" : out;
}

}  // namespace strandline::tools
