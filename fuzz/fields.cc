#include "fuzz/fields.h"

#include <algorithm>

#include "engine/api/delivery.h"
#include "engine/api/event_rules.h"
#include "engine/api/media_type.h"
#include "engine/base/check.h"
#include "server/wire/cloudevents.h"

namespace strandline::fuzz {
namespace {

std::pair<std::string, std::string> pair_of(const Attribute& attribute) {
  return {std::string(attribute.name) + static_cast<char>('0' + int(attribute.kind)),
          std::string(attribute.text)};
}

Events events_of(const Batch& batch) {
  return Events("stream", batch.bytes(), batch.count(), 0, batch.count(), Offset(7), Sequence(9),
                Timestamp{1'700'000'000'000'000}, false);
}

// What an id, a source, a time and a content type may have beside the limit.
constexpr size_t kDerivedBytesMax = 1024;

void check_rules(const Fields& event, const Limits& limits) {
  CHECK_TRUE(!event.type.empty());
  size_t bytes = event.data.size();
  for (const auto* text : {&event.type, &event.id, &event.source, &event.subject, &event.time,
                           &event.datacontenttype, &event.dataschema}) {
    CHECK_TRUE(is_plain_text(*text));
    bytes += text->size();
  }
  size_t own = 0;
  for (const auto& [name, text] : event.attributes) {
    CHECK_TRUE(is_plain_text(text));
    const std::string_view plain = std::string_view(name).substr(0, name.size() - 1);
    if (std::ranges::find(kDeadLetterNames, plain) != kDeadLetterNames.end()) continue;
    ++own;
    bytes += plain.size() + text.size();
  }
  CHECK_LE(own, limits.attributes_max);
  CHECK_LE(bytes, limits.event_bytes_max + kDerivedBytesMax);
  if (event.form == DataForm::none) CHECK_TRUE(event.data.empty());
  if (event.form == DataForm::json) {
    const auto json = json_form_of(event.data);
    CHECK_TRUE(json);
    CHECK_LE(json->levels, limits.json_levels_max);
    CHECK_TRUE(event.data.find_first_of("\r\n") == std::string::npos);
    CHECK_EQ(without_json_space(event.data).size(), event.data.size());
  }
  if (event.form == DataForm::text) CHECK_TRUE(is_utf8(event.data));
  if (!event.time.empty()) CHECK_TRUE(parse_time(event.time));
}

// Text without a content type is shown with the one that it has then.
Fields as_printed(Fields event) {
  if (event.form == DataForm::text && event.datacontenttype.empty()) {
    event.datacontenttype = "text/plain";
  }
  return event;
}

}  // namespace

Fields fields_of(const Event& event) {
  Fields fields{.type = std::string(event.type()),
                .id = std::string(event.id()),
                .source = std::string(event.source()),
                .subject = std::string(event.subject()),
                .time = std::string(event.time()),
                .datacontenttype = std::string(event.datacontenttype()),
                .dataschema = std::string(event.dataschema()),
                .attributes = {},
                .form = event.form(),
                .data = std::string(event.data())};
  event.for_each_attribute(
      [&](const Attribute& attribute) { fields.attributes.push_back(pair_of(attribute)); });
  return fields;
}

Fields fields_of(const NewEvent& event) {
  Fields fields{.type = std::string(event.type),
                .id = std::string(event.id),
                .source = std::string(event.source),
                .subject = std::string(event.subject),
                .time = std::string(event.time),
                .datacontenttype = std::string(event.datacontenttype),
                .dataschema = std::string(event.dataschema),
                .attributes = {},
                .form = event.form,
                .data = std::string(event.data)};
  for (const Attribute& attribute : event.attributes) {
    fields.attributes.push_back(pair_of(attribute));
  }
  return fields;
}

std::vector<Fields> fields_of(const Batch& batch) {
  std::vector<Fields> all;
  const Events events = events_of(batch);
  for (const Event event : events) all.push_back(fields_of(event));
  return all;
}

void check_accepted(const Batch& batch, const Limits& limits) {
  CHECK_TRUE(batch.count() > 0);
  CHECK_LE(batch.count(), limits.batch_events_max);
  CHECK_LE(batch.bytes().size(), limits.batch_bytes_max);
  const std::vector<Fields> fields = fields_of(batch);
  CHECK_EQ(fields.size(), batch.count());
  for (const Fields& event : fields) check_rules(event, limits);
  CHECK_TRUE(Batch::verified(std::string(batch.bytes()), limits));

  std::string lines;
  const Events events = events_of(batch);
  for (const Event event : events) {
    server::render_event(lines, "stream", event, {.derived = server::Derived::nothing});
    lines += '\n';
  }
  CHECK_EQ(uint32_t(std::ranges::count(lines, '\n')), batch.count());
  size_t i = 0;
  const auto parsed =
      server::parse_ndjson(lines, [&](std::string_view stream, const NewEvent& event) -> Status {
        CHECK_EQ(stream, "stream");
        CHECK_TRUE(check_event(event, Limits{}));
        CHECK_LT(i, fields.size());
        CHECK_TRUE(fields_of(event) == as_printed(fields[i]));
        ++i;
        return {};
      });
  if (!parsed) CHECK_EQ(parsed.error().error.message, "");
  CHECK_EQ(i, fields.size());
}

}  // namespace strandline::fuzz
