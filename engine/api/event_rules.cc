#include "engine/api/event_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/api/json_scanner.h"
#include "engine/api/media_type.h"
#include "engine/api/rfc3339.h"

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

// CloudEvents' own, and the log's.
constexpr std::array<std::string_view, 13> kTakenNames = {
    "type", "id",          "source", "subject", "time",     "datacontenttype", "dataschema",
    "data", "specversion", "stream", "offset",  "sequence", "stored"};

bool is_integer(std::string_view text) {
  // At most 11 characters, so a 64-bit number holds whatever they say.
  const std::string digits(text.substr(0, 12));
  const long long number = std::strtoll(digits.c_str(), nullptr, 10);
  if (text == "-0") return true;
  return std::to_string(number) == text && number >= INT32_MIN && number <= INT32_MAX;
}

Status check_attribute(const Attribute& attribute, const Limits& limits) {
  const auto lower_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  if (attribute.name.empty() || attribute.name.size() > limits.attribute_name_bytes_max ||
      !std::ranges::all_of(attribute.name, lower_or_digit)) {
    return fail(Code::invalid,
                fmt::format("the extension attribute name \"{}\" is not 1 to {} of a-z and 0-9",
                            is_plain_text(attribute.name) ? attribute.name.substr(0, 64) : "?",
                            limits.attribute_name_bytes_max));
  }
  if (std::ranges::find(kTakenNames, attribute.name) != kTakenNames.end()) {
    return fail(Code::invalid, taken_name(attribute.name));
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
  if (attribute.kind == AttributeKind::integer && !is_integer(attribute.text)) {
    return fail(Code::invalid, fmt::format("attribute \"{}\" is a 32-bit signed integer in decimal",
                                           attribute.name));
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

Status check_json(std::string_view type, std::string_view data, const Limits& limits) {
  auto form = json_form_of(data);
  if (!form) {
    form.error().message = "data said to be JSON is not one JSON value: " + form.error().message;
    return std::unexpected(std::move(form.error()));
  }
  if (form->levels > limits.json_levels_max) {
    return fail(Code::invalid, fmt::format("data nested {} levels deep: the limit is {}",
                                           form->levels, limits.json_levels_max));
  }
  if (type.empty() || type == "application/json") return {};
  const MediaType media(type);
  if (!media.is_utf8()) {
    return fail(Code::invalid,
                fmt::format("JSON is UTF-8 (RFC 8259, section 8.1), and the content type says {}",
                            media.charset().substr(0, 64)));
  }
  if (form->is_string && !media.is_json()) {
    return fail(Code::invalid,
                "a JSON string whose content type is not JSON: data in text has the form text");
  }
  return {};
}

Status check_data(DataForm form, std::string_view type, std::string_view data,
                  const Limits& limits) {
  switch (form) {
    case DataForm::none:
      if (!data.empty()) return fail(Code::invalid, "data without a form");
      return {};
    case DataForm::json:
      return check_json(type, data, limits);
    case DataForm::text:
      if (!is_utf8(data)) return fail(Code::invalid, "data said to be text is not UTF-8");
      if (!type.empty() && type != "text/plain" && MediaType(type).is_json()) {
        return fail(Code::invalid,
                    "text whose content type is JSON: data in JSON has the form json");
      }
      return {};
    case DataForm::binary:
      return {};
  }
  return fail(Code::invalid, "data's form is none, json, text or binary");
}

struct AttributeSum {
  size_t count = 0;  // of the event's own
  size_t bytes = 0;
  size_t dead_letter_bytes = 0;

  void add(const Attribute& attribute) {
    const size_t more = attribute.name.size() + attribute.text.size();
    if (std::ranges::find(kDeadLetterNames, attribute.name) != kDeadLetterNames.end()) {
      dead_letter_bytes += more;
    } else {
      ++count;
      bytes += more;
    }
  }
};

struct Named {
  std::string_view name;
  std::string_view text;
};

// How long what the log derives for an event that leaves it out may be: id (an offset), source (a
// stream's path, whose name may be all %XX), time, and the content type of text. So much of the
// event's own is not counted: an event at the limit is one with them, too, as an export has it.
size_t derived_bytes_max(std::string_view name, const Limits& limits) {
  if (name == "id") return std::string_view("18446744073709551615").size();
  if (name == "source") return std::string_view("/v1/streams/").size() + 3 * limits.name_bytes_max;
  if (name == "time") return std::string_view("2026-01-02T03:04:05.678901Z").size();
  return name == "datacontenttype" ? std::string_view("text/plain").size() : 0;
}

Status check_fields(std::initializer_list<Named> fields, DataForm form, std::string_view data,
                    const AttributeSum& attributes, const Limits& limits) {
  size_t bytes = data.size() + attributes.bytes;
  for (const Named& field : fields) {
    bytes += field.text.size() - std::min(field.text.size(), derived_bytes_max(field.name, limits));
  }
  if (bytes > limits.event_bytes_max) {
    return fail(Code::too_large, fmt::format("an event of {} bytes: the limit is {}", bytes,
                                             limits.event_bytes_max));
  }
  if (attributes.dead_letter_bytes > limits.dead_letter_bytes_max) {
    return fail(Code::too_large,
                fmt::format("{} bytes of attributes of a dead letter: the limit is {}",
                            attributes.dead_letter_bytes, limits.dead_letter_bytes_max));
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
  const auto* type = std::ranges::find(fields, std::string_view("datacontenttype"), &Named::name);
  return check_data(form, type->text, data, limits);
}

std::string_view view(const flatbuffers::String* s) {
  return s ? std::string_view(s->c_str(), s->size()) : std::string_view();
}

std::string_view data_of(const schema::Event& event) {
  const auto* data = event.data();
  if (!data) return {};
  return {reinterpret_cast<const char*>(data->data()), data->size()};
}

}  // namespace

Limits limits_of_stored(const Limits& limits) {
  Limits stored = limits;
  stored.event_bytes_max = stored.batch_bytes_max = stored.dead_letter_bytes_max = SIZE_MAX / 128;
  stored.attribute_name_bytes_max = stored.json_levels_max = SIZE_MAX / 128;
  stored.batch_events_max = UINT32_MAX;
  stored.attributes_max = 4096;
  return stored;
}

bool is_utf8(std::string_view text) { return scan(text, false); }
bool is_plain_text(std::string_view text) { return scan(text, true); }

Result<JsonForm> json_form_of(std::string_view text) {
  JsonScanner scanner(text);
  JsonToken token = scanner.next();
  const bool is_string = token == JsonToken::string;
  while (token != JsonToken::end) {
    if (token == JsonToken::error) {
      return fail(Code::invalid,
                  fmt::format("{} (at byte {})", scanner.problem(), scanner.problem_at()));
    }
    token = scanner.next();
  }
  return JsonForm{.is_string = is_string, .levels = scanner.level_max()};
}

std::string_view without_json_space(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string taken_name(std::string_view name) {
  const bool by_log = name == "offset" || name == "sequence" || name == "stored";
  return fmt::format("\"{}\" is not free for an extension attribute{}", name,
                     by_log ? ": it names a fact of the log's own about every event" : "");
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
  AttributeSum sum;
  for (size_t i = 0; i < event.attributes.size(); ++i) {
    const Attribute& attribute = event.attributes[i];
    sum.add(attribute);
    if (sum.count > limits.attributes_max) {
      return fail(Code::invalid, fmt::format("an event has at most {} extension attributes",
                                             limits.attributes_max));
    }
    if (auto ok = check_attribute(attribute, limits); !ok) return ok;
    for (size_t j = 0; j < i; ++j) {
      if (event.attributes[j].name == attribute.name) {
        return fail(Code::invalid,
                    fmt::format("the extension attribute \"{}\" occurs twice", attribute.name));
      }
    }
  }
  return check_fields({{"type", event.type},
                       {"id", event.id},
                       {"source", event.source},
                       {"subject", event.subject},
                       {"time", event.time},
                       {"datacontenttype", event.datacontenttype},
                       {"dataschema", event.dataschema}},
                      event.form, event.data, sum, limits);
}

NewEvent new_event_of(const schema::Event& event, const Limits& limits) {
  NewEvent copy{.type = view(event.type()),
                .id = view(event.id()),
                .source = view(event.source()),
                .subject = view(event.subject()),
                .time = view(event.time()),
                .datacontenttype = view(event.datacontenttype()),
                .dataschema = view(event.dataschema()),
                .form = event.form(),
                .data = data_of(event)};
  if (event.attributes()) {
    for (const auto* attribute : *event.attributes()) {
      copy.attributes.push_back(
          {view(attribute->name()), view(attribute->text()), attribute->kind()});
      // One more than there may be is enough to refuse them.
      if (copy.attributes.size() > limits.attributes_max + kDeadLetterNames.size()) break;
    }
  }
  return copy;
}

Status check_event(const schema::Event& event, const Limits& limits) {
  // Attributes are rare, so they may take the long way.
  if (event.attributes()) return check_event(new_event_of(event, limits), limits);
  return check_fields({{"type", view(event.type())},
                       {"id", view(event.id())},
                       {"source", view(event.source())},
                       {"subject", view(event.subject())},
                       {"time", view(event.time())},
                       {"datacontenttype", view(event.datacontenttype())},
                       {"dataschema", view(event.dataschema())}},
                      event.form(), data_of(event), {}, limits);
}

bool is_as_kept(const schema::Event& event) {
  if (event.form() != DataForm::json) return true;
  const std::string_view data = data_of(event);
  return data.find('\n') == data.npos && data.find('\r') == data.npos &&
         without_json_space(data).size() == data.size();
}

}  // namespace strandline
