// Events in the shape of the SSE service's: no event names; `data:` is {"id","type","message",
// "data","timestamp","stream_id"}, with the time in whole seconds since 1970.
//
// What the service, or a generator, appended has data of {"message","data"}, which are told as
// these. Of any other event, `message` is the text member "message" of its data, if there is one,
// and `data` all of its data.
#include "server/http/response.h"
#include "server/json/base64.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"
#include "server/wire/form.h"

namespace strandline::server {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

struct Shape {
  std::string_view id, type;
  std::string_view message;  // a JSON string
  std::string_view data;     // JSON
  int64_t stored_us = 0;
};

class ServiceForm : public Form {
 public:
  ServiceForm(std::string stream, uint64_t retry_ms, int64_t now_us, std::shared_ptr<void> client)
      : stream_(std::move(stream)),
        retry_ms_(retry_ms),
        now_us_(now_us),
        client_(std::move(client)) {}

  std::string_view media_type() const override { return kEventStream; }

  void open_stream(std::string& out, uint64_t position) override {
    out += "retry: ";
    append_number(out, retry_ms_);
    out += '\n';
    std::string data = "{\"position\":";
    append_number(data, position);
    say(out, {.id = "connection",
              .type = "connection",
              .message = "\"Connected\"",
              .data = data + "}",
              .stored_us = now_us_});
  }

  uint32_t events(std::string& out, const Events& events, uint32_t i, size_t bytes_max) override {
    for (; i < events.count() && out.size() < bytes_max; ++i) {
      const Event event = events[i];
      const std::string offset = std::to_string(event.offset.value);
      out += "id: " + offset + "\n";
      Shape shape{.id = event.id().empty() ? std::string_view(offset) : event.id(),
                  .type = event.type(),
                  .message = "\"\"",
                  .data = "null",
                  .stored_us = event.stored.us};
      std::string text;
      JsonReader reader;
      take_data(event, shape, reader, text);
      say(out, shape);
    }
    return i;
  }

  void gap(std::string& out, const Gap& gap) override {
    if (gap.to > 0) {
      out += "id: ";
      append_number(out, gap.to - 1);
      out += '\n';
    }
    std::string data = "{\"from\":";
    append_number(data, gap.from);
    data += ",\"to\":";
    append_number(data, gap.to);
    data += ",\"reason\":\"" + std::string(name_of(gap.reason)) + "\"}";
    say(out, {.id = "gap",
              .type = "gap",
              .message = "\"Events are gone\"",
              .data = data,
              .stored_us = now_us_});
  }

  void moved(std::string& out, uint64_t position) override {
    if (position == 0) return;
    out += "id: ";
    append_number(out, position - 1);
    out += "\n\n";
  }

  void keepalive(std::string& out, uint64_t) override { out += ":\n\n"; }

  void ended(std::string& out, std::string_view reason) override {
    std::string data = "{\"reason\":";
    render_string(data, reason);
    say(out, {.id = "end",
              .type = "error",
              .message = "\"The stream was ended\"",
              .data = data + "}",
              .stored_us = now_us_});
  }

 private:
  // Views into what the event, the reader and `text` have.
  static void take_data(const Event& event, Shape& shape, JsonReader& reader, std::string& text) {
    switch (event.form()) {
      case DataForm::none:
        return;
      case DataForm::text:
        render_string(text, event.data());
        shape.data = text;
        return;
      case DataForm::binary:
        text = "\"";
        render_base64(text, event.data());
        text += '"';
        shape.data = text;
        return;
      case DataForm::json:
        break;
    }
    shape.data = event.data();
    const auto kind = reader.parse(event.data());
    if (!kind || *kind != JsonKind::object) return;
    const JsonValue* inner = nullptr;
    bool others = false;
    for (const JsonMember& member : reader.members()) {
      if (member.name == "message" && member.value.kind == JsonKind::string) {
        shape.message = member.value.text;
      } else if (member.name == "data") {
        inner = &member.value;
      } else {
        others = true;
      }
    }
    if (inner && !others && shape.message != "\"\"") shape.data = inner->text;
  }

  void say(std::string& out, const Shape& shape) const {
    out += "data: {\"id\":";
    render_string(out, shape.id);
    out += ",\"type\":";
    render_string(out, shape.type);
    out.append(",\"message\":").append(shape.message);
    out.append(",\"data\":").append(shape.data);
    out += ",\"timestamp\":";
    append_number(out, shape.stored_us / kSecondUs);
    out += ",\"stream_id\":";
    render_string(out, stream_);
    out += "}\n\n";
  }

  const std::string stream_;
  const uint64_t retry_ms_;
  const int64_t now_us_;  // when it was opened
  const std::shared_ptr<void> client_;
};

}  // namespace

std::unique_ptr<Form> service_form(std::string stream, uint64_t retry_ms, Timestamp now,
                                   std::shared_ptr<void> client) {
  return std::make_unique<ServiceForm>(std::move(stream), retry_ms, now.us, std::move(client));
}

}  // namespace strandline::server
