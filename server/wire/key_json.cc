#include "server/wire/key_json.h"

#include "engine/api/rfc3339.h"
#include "server/http/quota_text.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"

namespace strandline::server {
namespace {

Parsed<Grant> read_grant(std::string_view json) {
  auto fields = JsonFields::parse(json, {"action", "stream", "prefix"});
  if (!fields) return std::unexpected(fields.error());
  const auto name = fields->string("action");
  if (!name) return std::unexpected(name.error());
  const auto action = find_action(name->value_or(""));
  if (!action) {
    return std::unexpected(
        "its \"action\" is read, append, consume, publish, subscribe, presence, manage, audit or "
        "admin");
  }
  const auto stream = fields->string("stream");
  if (!stream) return std::unexpected(stream.error());
  const auto prefix = fields->string("prefix");
  if (!prefix) return std::unexpected(prefix.error());
  if (*action == Action::admin) {
    if (*stream || *prefix) return std::unexpected("admin is granted on everything");
    return Grant{.action = *action, .prefix = true};
  }
  if (stream->has_value() == prefix->has_value()) {
    return std::unexpected("it has a \"stream\" or a \"prefix\"; the prefix \"\" is every stream");
  }
  return Grant{.action = *action,
               .prefix = prefix->has_value(),
               .name = std::string(*prefix ? **prefix : **stream)};
}

void render_time_member(std::string& out, std::string_view name,
                        const std::optional<Timestamp>& time) {
  out += ",\"";
  out += name;
  out += "\":";
  out += time ? "\"" + render_time(*time) + "\"" : "null";
}

}  // namespace

Parsed<std::vector<Grant>> read_grants(const JsonValue& value, std::string_view text) {
  if (value.kind == JsonKind::string) return parse_grants(text);
  JsonReader elements;
  if (const auto kind = elements.parse(value.text); !kind) return std::unexpected(kind.error());
  if (value.kind != JsonKind::array) {
    return std::unexpected("\"grants\" is an array of grants, or text such as \"read:orders/*\"");
  }
  std::vector<Grant> grants;
  for (size_t i = 0; i < elements.members().size(); ++i) {
    const JsonValue& element = elements.members()[i].value;
    const std::string place = "grants[" + std::to_string(i) + "]: ";
    if (element.kind == JsonKind::string) {
      auto several = parse_grants(elements.string(element));
      if (!several) return std::unexpected(place + several.error());
      grants.insert(grants.end(), several->begin(), several->end());
      continue;
    }
    auto grant = read_grant(element.text);
    if (!grant) return std::unexpected(place + grant.error());
    grants.push_back(std::move(*grant));
  }
  return grants;
}

Parsed<std::vector<Grant>> read_grants(JsonFields& fields) {
  const JsonValue* value = fields.find("grants");
  if (!value) return std::unexpected("\"grants\" is missing: what the key allows");
  const bool text = value->kind == JsonKind::string;
  return read_grants(*value, text ? **fields.string("grants") : std::string_view());
}

void render_grants(std::string& out, const std::vector<Grant>& grants) {
  out += '[';
  for (const Grant& grant : grants) {
    if (&grant != grants.data()) out += ',';
    out += "{\"action\":\"";
    out += name_of(grant.action);
    out += '"';
    if (grant.action != Action::admin) {
      out += grant.prefix ? ",\"prefix\":" : ",\"stream\":";
      render_string(out, grant.name);
    }
    out += '}';
  }
  out += ']';
}

std::string_view state_of(const ApiKey& key, Timestamp now) {
  if (key.revoked) return "revoked";
  return key.expired(now) ? "expired" : "good";
}

void render_api_key(std::string& out, const ApiKey& key, Timestamp now, std::string_view secret) {
  out += "{\"key\":";
  render_string(out, key.name);
  if (!secret.empty()) {
    out += ",\"secret\":";
    render_string(out, secret);
  }
  out += ",\"grants\":";
  render_grants(out, key.grants.list());
  out += ",\"created\":\"" + render_time(key.created) + '"';
  render_time_member(out, "expires", key.expires);
  render_time_member(out, "revoked", key.revoked);
  render_time_member(out, "rotated", key.rotated);
  if (!key.old_digest.empty() && now < key.old_until) {
    render_time_member(out, "old_secret_until", key.old_until);
  }
  if (key.quota.any()) {
    out += ",\"quota\":";
    render_string(out, render_quota(key.quota));
  }
  if (key.used) render_time_member(out, "used", key.used);
  out += ",\"state\":\"";
  out += state_of(key, now);
  out += "\"}";
}

}  // namespace strandline::server
