#include "server/wire/http_binding.h"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>

#include "engine/api/event_rules.h"
#include "engine/api/media_type.h"

namespace strandline::server {
namespace {

std::unexpected<EventError> no_binary_event(std::string message) {
  return std::unexpected(EventError{false, {.code = Code::invalid, .message = std::move(message)}});
}

// "ce-Type" is "type"; nothing, of a header that is not one of CloudEvents'.
std::optional<std::string> attribute_name(std::string_view header) {
  if (header.size() < 3 || (header[0] | 32) != 'c' || (header[1] | 32) != 'e' || header[2] != '-') {
    return std::nullopt;
  }
  std::string name(header.substr(3));
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

// A value in quotes, with its escapes undone; nothing where the quotes are not a whole pair.
std::optional<std::string> from_quotes(std::string_view value) {
  std::string plain;
  for (size_t i = 1; i < value.size(); ++i) {
    if (value[i] == '"') return i + 1 == value.size() ? std::optional(plain) : std::nullopt;
    if (value[i] == '\\' && ++i == value.size()) break;
    plain += value[i];
  }
  return std::nullopt;
}

// JSON and text are kept as what they are, and everything else as bytes: text in another charset
// than UTF-8, too, whether the content type says so or says nothing.
DataForm form_of(const MediaType& type, std::string_view data) {
  if (data.empty()) return DataForm::none;
  if (type.is_json()) return DataForm::json;
  if (!type.is_text() || !type.is_utf8()) return DataForm::binary;
  return type.charset().empty() && !is_utf8(data) ? DataForm::binary : DataForm::text;
}

void place_data(const Request& request, NewEvent& event) {
  event.datacontenttype = request.head.field(Header::content_type);
  event.data = request.body;
  event.form = form_of(MediaType(event.datacontenttype), event.data);
}

struct Place {
  std::string_view name;
  std::string_view NewEvent::*place;
};
constexpr std::array<Place, 6> kPlaces = {{{"type", &NewEvent::type},
                                           {"id", &NewEvent::id},
                                           {"source", &NewEvent::source},
                                           {"subject", &NewEvent::subject},
                                           {"time", &NewEvent::time},
                                           {"dataschema", &NewEvent::dataschema}}};

}  // namespace

bool is_binary_mode(const Request& request) {
  return std::ranges::any_of(request.head.fields, [](const Field& field) {
    for (const auto* name : {"ce-specversion", "ce-type", "ce-id", "ce-source"}) {
      if (same_ignoring_case(field.name, name)) return true;
    }
    return false;
  });
}

// Section 3.1.3.2: quotes around the value and escapes in them are undone first, then %XX.
Parsed<std::string> decode_attribute(std::string_view value) {
  if (!value.starts_with('"')) return percent_decode(value);
  const auto plain = from_quotes(value);
  if (!plain) return std::unexpected("a quote that no other one ends; a quote itself is %22");
  return percent_decode(*plain);
}

EventResult<> read_binary_mode(const Request& request, const EventSink& sink) {
  std::deque<std::string> kept;  // names and values that the event's views point into
  NewEvent event{.type = {}};
  std::string_view stream;
  for (const Field& field : request.head.fields) {
    auto said = attribute_name(field.name);
    if (!said) continue;
    const std::string& name = kept.emplace_back(std::move(*said));
    auto value = decode_attribute(field.value);
    if (!value) return no_binary_event("ce-" + name + ": " + value.error());
    const std::string& text = kept.emplace_back(std::move(*value));
    if (name == "specversion") {
      if (text != "1.0")
        return no_binary_event("ce-specversion is not 1.0, the one that is known here");
    } else if (name == "stream") {
      stream = text;
    } else if (const auto* known = std::ranges::find(kPlaces, name, &Place::name);
               known != kPlaces.end()) {
      event.*known->place = text;
    } else {
      event.attributes.push_back({.name = name, .text = text});
    }
  }
  if (event.type.empty()) return no_binary_event("an event needs a ce-type header, not empty");
  place_data(request, event);
  if (auto ok = sink(stream, event); !ok) {
    return std::unexpected(EventError{false, std::move(ok).error()});
  }
  return {};
}

}  // namespace strandline::server
