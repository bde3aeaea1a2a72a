// CloudEvents in JSON, on the way in.
#include <array>

#include "engine/api/event_rules.h"
#include "engine/api/media_type.h"
#include "server/json/base64.h"
#include "server/json/json_reader.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {
namespace {

std::unexpected<EventError> malformed_event(std::string message) {
  return std::unexpected(EventError{true, {.code = Code::invalid, .message = std::move(message)}});
}

std::unexpected<EventError> no_event(std::string message) {
  return std::unexpected(EventError{false, {.code = Code::invalid, .message = std::move(message)}});
}

std::string quoted(std::string_view name) { return "\"" + std::string(name.substr(0, 64)) + "\""; }

// Reads one event after the other, and keeps its memory between them.
class EventReader {
 public:
  EventResult<> read(std::string_view json, const EventSink& sink) {
    const auto kind = reader_.parse(json);
    if (!kind) return malformed_event(kind.error());
    if (*kind != JsonKind::object) {
      return no_event(std::string("an event is a JSON object, not ") + name_of(*kind));
    }
    event_.attributes.clear();
    auto attributes = std::move(event_.attributes);
    event_ = {.type = {}, .attributes = std::move(attributes)};
    stream_ = {};
    data_ = base64_ = nullptr;
    places_ = {};
    for (const JsonMember& member : reader_.members()) {
      // A null member is an absent one, but null data is data.
      if (member.value.kind == JsonKind::null && member.name != "data") continue;
      if (auto ok = take(member.name, member.value); !ok) return ok;
    }
    if (auto ok = check_places(); !ok) return ok;
    if (event_.type.empty()) return no_event("an event needs a \"type\": a string, not empty");
    if (!event_.time.empty() && !parse_time(event_.time)) {
      return no_event("\"time\" is not an RFC 3339 time, such as 2026-01-02T03:04:05Z");
    }
    if (auto ok = take_data(); !ok) return ok;
    if (auto ok = sink(stream_, event_); !ok) {
      return std::unexpected(EventError{false, std::move(ok).error()});
    }
    return {};
  }

 private:
  struct Text {
    std::string_view name;
    std::string_view NewEvent::*place;
  };
  static constexpr std::array<Text, 7> kTexts = {{
      {"type", &NewEvent::type},
      {"id", &NewEvent::id},
      {"source", &NewEvent::source},
      {"subject", &NewEvent::subject},
      {"time", &NewEvent::time},
      {"datacontenttype", &NewEvent::datacontenttype},
      {"dataschema", &NewEvent::dataschema},
  }};

  static constexpr std::array<std::string_view, 3> kPlaces = {"offset", "sequence", "stored"};

  EventResult<> take(std::string_view name, const JsonValue& value) {
    for (const Text& text : kTexts) {
      if (name != text.name) continue;
      return take_string(name, value, event_.*text.place);
    }
    if (name == "data") {
      data_ = &value;
      return {};
    }
    if (name == "data_base64") {
      if (value.kind != JsonKind::string) return no_event("\"data_base64\" is a string");
      base64_ = &value;
      return {};
    }
    if (name == "stream") return take_string(name, value, stream_);
    for (size_t i = 0; i < kPlaces.size(); ++i) {
      if (name != kPlaces[i]) continue;
      places_[i] = &value;
      return {};
    }
    if (name == "specversion") {
      if (value.kind == JsonKind::string && reader_.string(value) == "1.0") return {};
      return no_event("\"specversion\" is not \"1.0\", the one that is known here");
    }
    return take_attribute(name, value);
  }

  // The log's own are passed over, so that an event that was read can be sent as it is. They are
  // known by standing together, as the log prints them; one by itself is an attribute of the
  // producer's, which would be lost.
  EventResult<> check_places() {
    const auto is_place = [this](const JsonValue* value, bool time) {
      if (!value) return false;
      if (!time) return json_integer(*value).has_value();
      return value->kind == JsonKind::string && parse_time(reader_.string(*value)).has_value();
    };
    if (is_place(places_[0], false) && is_place(places_[1], false) && is_place(places_[2], true)) {
      return {};
    }
    for (size_t i = 0; i < kPlaces.size(); ++i) {
      if (places_[i]) return no_event(taken_name(kPlaces[i]));
    }
    return {};
  }

  EventResult<> take_string(std::string_view name, const JsonValue& value,
                            std::string_view& place) {
    if (value.kind != JsonKind::string) {
      return no_event(quoted(name) + " is a string, not " + name_of(value.kind));
    }
    place = reader_.string(value);
    return {};
  }

  EventResult<> take_attribute(std::string_view name, const JsonValue& value) {
    Attribute attribute{.name = name, .text = value.text};
    switch (value.kind) {
      case JsonKind::string:
        attribute.text = reader_.string(value);
        break;
      case JsonKind::boolean:
        attribute.kind = AttributeKind::boolean;
        break;
      case JsonKind::number:
        attribute.kind = AttributeKind::integer;
        break;
      default:
        return no_event("the extension attribute " + quoted(name) +
                        " is a string, a boolean or a 32-bit integer, not " + name_of(value.kind) +
                        "; what is structured belongs in \"data\"");
    }
    event_.attributes.push_back(attribute);
    return {};
  }

  EventResult<> take_data() {
    if (data_ && base64_) return no_event("an event has \"data\" or \"data_base64\", not both");
    if (base64_) {
      auto bytes = parse_base64(reader_.string(*base64_));
      if (!bytes) return no_event("\"data_base64\": " + bytes.error().message);
      bytes_ = std::move(*bytes);
      event_.form = DataForm::binary;
      event_.data = bytes_;
    } else if (data_) {
      // CloudEvents JSON format, section 3.1: a string is itself the data where the content type is
      // not JSON; everything else is a JSON value.
      const bool text = data_->kind == JsonKind::string && !event_.datacontenttype.empty() &&
                        !MediaType(event_.datacontenttype).is_json();
      event_.form = text ? DataForm::text : DataForm::json;
      event_.data = text ? reader_.string(*data_) : data_->text;
    }
    return {};
  }

  JsonReader reader_;
  NewEvent event_;
  std::string_view stream_;
  const JsonValue* data_ = nullptr;
  const JsonValue* base64_ = nullptr;
  std::array<const JsonValue*, 3> places_ = {};
  std::string bytes_;
};

EventResult<> placed(EventResult<> result, std::string_view what, uint64_t number) {
  if (!result) {
    auto& message = result.error().error.message;
    message = std::string(what) + " " + std::to_string(number) + ": " + message;
  }
  return result;
}

}  // namespace

EventResult<> parse_event(std::string_view json, const EventSink& sink) {
  return EventReader().read(json, sink);
}

EventResult<> parse_event_or_array(std::string_view json, const EventSink& sink) {
  const size_t begin = json.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || json[begin] != '[') return parse_event(json, sink);
  JsonReader elements;
  if (const auto kind = elements.parse(json); !kind) return malformed_event(kind.error());
  EventReader reader;
  uint64_t index = 0;
  for (const JsonMember& element : elements.members()) {
    auto ok = placed(reader.read(element.value.text, sink), "event", index++);
    if (!ok) return ok;
  }
  return {};
}

EventResult<> parse_ndjson(std::string_view text, const EventSink& sink) {
  EventReader reader;
  uint64_t number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto ok = placed(reader.read(line, sink), "line", number);
    if (!ok) return ok;
  }
  return {};
}

}  // namespace strandline::server
