#include "server/live/live_form.h"

#include "engine/api/base64.h"
#include "engine/base/crc32c.h"
#include "server/http/response.h"
#include "server/json/json_writer.h"
#include "server/live/websocket.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {
namespace {

constexpr size_t kPrintedBytesMax = 128 << 10;

// Which run of events. Its bytes are in it, too: an erasure changes them, and nothing else.
struct Printing {
  Printing() = default;
  explicit Printing(const Events& events)
      : sequence(events.sequence().value),
        skip(events.skip()),
        count(events.count()),
        bytes(events.flatbuffer().size()),
        crc32c(strandline::crc32c(events.flatbuffer())) {}
  bool operator==(const Printing&) const = default;

  uint64_t sequence = 0;
  uint32_t skip = 0, count = 0;
  size_t bytes = 0;
  uint32_t crc32c = 0;
};

// Its frames, as they were printed last on this thread.
struct Printed {
  std::string key;  // the form's
  Printing of = {};
  std::string frames;
};

class LiveForm : public Form {
 public:
  LiveForm(std::string key, Places places) : key_(std::move(key)), places_(places) {}
  std::string_view media_type() const override { return kJson; }

  uint32_t events(std::string& out, const Events& events, uint32_t i, size_t bytes_max) override {
    const uint32_t first = i;
    Printed& last = last_printed();
    const Printing printing(events);
    if (first == 0 && last.of == printing && last.key == key_) {
      out += last.frames;
      i = events.count();
    } else {
      const size_t before = out.size();
      is_personal_ = false;
      i = print(out, events, first, bytes_max);
      const bool whole = first == 0 && i == events.count();
      if (whole && !is_personal_ && out.size() - before <= kPrintedBytesMax) {
        last = {.key = key_, .of = printing, .frames = out.substr(before)};
      }
    }
    if (i > first) printed(out, end_of(events, i));
    return i;
  }

 protected:
  // The text of one event's frame; false: it is not shown.
  virtual bool print_event(std::string& text, const Events& events, uint32_t i) = 0;
  uint64_t place_of(const Event& event) const {
    return places_ == Places::offsets ? event.offset.value : event.sequence.value;
  }
  uint64_t end_of(const Events& events, uint32_t i) const { return place_of(events[i - 1]) + 1; }
  static std::string& scratch() {
    thread_local std::string text;
    text.clear();
    return text;
  }
  // Behind a run of events; `next`: the first position behind it.
  virtual void printed(std::string&, uint64_t /*next*/) {}
  // Said of an event that another client of the channel is told otherwise, or not.
  void is_personal() { is_personal_ = true; }

 private:
  static Printed& last_printed() {
    thread_local Printed printed;
    return printed;
  }
  uint32_t print(std::string& out, const Events& events, uint32_t i, size_t bytes_max) {
    for (; i < events.count() && out.size() < bytes_max; ++i) {
      std::string& text = scratch();
      if (print_event(text, events, i)) append_text_frame(out, text);
    }
    return i;
  }

  const std::string key_;  // forms with the same print the same
  const Places places_;
  bool is_personal_ = false;
};

std::string quoted_channel(std::string_view channel) {
  std::string text;
  render_string(text, channel);
  return text;
}

class NativeForm : public LiveForm {
 public:
  NativeForm(const std::string& channel, Places places)
      : LiveForm((places == Places::offsets ? "n" : "N") + channel, places),
        channel_(quoted_channel(channel)) {}

  bool print_event(std::string& text, const Events& events, uint32_t i) override {
    const Event event = events[i];
    begin(text, "event");
    text += ",\"position\":";
    append_number(text, place_of(event));
    text += ",\"event\":";
    render_event(text, events.stream(), event);
    text += '}';
    return true;
  }
  void gap(std::string& out, const Gap& gap) override {
    std::string& text = scratch();
    begin(text, "gap");
    text += ",\"gap\":";
    render_gap_object(text, gap);
    text += '}';
    append_text_frame(out, text);
  }
  void moved(std::string& out, uint64_t position) override { say(out, "position", position); }
  void caught_up(std::string& out, uint64_t position) override { say(out, "caught_up", position); }

 private:
  void begin(std::string& text, std::string_view op) const {
    text += "{\"op\":\"";
    text += op;
    text += "\",\"channel\":";
    text += channel_;
  }
  void say(std::string& out, std::string_view op, uint64_t position) {
    std::string& text = scratch();
    begin(text, op);
    text += ",\"position\":";
    append_number(text, position);
    text += '}';
    append_text_frame(out, text);
  }

  const std::string channel_;
};

class PusherLiveForm : public LiveForm {
 public:
  PusherLiveForm(PusherForm form, Places places)
      : LiveForm("p" + form.channel, places),
        form_(std::move(form)),
        channel_(quoted_channel(form_.channel)) {}

  bool print_event(std::string& text, const Events& events, uint32_t i) override {
    const Event event = events[i];
    has_shown_ = true;
    bool is_excepted = false;
    event.for_each_attribute([&](const Attribute& attribute) {
      if (attribute.name != kExceptAttribute) return;
      // Whomever it names: another is shown it, or is not.
      is_personal();
      is_excepted = is_excepted || attribute.text == form_.connection;
    });
    if (is_excepted) return false;
    text += "{\"event\":";
    render_string(text, event.type());
    text += ",\"channel\":";
    text += channel_;
    text += ",\"data\":";
    switch (event.form()) {
      case DataForm::none:
        text += "\"\"";
        break;
      case DataForm::json:
        render_pusher_data(text, event.data());
        break;
      case DataForm::text:
        render_string(text, event.data());
        break;
      case DataForm::binary: {
        std::string base64;
        render_base64(base64, event.data());
        render_string(text, base64);
        break;
      }
    }
    text += '}';
    return true;
  }
  void printed(std::string& out, uint64_t next) override {
    has_shown_ = true;
    if (form_.tells_position) say_position(out, next);
  }
  void gap(std::string& out, const Gap& gap) override {
    std::string& text = scratch();
    std::string what;
    render_gap_object(what, gap);
    text += "{\"event\":\"strandline:gap\",\"channel\":" + channel_ + ",\"data\":";
    render_pusher_data(text, what);
    text += '}';
    append_text_frame(out, text);
    if (form_.tells_position) say_position(out, gap.to);
  }
  void moved(std::string& out, uint64_t position) override {
    if (form_.tells_position) say_position(out, position);
  }
  void caught_up(std::string& out, uint64_t position) override {
    if (form_.is_cache && !has_shown_) {
      append_text_frame(
          out, "{\"event\":\"pusher:cache_miss\",\"channel\":" + channel_ + ",\"data\":\"{}\"}");
    }
    has_shown_ = true;
    if (form_.tells_position) say_position(out, position);
  }

 private:
  void say_position(std::string& out, uint64_t next) {
    std::string& text = scratch();
    text += "{\"event\":\"strandline:position\",\"data\":";
    std::string data = "{\"channel\":" + channel_ + ",\"position\":" + std::to_string(next) + "}";
    render_string(text, data);
    text += '}';
    append_text_frame(out, text);
  }

  const PusherForm form_;
  const std::string channel_;
  bool has_shown_ = false;
};

}  // namespace

std::unique_ptr<Form> native_live_form(std::string channel, Places places) {
  return std::make_unique<NativeForm>(channel, places);
}

std::unique_ptr<Form> pusher_live_form(PusherForm form, Places places) {
  return std::make_unique<PusherLiveForm>(std::move(form), places);
}

}  // namespace strandline::server
