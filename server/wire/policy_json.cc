#include "server/wire/policy_json.h"

#include <algorithm>

#include "engine/api/rfc3339.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"

namespace strandline::server {
namespace {

constexpr std::string_view kNone = "none";

Parsed<PolicyValue> read_value(const PolicyRow& row, JsonReader& reader, const JsonValue& value) {
  const auto wrong = [&](std::string_view what) {
    return std::unexpected("\"" + std::string(row.name) + "\" is " + std::string(what) +
                           ", or null: it is not said any more");
  };
  const bool is_text = value.kind == JsonKind::string;
  switch (row.kind) {
    case PolicyKind::amount:
      if (is_text && reader.string(value) == kNone) return kNoLimit;
      if (const auto number = json_integer(value)) return *number;
      return wrong("a whole number, or \"none\"");
    case PolicyKind::flag:
      if (value.kind == JsonKind::boolean) return value.text == "true";
      return wrong("true or false");
    case PolicyKind::text: {
      if (!is_text) return wrong("a string");
      const std::string_view text = reader.string(value);
      return text == kNone ? std::string() : std::string(text);
    }
  }
  return wrong("something else");
}

void render_value(std::string& out, const PolicyRow& row, const PolicyValue& value) {
  const std::string text = text_of(value);
  if (row.kind == PolicyKind::text || text == kNone) {
    render_string(out, text);
  } else {
    out += text;
  }
}

// A member of an object that is being written.
void begin_member(std::string& out, std::string_view name) {
  if (!out.ends_with('{')) out += ',';
  render_string(out, name);
  out += ':';
}

}  // namespace

Parsed<PolicyRequest> read_policy(std::string_view json,
                                  std::initializer_list<std::string_view> texts) {
  JsonReader reader;
  const auto kind = reader.parse(json);
  if (!kind) return std::unexpected(kind.error());
  if (*kind != JsonKind::object) return std::unexpected("this is no object");
  PolicyRequest request;
  for (const JsonMember& member : reader.members()) {
    const auto row = std::ranges::find(kPolicyTable, member.name, &PolicyRow::name);
    if (row != kPolicyTable.end()) {
      if (member.value.kind == JsonKind::null) {
        request.change[row->field] = std::nullopt;
        continue;
      }
      auto value = read_value(*row, reader, member.value);
      if (!value) return std::unexpected(value.error());
      request.change[row->field] = std::move(*value);
      continue;
    }
    if (std::ranges::find(texts, member.name) == texts.end()) {
      std::string known;
      for (const PolicyRow& one : kPolicyTable) known += ", \"" + std::string(one.name) + "\"";
      for (const std::string_view one : texts) known += ", \"" + std::string(one) + "\"";
      return std::unexpected("no member \"" + std::string(member.name.substr(0, 64)) +
                             "\" is known here; there are " + known.substr(2));
    }
    if (member.value.kind == JsonKind::null) continue;
    if (member.value.kind != JsonKind::string) {
      return std::unexpected("\"" + std::string(member.name) + "\" is a string, not " +
                             name_of(member.value.kind));
    }
    request.texts[std::string(member.name)] = reader.string(member.value);
  }
  return request;
}

void render_policy(std::string& out, const Policy& policy) {
  out += '{';
  for (const auto& [field, value] : policy) {
    begin_member(out, row_of(field).name);
    render_value(out, row_of(field), value);
  }
  out += '}';
}

void render_change(std::string& out, const PolicyChange& change) {
  out += '{';
  for (const auto& [field, value] : change) {
    begin_member(out, row_of(field).name);
    if (value) {
      render_value(out, row_of(field), *value);
    } else {
      out += "null";
    }
  }
  out += '}';
}

void render_effective(std::string& out, const EffectivePolicy& policy) {
  out += '{';
  for (const auto& [field, said] : policy) {
    begin_member(out, row_of(field).name);
    out += "{\"value\":";
    render_value(out, row_of(field), said.value);
    out += ",\"from\":{";
    render_scope(out, said.from);
    out += "}}";
  }
  out += '}';
}

void render_scope(std::string& out, const NameScope& scope) {
  out += scope.prefix ? "\"prefix\":" : "\"stream\":";
  render_string(out, scope.name);
}

void render_hold(std::string& out, const Hold& hold, Timestamp now) {
  out += "{\"hold\":";
  render_string(out, hold.name);
  out += ',';
  render_scope(out, hold.scope);
  out += ",\"reason\":";
  render_string(out, hold.reason);
  out += ",\"by\":";
  render_string(out, hold.by);
  out += ",\"created\":\"" + render_time(hold.created) + "\",\"until\":";
  out += hold.until ? "\"" + render_time(*hold.until) + "\"" : "null";
  out += hold.in_force(now) ? ",\"in_force\":true}" : ",\"in_force\":false}";
}

}  // namespace strandline::server
