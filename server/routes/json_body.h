// A request whose body is one small JSON object, and what is answered where it is not.
#pragma once

#include <initializer_list>

#include "server/json/json_fields.h"
#include "server/routes/append_body.h"

namespace strandline::server {

// 422.
inline Response not_valid(std::string why) {
  return problem({.code = Code::invalid, .message = std::move(why)}, Asked::changing);
}

// The body, or "{}" where there is none: one that is JSON, and said to be.
inline std::expected<std::string_view, Response> take_json_text(const Call& call) {
  if (call.body().empty()) return "{}";
  if (!is_json_body(call)) return std::unexpected(unsupported_type(call, "application/json"));
  JsonReader reader;
  if (const auto kind = reader.parse(call.body()); !kind) {
    return std::unexpected(malformed(kind.error()));
  }
  return call.body();
}

// The body as an object of these members; there are no query parameters.
inline std::expected<JsonFields, Response> take_object(
    const Call& call, std::initializer_list<std::string_view> known) {
  if (auto none = call.query.allow({}); !none) return std::unexpected(malformed(none.error()));
  auto text = take_json_text(call);
  if (!text) return std::unexpected(std::move(text.error()));
  auto fields = JsonFields::parse(*text, known);
  if (!fields) return std::unexpected(not_valid(fields.error()));
  return std::move(*fields);
}

}  // namespace strandline::server
