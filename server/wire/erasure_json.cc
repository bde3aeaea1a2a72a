#include "server/wire/erasure_json.h"

#include "engine/api/rfc3339.h"
#include "server/http/response.h"
#include "server/json/json_writer.h"
#include "server/wire/settle_json.h"

namespace strandline::server {
namespace {

Parsed<Selection> read_erased_streams(JsonFields& fields) {
  const auto stream = fields.string("stream");
  if (!stream) return std::unexpected(stream.error());
  const auto streams = fields.strings("streams");
  if (!streams) return std::unexpected(streams.error());
  const auto prefix = fields.string("prefix");
  if (!prefix) return std::unexpected(prefix.error());
  if (stream->has_value() + streams->has_value() + prefix->has_value() != 1) {
    return std::unexpected("an erasure has one of \"stream\", \"streams\" and \"prefix\"");
  }
  if (*stream) return Selection::stream(std::string(**stream));
  if (*prefix) return Selection::prefix(std::string(**prefix));
  return Selection::list(**streams);
}

Parsed<std::optional<Timestamp>> read_moment(JsonFields& fields, std::string_view name) {
  const auto text = fields.string(name);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  const auto time = parse_time(**text);
  if (!time) return std::unexpected("\"" + std::string(name) + "\": " + time.error().message);
  return *time;
}

// Without a list all is meant; with one that came out empty, surely not.
std::unexpected<std::string> empty_list(std::string_view name) {
  return std::unexpected("\"" + std::string(name) + "\" is empty: leave it out to mean any");
}

void render_member_texts(std::string& out, std::string_view name,
                         const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out += ",\"" + std::string(name) + "\":[";
  for (const std::string& text : texts) {
    if (&text != texts.data()) out += ',';
    render_string(out, text);
  }
  out += ']';
}

void render_member_number(std::string& out, std::string_view name, uint64_t number) {
  out += ",\"" + std::string(name) + "\":";
  append_number(out, number);
}

}  // namespace

Parsed<EraseRequest> read_erasure(JsonFields& fields) {
  EraseRequest request;
  auto select = read_erased_streams(fields);
  if (!select) return std::unexpected(select.error());
  request.select = std::move(*select);
  const auto offsets = read_spans(fields, "offsets");
  if (!offsets) return std::unexpected(offsets.error());
  if (fields.find("offsets") && offsets->empty()) return empty_list("offsets");
  for (const Span& span : *offsets) {
    request.offsets.push_back({Offset(span.from), Offset(span.to)});
  }
  const auto types = fields.strings("types"), subjects = fields.strings("subjects");
  if (!types) return std::unexpected(types.error());
  if (!subjects) return std::unexpected(subjects.error());
  if (*types && (*types)->empty()) return empty_list("types");
  if (*subjects && (*subjects)->empty()) return empty_list("subjects");
  if (*types) request.filter.types = TextFilter(**types);
  if (*subjects) request.filter.subjects = TextFilter(**subjects);
  const auto from = read_moment(fields, "stored_from"),
             before = read_moment(fields, "stored_before");
  if (!from) return std::unexpected(from.error());
  if (!before) return std::unexpected(before.error());
  request.stored_from = *from;
  request.stored_before = *before;
  const auto what = fields.string("what");
  if (!what) return std::unexpected(what.error());
  if (!*what || (**what != "data" && **what != "events")) {
    return std::unexpected("\"what\" is \"events\", or \"data\": their envelopes stay");
  }
  request.data_only = **what == "data";
  const auto reason = fields.string("reason");
  if (!reason) return std::unexpected(reason.error());
  request.reason = std::string(reason->value_or(""));
  const auto dry_run = fields.boolean("dry_run");
  if (!dry_run) return std::unexpected(dry_run.error());
  request.dry_run = dry_run->value_or(false);
  return request;
}

std::string render_request(const EraseRequest& request, const std::vector<std::string>& types,
                           const std::vector<std::string>& subjects) {
  std::string out = request.data_only ? "{\"what\":\"data\"" : "{\"what\":\"events\"";
  if (request.select.kind == Selection::Kind::list) {
    render_member_texts(out, "streams", request.select.names);
  } else {
    out += request.select.kind == Selection::Kind::stream ? ",\"stream\":" : ",\"prefix\":";
    render_string(out, request.select.names.front());
  }
  if (!request.offsets.empty()) {
    out += ",\"offsets\":[";
    for (const OffsetRange& range : request.offsets) {
      if (&range != request.offsets.data()) out += ',';
      out += '[';
      append_number(out, range.first.value);
      out += ',';
      append_number(out, range.next.value);
      out += ']';
    }
    out += ']';
  }
  render_member_texts(out, "types", types);
  render_member_texts(out, "subjects", subjects);
  if (request.stored_from) out += ",\"stored_from\":\"" + render_time(*request.stored_from) + '"';
  if (request.stored_before) {
    out += ",\"stored_before\":\"" + render_time(*request.stored_before) + '"';
  }
  out += ",\"reason\":";
  render_string(out, request.reason);
  if (request.dry_run) out += ",\"dry_run\":true";
  return out + '}';
}

void render_erased(std::string& out, const EraseRequest& request, const Erased& erased) {
  out += "{\"erasure\":";
  if (erased.id == 0) {
    out += "null";
  } else {
    append_number(out, erased.id);
  }
  out += request.data_only ? ",\"what\":\"data\"" : ",\"what\":\"events\"";
  render_member_number(out, "events", erased.events);
  render_member_number(out, "copies", erased.copies);
  out += ",\"streams\":[";
  bool first = true;
  for (const auto& [stream, events] : erased.streams) {
    if (!std::exchange(first, false)) out += ',';
    out += "{\"stream\":";
    render_string(out, stream);
    render_member_number(out, "events", events);
    out += '}';
  }
  out += "],\"gone\":";
  out += erased.gone ? "\"" + render_time(*erased.gone) + "\"" : "null";
  if (request.dry_run) out += ",\"dry_run\":true";
  out += '}';
}

std::string render_erasures(const std::vector<ErasureUnderWay>& erasures) {
  std::string out = "{\"erasures\":[";
  for (const ErasureUnderWay& one : erasures) {
    if (&one != erasures.data()) out += ',';
    out += "{\"erasure\":";
    append_number(out, one.id);
    out += ",\"begun\":\"" + render_time(one.begun) + '"';
    render_member_number(out, "events", one.events);
    out += ",\"waits_for\":";
    render_string(out, one.why_not);
    out += '}';
  }
  return out + "]}";
}

}  // namespace strandline::server
