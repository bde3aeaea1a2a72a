#include "server/wire/settle_json.h"

#include "server/http/response.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {
namespace {

// Of one list: as many as the engine takes in one range.
constexpr size_t kSpansMax = 65'536;

Parsed<std::vector<JsonMember>> elements_of(JsonReader& reader, const JsonValue& value,
                                            std::string_view name) {
  const auto kind = reader.parse(value.text);
  if (!kind) return std::unexpected(kind.error());
  if (*kind != JsonKind::array) {
    return std::unexpected("\"" + std::string(name) + "\" is an array, not " + name_of(*kind));
  }
  return reader.members();
}

Parsed<Span> read_span(const JsonValue& value, std::string_view name) {
  if (const auto position = json_integer(value)) return Span::of(*position);
  const std::string wrong =
      "\"" + std::string(name) + "\" holds positions, and half-open ranges such as [7,12]";
  JsonReader reader;
  const auto kind = reader.parse(value.text);
  if (!kind || *kind != JsonKind::array || reader.members().size() != 2) {
    return std::unexpected(wrong);
  }
  const auto from = json_integer(reader.members()[0].value);
  const auto to = json_integer(reader.members()[1].value);
  if (!from || !to) return std::unexpected(wrong);
  return Span{*from, *to};
}

void render_spans(std::string& out, const std::vector<Span>& spans) {
  out += '[';
  for (const Span& span : spans) {
    if (&span != spans.data()) out += ',';
    const bool one = span.to == span.from + 1;
    if (!one) out += '[';
    append_number(out, span.from);
    if (one) continue;
    out += ',';
    append_number(out, span.to);
    out += ']';
  }
  out += ']';
}

Parsed<> read_nack_object(const JsonValue& value, std::vector<Settle::Nack>& nacks) {
  auto fields = JsonFields::parse(value.text, {"positions", "delay_ms", "reason"});
  if (!fields) return std::unexpected("nack: " + fields.error());
  return read_nack(*fields, nacks);
}

}  // namespace

Parsed<std::vector<Span>> read_spans(const JsonFields& fields, std::string_view name) {
  std::vector<Span> spans;
  const JsonValue* value = fields.find(name);
  if (!value) return spans;
  JsonReader reader;
  const auto elements = elements_of(reader, *value, name);
  if (!elements) return std::unexpected(elements.error());
  if (elements->size() > kSpansMax) {
    return std::unexpected("\"" + std::string(name) + "\" holds at most " +
                           std::to_string(kSpansMax) + " positions or ranges");
  }
  for (const JsonMember& element : *elements) {
    const auto span = read_span(element.value, name);
    if (!span) return std::unexpected(span.error());
    spans.push_back(*span);
  }
  return spans;
}

Parsed<> read_nack(JsonFields& fields, std::vector<Settle::Nack>& nacks) {
  const auto spans = read_spans(fields, "positions");
  if (!spans) return std::unexpected(spans.error());
  if (spans->empty()) return std::unexpected("a nack has \"positions\"");
  const auto delay_ms = fields.number("delay_ms");
  if (!delay_ms) return std::unexpected(delay_ms.error());
  const auto reason = fields.string("reason");
  if (!reason) return std::unexpected(reason.error());
  for (const Span& span : *spans) {
    nacks.push_back({.span = span,
                     .delay_ms = delay_ms->value_or(0),
                     .reason = std::string(reason->value_or(""))});
  }
  return {};
}

Parsed<> read_settle(JsonFields& fields, Settle& settle) {
  auto acks = read_spans(fields, "ack");
  if (!acks) return std::unexpected(acks.error());
  settle.acks = std::move(*acks);
  auto extends = read_spans(fields, "extend");
  if (!extends) return std::unexpected(extends.error());
  settle.extends = std::move(*extends);
  auto returns = read_spans(fields, "return");
  if (!returns) return std::unexpected(returns.error());
  settle.returns = std::move(*returns);
  const JsonValue* nack = fields.find("nack");
  if (!nack) return {};
  if (nack->kind == JsonKind::object) return read_nack_object(*nack, settle.nacks);
  JsonReader reader;
  const auto elements = elements_of(reader, *nack, "nack");
  if (!elements) return std::unexpected(elements.error());
  for (const JsonMember& element : *elements) {
    if (auto ok = read_nack_object(element.value, settle.nacks); !ok) return ok;
  }
  return {};
}

Parsed<Settle> read_settle_of(std::string_view json) {
  auto fields = JsonFields::parse(json, {"consumer", "epoch", "ack", "nack", "extend", "return"});
  if (!fields) return std::unexpected(fields.error());
  const auto consumer = fields->string("consumer");
  if (!consumer) return std::unexpected(consumer.error());
  const auto epoch = fields->number("epoch");
  if (!epoch) return std::unexpected(epoch.error());
  if (!*consumer || !*epoch) {
    return std::unexpected("it has \"consumer\", \"epoch\", and what became of which positions");
  }
  Settle settle{.consumer = std::string(**consumer), .epoch = **epoch};
  if (auto ok = read_settle(*fields, settle); !ok) return std::unexpected(ok.error());
  return settle;
}

void render_settle(std::string& out, const Settle& settle) {
  if (!settle.acks.empty()) {
    out += ",\"ack\":";
    render_spans(out, settle.acks);
  }
  if (!settle.nacks.empty()) {
    out += ",\"nack\":[";
    for (const Settle::Nack& nack : settle.nacks) {
      if (&nack != settle.nacks.data()) out += ',';
      out += "{\"positions\":";
      render_spans(out, {nack.span});
      out += ",\"delay_ms\":";
      append_number(out, nack.delay_ms);
      out += ",\"reason\":";
      render_string(out, nack.reason);
      out += '}';
    }
    out += ']';
  }
  if (!settle.extends.empty()) {
    out += ",\"extend\":";
    render_spans(out, settle.extends);
  }
  if (!settle.returns.empty()) {
    out += ",\"return\":";
    render_spans(out, settle.returns);
  }
}

void render_settled(std::string& out, const Settled& settled) {
  out += "{\"acked\":";
  append_number(out, settled.acked);
  out += ",\"already\":";
  append_number(out, settled.already);
  out += ",\"nacked\":";
  append_number(out, settled.nacked);
  out += ",\"extended\":";
  append_number(out, settled.extended);
  out += ",\"exhausted\":";
  append_number(out, settled.exhausted);
  out += '}';
}

}  // namespace strandline::server
