// Events as JSON: one object, an array, or NDJSON. What is taken keeps the rules of a batch and is
// the same after printing and parsing; what is refused says why.
#include <algorithm>

#include "engine/api/event_rules.h"
#include "engine/base/check.h"
#include "fuzz/fields.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "server/json/base64.h"
#include "server/json/json_fields.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {
namespace {

constexpr Limits kLimits{.event_bytes_max = 2048, .batch_bytes_max = 8192, .batch_events_max = 16};

void check_reader(std::string_view text) {
  JsonReader reader;
  const auto kind = reader.parse(text);
  if (!kind) {
    CHECK_TRUE(!kind.error().empty());
    return;
  }
  // The engine must take what the server took, and every part of it.
  CHECK_TRUE(json_form_of(text));
  for (const JsonMember& member : reader.members()) {
    CHECK_TRUE(json_form_of(member.value.text));
    CHECK_TRUE(member.value.text.data() >= text.data());
    CHECK_TRUE(member.value.text.data() + member.value.text.size() <= text.data() + text.size());
    CHECK_TRUE(is_utf8(member.name));
    if (member.value.kind == JsonKind::string) {
      const std::string_view said = reader.string(member.value);
      CHECK_TRUE(is_utf8(said));
      std::string printed;
      render_string(printed, said);
      JsonReader again;
      CHECK_TRUE(again.parse(printed) == JsonKind::string);
    }
    (void)json_integer(member.value);
  }
}

void check_base64(std::string_view text) {
  const auto decoded = parse_base64(text);
  if (!decoded) return;
  std::string printed;
  render_base64(printed, *decoded);
  const auto again = parse_base64(printed);
  CHECK_TRUE(again);
  CHECK_EQ(*again, *decoded);
}

void check_fields(std::string_view text) {
  auto fields = JsonFields::parse(text, {"stream", "next", "expected"});
  if (!fields) {
    CHECK_TRUE(!fields.error().empty());
    return;
  }
  (void)fields->string("stream");
  (void)fields->number("next");
}

}  // namespace
}  // namespace strandline::server

FUZZ_TARGET(events) {
  using namespace strandline;
  using namespace strandline::server;
  fuzz::Input input(bytes);
  const uint8_t way = input.byte() % 6;
  const std::string_view text = input.rest();
  if (way == 3) return check_reader(text);
  if (way == 4) return check_base64(text);
  if (way == 5) return check_fields(text);

  BatchBuilder builder(kLimits);
  std::vector<fuzz::Fields> taken;
  const auto parse = way == 0 ? parse_event : way == 1 ? parse_event_or_array : parse_ndjson;
  const auto read = parse(text, [&](std::string_view, const NewEvent& event) -> Status {
    auto added = builder.add(event);
    if (added) {
      taken.push_back(fuzz::fields_of(event));
      if (event.form != DataForm::json) return added;
      std::ranges::replace(taken.back().data, '\n', ' ');
      std::ranges::replace(taken.back().data, '\r', ' ');
    }
    return added;
  });
  if (!read) CHECK_TRUE(!read.error().error.message.empty());
  CHECK_EQ(builder.count(), taken.size());
  if (taken.empty()) return;
  const auto batch = builder.finish();
  if (!batch) {
    CHECK_TRUE(batch.error().code == Code::too_large);
    return;
  }
  CHECK_TRUE(fuzz::fields_of(*batch) == taken);
  fuzz::check_accepted(*batch, kLimits);
}
