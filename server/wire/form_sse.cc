// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
//
// `id:` is the place of the event itself, so a client resumes after the Last-Event-ID that it
// sends. Types and data stand on one line each: types have no control characters, and rendered JSON
// no line ends.
#include "server/http/response.h"
#include "server/wire/cloudevents.h"
#include "server/wire/form.h"

namespace strandline::server {
namespace {

class SseForm : public Form {
 public:
  SseForm(Places places, uint64_t retry_ms) : places_(places), retry_ms_(retry_ms) {}

  std::string_view media_type() const override { return kEventStream; }

  void open_stream(std::string& out, uint64_t) override {
    out += "retry: ";
    append_number(out, retry_ms_);
    // The comment makes clients that wait for a first byte say that they are connected.
    out += "\n: strandline\n\n";
  }

  uint32_t events(std::string& out, const Events& events, uint32_t i, size_t bytes_max) override {
    for (; i < events.count() && out.size() < bytes_max; ++i) {
      const Event event = events[i];
      id(out, places_ == Places::offsets ? event.offset.value : event.sequence.value);
      out += "event: ";
      out += event.type();
      out += "\ndata: ";
      render_event(out, events.stream(), event);
      out += "\n\n";
    }
    return i;
  }

  void gap(std::string& out, const Gap& gap) override {
    if (gap.to > 0) id(out, gap.to - 1);
    out += "event: strandline.gap\ndata: ";
    render_gap(out, gap);
    out += "\n\n";
  }

  // An id without data moves the client's Last-Event-ID and raises nothing.
  void moved(std::string& out, uint64_t position) override {
    if (position == 0) return;
    id(out, position - 1);
    out += '\n';
  }

  void keepalive(std::string& out, uint64_t) override { out += ":\n\n"; }
  void ended(std::string& out, std::string_view reason) override {
    out += "event: strandline.end\ndata: ";
    render_end(out, reason);
    out += "\n\n";
  }

 private:
  static void id(std::string& out, uint64_t place) {
    out += "id: ";
    append_number(out, place);
    out += '\n';
  }

  const Places places_;
  const uint64_t retry_ms_;
};

}  // namespace

std::unique_ptr<Form> sse_form(Places places, uint64_t retry_ms) {
  return std::make_unique<SseForm>(places, retry_ms);
}

}  // namespace strandline::server
