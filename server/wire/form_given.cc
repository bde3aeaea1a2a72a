// The forms in which a consumer's events leave: each with its position, and the attempt that it is.
//
//   {"position":n,"attempt":n,"event":{...}}
//
// in the array of a page, on a line, or as the data of a server-sent event.
#include "server/http/response.h"
#include "server/wire/cloudevents.h"
#include "server/wire/form.h"

namespace strandline::server {
namespace {

class GivenForm : public Form {
 public:
  explicit GivenForm(Places places) : places_(places) {}

  void attempt(uint32_t number) override { attempt_ = number; }

 protected:
  uint64_t place(const Event& event) const {
    return places_ == Places::offsets ? event.offset.value : event.sequence.value;
  }
  void object(std::string& out, const Events& events, const Event& event) const {
    out += "{\"position\":";
    append_number(out, place(event));
    out += ",\"attempt\":";
    append_number(out, uint64_t{attempt_});
    out += ",\"event\":";
    render_event(out, events.stream(), event);
    out += '}';
  }
  static void say_joined(std::string& out, uint64_t epoch, uint64_t position) {
    out += "{\"type\":\"strandline.joined\",\"epoch\":";
    append_number(out, epoch);
    out += ",\"position\":";
    append_number(out, position);
    out += '}';
  }
  static void say_fenced(std::string& out, uint64_t epoch) {
    out += "{\"type\":\"strandline.fenced\",\"epoch\":";
    append_number(out, epoch);
    out += '}';
  }

 private:
  const Places places_;
  uint32_t attempt_ = 1;
};

class GivenJsonForm : public GivenForm {
 public:
  using GivenForm::GivenForm;
  std::string_view media_type() const override { return kJson; }

  void open_page(std::string& out) override { out += "\"events\":["; }

  uint32_t events(std::string& out, const Events& events, uint32_t i, size_t bytes_max) override {
    for (; i < events.count() && out.size() < bytes_max; ++i) {
      if (!first_) out += ',';
      first_ = false;
      object(out, events, events[i]);
    }
    return i;
  }

  void gap(std::string&, const Gap& gap) override {
    if (!gaps_.empty()) gaps_ += ',';
    render_gap_object(gaps_, gap);
  }

  void close_page(std::string& out, uint64_t, const Available&) override {
    out += "],\"gaps\":[" + gaps_ + "]";
  }

 private:
  bool first_ = true;
  std::string gaps_;
};

class GivenNdjsonForm : public GivenForm {
 public:
  using GivenForm::GivenForm;
  std::string_view media_type() const override { return kNdjson; }

  uint32_t events(std::string& out, const Events& events, uint32_t i, size_t bytes_max) override {
    for (; i < events.count() && out.size() < bytes_max; ++i) {
      object(out, events, events[i]);
      out += '\n';
    }
    return i;
  }

  void gap(std::string& out, const Gap& gap) override {
    render_gap(out, gap);
    out += '\n';
  }
  void joined(std::string& out, uint64_t epoch, uint64_t position) override {
    say_joined(out, epoch, position);
    out += '\n';
  }
  void fenced(std::string& out, uint64_t epoch) override {
    say_fenced(out, epoch);
    out += '\n';
  }
  void keepalive(std::string& out, uint64_t) override { out += '\n'; }
  void ended(std::string& out, std::string_view reason) override {
    render_end(out, reason);
    out += '\n';
  }
};

class GivenSseForm : public GivenForm {
 public:
  GivenSseForm(Places places, uint64_t retry_ms) : GivenForm(places), retry_ms_(retry_ms) {}
  std::string_view media_type() const override { return kEventStream; }

  void open_stream(std::string& out, uint64_t) override {
    out += "retry: ";
    append_number(out, retry_ms_);
    out += "\n\n";
  }

  uint32_t events(std::string& out, const Events& events, uint32_t i, size_t bytes_max) override {
    for (; i < events.count() && out.size() < bytes_max; ++i) {
      const Event event = events[i];
      out += "id: ";
      append_number(out, place(event));
      out += "\nevent: ";
      out += event.type();
      out += "\ndata: ";
      object(out, events, event);
      out += "\n\n";
    }
    return i;
  }

  void gap(std::string& out, const Gap& gap) override {
    out += "event: strandline.gap\ndata: ";
    render_gap(out, gap);
    out += "\n\n";
  }
  void joined(std::string& out, uint64_t epoch, uint64_t position) override {
    out += "event: strandline.joined\ndata: ";
    say_joined(out, epoch, position);
    out += "\n\n";
  }
  void fenced(std::string& out, uint64_t epoch) override {
    out += "event: strandline.fenced\ndata: ";
    say_fenced(out, epoch);
    out += "\n\n";
  }
  void keepalive(std::string& out, uint64_t) override { out += ":\n\n"; }
  void ended(std::string& out, std::string_view reason) override {
    out += "event: strandline.end\ndata: ";
    render_end(out, reason);
    out += "\n\n";
  }

 private:
  const uint64_t retry_ms_;
};

}  // namespace

std::unique_ptr<Form> given_json_form(Places places) {
  return std::make_unique<GivenJsonForm>(places);
}
std::unique_ptr<Form> given_ndjson_form(Places places) {
  return std::make_unique<GivenNdjsonForm>(places);
}
std::unique_ptr<Form> given_sse_form(Places places, uint64_t retry_ms) {
  return std::make_unique<GivenSseForm>(places, retry_ms);
}

}  // namespace strandline::server
