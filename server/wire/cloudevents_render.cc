// CloudEvents in JSON, on the way out. Appended by hand: followers read as fast as this prints.

#include "server/http/query.h"
#include "server/http/response.h"
#include "server/json/base64.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {
namespace {

struct Printer {
  std::string& out;
  bool first = true;

  void name(std::string_view literal) {
    out += first ? "{\"" : ",\"";
    first = false;
    out += literal;
    out += "\":";
  }
  void text(std::string_view literal, std::string_view value) {
    name(literal);
    render_string(out, value);
  }
  void number(std::string_view literal, uint64_t value) {
    name(literal);
    append_number(out, value);
  }
  // Where the value needs no escaping.
  void plain(std::string_view literal, std::string_view value) {
    name(literal);
    out += '"';
    out += value;
    out += '"';
  }
};

void render_data(Printer& print, const Event& event) {
  switch (event.form()) {
    case DataForm::none:
      return;
    case DataForm::json:
      print.name("data");
      print.out += event.data();  // which is kept on one line
      return;
    case DataForm::text:
      print.text("data", event.data());
      return;
    case DataForm::binary:
      print.name("data_base64");
      print.out += '"';
      render_base64(print.out, event.data());
      print.out += '"';
      return;
  }
}

// It needs no escaping.
void append_derived_source(std::string& out, std::string_view stream) {
  out += "/v1/streams/";
  append_percent_encoded(out, stream);
}

}  // namespace

std::string derived_source(std::string_view stream) {
  std::string source;
  append_derived_source(source, stream);
  return source;
}

void render_event(std::string& out, std::string_view stream, const Event& event,
                  const Rendering& rendering) {
  Printer print{out};
  const bool all = rendering.derived == Derived::all;
  const bool id_and_time = rendering.derived != Derived::nothing;
  const bool needs_stored = rendering.positions || (id_and_time && event.time().empty());
  const std::string stored = needs_stored ? render_time(event.stored) : std::string();

  if (rendering.stream) print.text("stream", stream);
  if (rendering.positions) {
    print.number("offset", event.offset.value);
    print.number("sequence", event.sequence.value);
    print.plain("stored", stored);
  }
  if (all) print.plain("specversion", "1.0");
  print.text("type", event.type());
  if (!event.id().empty()) {
    print.text("id", event.id());
  } else if (id_and_time) {
    print.name("id");
    out += '"';
    append_number(out, event.offset.value);
    out += '"';
  }
  if (!event.source().empty()) {
    print.text("source", event.source());
  } else if (all) {
    print.name("source");
    out += '"';
    append_derived_source(out, stream);
    out += '"';
  }
  if (!event.time().empty()) {
    print.text("time", event.time());
  } else if (id_and_time) {
    print.plain("time", stored);
  }
  if (!event.subject().empty()) print.text("subject", event.subject());
  if (!event.datacontenttype().empty()) {
    print.text("datacontenttype", event.datacontenttype());
  } else if (event.form() == DataForm::text) {
    print.plain("datacontenttype", "text/plain");
  }
  if (!event.dataschema().empty()) print.text("dataschema", event.dataschema());
  event.for_each_attribute([&](const Attribute& attribute) {
    if (attribute.kind == AttributeKind::text) {
      print.text(attribute.name, attribute.text);
    } else {
      print.name(attribute.name);
      out += attribute.text;
    }
  });
  render_data(print, event);
  out += '}';
}

void render_gap_object(std::string& out, const Gap& gap) {
  Printer print{out};
  print.number("from", gap.from);
  print.number("to", gap.to);
  print.plain("reason", name_of(gap.reason));
  print.text("detail", gap.detail);
  if (!gap.stream.empty()) print.text("stream", gap.stream);
  out += '}';
}

void render_gap(std::string& out, const Gap& gap) {
  Printer print{out};
  if (!gap.stream.empty()) print.text("stream", gap.stream);
  print.plain("type", "strandline.gap");
  print.name("data");
  render_gap_object(out,
                    {.from = gap.from, .to = gap.to, .reason = gap.reason, .detail = gap.detail});
  out += '}';
}

}  // namespace strandline::server
