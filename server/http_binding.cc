#include "server/http_binding.h"

#include <algorithm>
#include <deque>

#include "server/media_type.h"

namespace strandline::server {
namespace {

std::unexpected<EventError> no_binary_event(std::string message) {
  return std::unexpected(EventError{false, {.code = Code::invalid, .message = std::move(message)}});
}

// "ce-Type" is "type"; nothing, of a header that is not one of CloudEvents'.
std::string attribute_name(std::string_view header) {
  if (header.size() < 4 || (header[0] | 32) != 'c' || (header[1] | 32) != 'e' || header[2] != '-') {
    return {};
  }
  std::string name(header.substr(3));
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

// Section 3.1.3.2: quotes around the value and escapes in them are undone first, then %XX.
Parsed<std::string> decoded(std::string_view value) {
  std::string plain;
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  if (quoted) value = value.substr(1, value.size() - 2);
  for (size_t i = 0; i < value.size(); ++i) {
    if (quoted && value[i] == '\\' && i + 1 < value.size()) ++i;
    plain += value[i];
  }
  return percent_decode(plain);
}

void place_data(const Request& request, NewEvent& event) {
  event.datacontenttype = request.head.field("Content-Type");
  event.data = request.body;
  if (event.data.empty()) return;
  const MediaType type(event.datacontenttype);
  event.form = type.is_json() ? DataForm::json : type.is_text() ? DataForm::text : DataForm::binary;
}

}  // namespace

bool is_binary_mode(const Request& request) {
  return std::ranges::any_of(request.head.fields, [](const Field& field) {
    for (const auto* name : {"ce-specversion", "ce-type", "ce-id", "ce-source"}) {
      if (same_ignoring_case(field.name, name)) return true;
    }
    return false;
  });
}

EventResult<> read_binary_mode(const Request& request, const EventSink& sink) {
  std::deque<std::string> kept;  // names and values that the event's views point into
  NewEvent event{.type = {}};
  std::string_view stream;
  for (const Field& field : request.head.fields) {
    const std::string& name = kept.emplace_back(attribute_name(field.name));
    if (name.empty()) continue;
    auto value = decoded(field.value);
    if (!value) return no_binary_event("ce-" + name + ": " + value.error());
    const std::string& text = kept.emplace_back(std::move(*value));
    if (name == "type") {
      event.type = text;
    } else if (name == "id") {
      event.id = text;
    } else if (name == "source") {
      event.source = text;
    } else if (name == "subject") {
      event.subject = text;
    } else if (name == "time") {
      if (!parse_time(text)) return no_binary_event("ce-time is not an RFC 3339 time");
      event.time = text;
    } else if (name == "dataschema") {
      event.dataschema = text;
    } else if (name == "specversion") {
      if (text != "1.0")
        return no_binary_event("ce-specversion is not 1.0, the one that is known here");
    } else if (name == "stream") {
      stream = text;
    } else if (name != "offset" && name != "sequence" && name != "stored") {
      for (const Attribute& known : event.attributes) {
        if (known.name == name) return no_binary_event("the header ce-" + name + " occurs twice");
      }
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
