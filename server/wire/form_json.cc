// A page of JSON: events in one array, gaps in another, and where the next page begins.
#include "server/http/response.h"
#include "server/wire/cloudevents.h"
#include "server/wire/form.h"

namespace strandline::server {
namespace {

class JsonForm : public Form {
 public:
  std::string_view media_type() const override { return kJson; }
  bool page_says_next() const override { return true; }

  void open_page(std::string& out) override { out += "{\"events\":["; }

  uint32_t events(std::string& out, const Events& events, uint32_t i, size_t bytes_max) override {
    for (; i < events.count() && out.size() < bytes_max; ++i) {
      if (!first_) out += ',';
      first_ = false;
      render_event(out, events.stream(), events[i]);
    }
    return i;
  }

  void gap(std::string&, const Gap& gap) override {
    if (!gaps_.empty()) gaps_ += ',';
    render_gap_object(gaps_, gap);
  }

  void close_page(std::string& out, uint64_t next, const Available& available) override {
    out += ']';
    if (!gaps_.empty()) out += ",\"gaps\":[" + gaps_ + "]";
    out += ",\"next\":";
    append_number(out, next);
    out += ",\"start\":";
    append_number(out, available.start);
    out += ",\"tail\":";
    append_number(out, available.tail);
    out += "}\n";
  }

 private:
  bool first_ = true;
  std::string gaps_;
};

}  // namespace

std::unique_ptr<Form> json_form() { return std::make_unique<JsonForm>(); }

}  // namespace strandline::server
