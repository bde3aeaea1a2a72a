// NDJSON: an event a line, for pages and followers.
#include "server/http/response.h"
#include "server/wire/cloudevents.h"
#include "server/wire/form.h"

namespace strandline::server {
namespace {

class NdjsonForm : public Form {
 public:
  explicit NdjsonForm(bool positions) : positions_(positions) {}

  std::string_view media_type() const override { return kNdjson; }

  uint32_t events(std::string& out, const Events& events, uint32_t i, size_t bytes_max) override {
    for (; i < events.count() && out.size() < bytes_max; ++i) {
      render_event(out, events.stream(), events[i]);
      out += '\n';
    }
    return i;
  }

  void gap(std::string& out, const Gap& gap) override {
    render_gap(out, gap);
    out += '\n';
  }

  void moved(std::string& out, uint64_t position) override {
    if (positions_) say(out, "{\"type\":\"strandline.position\",\"next\":", position);
  }

  void caught_up(std::string& out, uint64_t position) override {
    if (positions_) say(out, "{\"type\":\"strandline.caught-up\",\"next\":", position);
  }

  void keepalive(std::string& out, uint64_t) override { out += '\n'; }
  void ended(std::string& out, std::string_view reason) override {
    render_end(out, reason);
    out += '\n';
  }

 private:
  static void say(std::string& out, std::string_view what, uint64_t position) {
    out += what;
    append_number(out, position);
    out += "}\n";
  }

  const bool positions_;
};

}  // namespace

void render_end(std::string& out, std::string_view reason) {
  out += "{\"type\":\"strandline.end\",\"reason\":\"";
  out += reason;
  out += "\"}";
}

std::unique_ptr<Form> ndjson_form(bool positions) {
  return std::make_unique<NdjsonForm>(positions);
}

}  // namespace strandline::server
