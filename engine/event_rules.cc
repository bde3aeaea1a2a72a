#include "engine/event_rules.h"

#include <fmt/format.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/rfc3339.h"

namespace strandline {
namespace {

// Bytes of the UTF-8 sequence at the front of `s`, 0 if it is not one; its code point in `point`.
size_t decode(std::string_view s, uint32_t& point) {
  const auto byte = [&](size_t i) { return uint8_t(s[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) {
    point = lead;
    return 1;
  }
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || s.size() < length) return 0;
  point = lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3F);
  }
  const uint32_t least = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return point < least || point > 0x10FFFF || surrogate ? 0 : length;
}

// Whether the 8 bytes at `p` are all ASCII and, with `plain`, none is a control character.
bool eight_are_easy(const char* p, bool plain) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  constexpr uint64_t kHigh = 0x8080808080808080, kOnes = 0x0101010101010101;
  if (word & kHigh) return false;
  if (!plain) return true;
  const uint64_t below_space = (word - kOnes * 0x20) & kHigh;
  const uint64_t is_delete = ((word ^ kOnes * 0x7F) - kOnes) & kHigh;
  return (below_space | is_delete) == 0;
}

bool scan(std::string_view text, bool plain) {
  size_t i = 0;
  while (i < text.size()) {
    if (i + 8 <= text.size() && eight_are_easy(text.data() + i, plain)) {
      i += 8;
      continue;
    }
    uint32_t point = 0;
    const size_t length = decode(text.substr(i), point);
    if (length == 0) return false;
    if (plain && (point < 0x20 || (point >= 0x7F && point < 0xA0))) return false;
    i += length;
  }
  return true;
}

constexpr std::array<std::string_view, 15> kTakenNames = {
    "type",       "id",     "source", "subject",  "time",   "datacontenttype", "dataschema", "data",
    "database64", "stream", "offset", "sequence", "stored", "specversion",     "database"};

Status check_attribute(const Attribute& attribute) {
  const auto lower_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  if (attribute.name.empty() || attribute.name.size() > 20 ||
      !std::ranges::all_of(attribute.name, lower_or_digit)) {
    return fail(Code::invalid,
                fmt::format("the extension attribute name \"{}\" is not 1 to 20 of a-z and 0-9",
                            is_plain_text(attribute.name) ? attribute.name.substr(0, 64) : "?"));
  }
  if (std::ranges::find(kTakenNames, attribute.name) != kTakenNames.end()) {
    return fail(Code::invalid,
                fmt::format("\"{}\" is not free for an extension attribute", attribute.name));
  }
  if (!is_plain_text(attribute.text)) {
    return fail(
        Code::invalid,
        fmt::format("attribute \"{}\" is not UTF-8 without control characters", attribute.name));
  }
  if (attribute.kind == AttributeKind::boolean && attribute.text != "true" &&
      attribute.text != "false") {
    return fail(Code::invalid,
                fmt::format("attribute \"{}\" is a boolean: true or false", attribute.name));
  }
  if (attribute.kind == AttributeKind::integer) {
    // At most 11 characters, so a 64-bit number holds whatever they say.
    const std::string text(attribute.text.substr(0, 12));
    char* end = nullptr;
    const long long number = std::strtoll(text.c_str(), &end, 10);
    if (text.empty() || std::to_string(number) != attribute.text || number < INT32_MIN ||
        number > INT32_MAX) {
      return fail(
          Code::invalid,
          fmt::format("attribute \"{}\" is a 32-bit signed integer in decimal", attribute.name));
    }
  }
  if (attribute.kind > AttributeKind::boolean) {
    return fail(Code::invalid, "an attribute's kind is text, integer or boolean");
  }
  return {};
}

Status check_text(std::string_view name, std::string_view text) {
  if (is_plain_text(text)) return {};
  return fail(Code::invalid, fmt::format("{} is not UTF-8 without control characters", name));
}

Status check_data(DataForm form, std::string_view data) {
  switch (form) {
    case DataForm::none:
      if (!data.empty()) return fail(Code::invalid, "data without a form");
      return {};
    case DataForm::json:
      if (!is_json(data)) return fail(Code::invalid, "data said to be JSON is not one JSON value");
      return {};
    case DataForm::text:
      if (!is_utf8(data)) return fail(Code::invalid, "data said to be text is not UTF-8");
      return {};
    case DataForm::binary:
      return {};
  }
  return fail(Code::invalid, "data's form is none, json, text or binary");
}

struct Named {
  std::string_view name;
  std::string_view text;
};

Status check_fields(std::initializer_list<Named> fields, DataForm form, std::string_view data,
                    size_t attribute_bytes, const Limits& limits) {
  size_t bytes = data.size() + attribute_bytes;
  for (const Named& field : fields) bytes += field.text.size();
  if (bytes > limits.event_bytes_max) {
    return fail(Code::too_large, fmt::format("an event of {} bytes: the limit is {}", bytes,
                                             limits.event_bytes_max));
  }
  if (fields.begin()->text.empty()) return fail(Code::invalid, "an event needs a type");
  for (const Named& field : fields) {
    if (auto ok = check_text(field.name, field.text); !ok) return ok;
  }
  const auto* time = std::ranges::find(fields, std::string_view("time"), &Named::name);
  if (!time->text.empty() && !parse_time(time->text)) {
    return fail(Code::invalid, fmt::format("the time \"{}\" is not one of RFC 3339, such as "
                                           "2026-01-02T03:04:05.678Z",
                                           time->text.substr(0, 64)));
  }
  return check_data(form, data);
}

std::string_view view(const flatbuffers::String* s) {
  return s ? std::string_view(s->c_str(), s->size()) : std::string_view();
}

}  // namespace

bool is_utf8(std::string_view text) { return scan(text, false); }
bool is_plain_text(std::string_view text) { return scan(text, true); }

bool has_half_surrogate(std::string_view text) {
  // They are the three bytes ED A0..BF 80..BF.
  for (size_t at = text.find('\xED'); at != std::string_view::npos;
       at = text.find('\xED', at + 1)) {
    if (at + 1 < text.size() && uint8_t(text[at + 1]) >= 0xA0) return true;
  }
  return false;
}

bool is_json(std::string_view text) {
  // RapidJSON refuses the first half of a surrogate pair alone, but not the second.
  struct Strings : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Strings> {
    bool String(const char* s, unsigned length, bool) { return !has_half_surrogate({s, length}); }
    bool Key(const char* s, unsigned length, bool) { return !has_half_surrogate({s, length}); }
  };
  // Iterative, so that deep nesting costs heap, not stack; numbers stay text, so that none
  // overflows.
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::MemoryStream stream(text.data(), text.size());
  Strings strings;
  rapidjson::Reader reader;
  // A NUL byte ends the parse like the end of the text does, hence the second condition.
  return !reader.Parse<kFlags>(stream, strings).IsError() && stream.Tell() == text.size();
}

size_t event_bytes(const schema::Event& event) {
  size_t bytes = event.data() ? event.data()->size() : 0;
  for (const auto* field : {event.type(), event.id(), event.source(), event.subject(), event.time(),
                            event.datacontenttype(), event.dataschema()}) {
    if (field) bytes += field->size();
  }
  if (event.attributes()) {
    for (const auto* attribute : *event.attributes()) {
      bytes += attribute->name()->size() + attribute->text()->size();
    }
  }
  return bytes;
}

Status check_event(const NewEvent& event, const Limits& limits) {
  size_t attribute_bytes = 0;
  for (size_t i = 0; i < event.attributes.size(); ++i) {
    const Attribute& attribute = event.attributes[i];
    attribute_bytes += attribute.name.size() + attribute.text.size();
    if (auto ok = check_attribute(attribute); !ok) return ok;
    for (size_t j = 0; j < i; ++j) {
      if (event.attributes[j].name == attribute.name) {
        return fail(Code::invalid,
                    fmt::format("the extension attribute \"{}\" occurs twice", attribute.name));
      }
    }
    if (i == limits.attributes_max) {
      return fail(Code::invalid, fmt::format("an event has at most {} extension attributes",
                                             limits.attributes_max));
    }
  }
  return check_fields({{"type", event.type},
                       {"id", event.id},
                       {"source", event.source},
                       {"subject", event.subject},
                       {"time", event.time},
                       {"datacontenttype", event.datacontenttype},
                       {"dataschema", event.dataschema}},
                      event.form, event.data, attribute_bytes, limits);
}

Status check_event(const schema::Event& event, const Limits& limits) {
  const auto* data = event.data();
  const std::string_view bytes =
      data ? std::string_view(reinterpret_cast<const char*>(data->data()), data->size()) : "";
  if (event.attributes()) {
    // Rare, so it may take the long way.
    NewEvent copy{.type = view(event.type()), .id = view(event.id()), .form = event.form()};
    for (const auto* attribute : *event.attributes()) {
      copy.attributes.push_back(
          {view(attribute->name()), view(attribute->text()), attribute->kind()});
      if (copy.attributes.size() > 65) break;
    }
    copy.source = view(event.source());
    copy.subject = view(event.subject());
    copy.time = view(event.time());
    copy.datacontenttype = view(event.datacontenttype());
    copy.dataschema = view(event.dataschema());
    copy.data = bytes;
    return check_event(copy, limits);
  }
  return check_fields({{"type", view(event.type())},
                       {"id", view(event.id())},
                       {"source", view(event.source())},
                       {"subject", view(event.subject())},
                       {"time", view(event.time())},
                       {"datacontenttype", view(event.datacontenttype())},
                       {"dataschema", view(event.dataschema())}},
                      event.form(), bytes, 0, limits);
}

}  // namespace strandline
