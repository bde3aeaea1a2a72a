#include "tools/resuming/row_events.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <cstdlib>

#include "engine/api/rfc3339.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"
#include "tools/base/csv.h"
#include "tools/client/exchange.h"

namespace strandline::tools {
namespace {

bool is_json_type(std::string_view type) {
  type = type.substr(0, type.find(';'));
  return type == "application/json" || type.ends_with("+json");
}

void add_member(std::string& out, std::string_view name, std::string_view value, bool as_it_is) {
  if (value.empty()) return;
  if (out.size() > 1) out += ',';
  server::render_string(out, name);
  out += ':';
  if (as_it_is) {
    out += value;
  } else {
    server::render_string(out, value);
  }
}

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

Status CsvRows::header(std::string_view line) {
  if (csv_goes_on(line)) return fail(Code::invalid, "the header is to stand on one line");
  auto columns = parse_csv(without_line_end(line));
  if (!columns) return fail(Code::invalid, "the header: " + columns.error());
  for (size_t i = 0; i < columns->size(); ++i) {
    const std::string& name = (*columns)[i];
    if (name.empty()) return fail(Code::invalid, fmt::format("column {} has no name", i + 1));
    if (std::ranges::count(*columns, name) > 1) {
      return fail(Code::invalid, fmt::format("the header names \"{}\" twice", name));
    }
  }
  columns_ = std::move(*columns);
  names_events_ = std::ranges::find(columns_, "type") != columns_.end();
  return {};
}

Status CsvRows::add(std::string_view line, const server::EventSink& sink) {
  if (!record_.empty()) record_ += '\n';
  record_ += line;
  if (csv_goes_on(record_)) return {};
  const std::string record = std::exchange(record_, {});
  const std::string_view text = without_line_end(record);
  if (text.empty()) return {};
  auto fields = parse_csv(text);
  if (!fields) return fail(Code::invalid, fields.error());
  if (fields->size() != columns_.size()) {
    return fail(Code::invalid,
                fmt::format("{} fields, and the header has {}", fields->size(), columns_.size()));
  }
  if (names_events_) return add_event(*fields, sink);
  std::string data = "{";
  for (size_t i = 0; i < fields->size(); ++i) {
    if (i > 0) data += ',';
    server::render_string(data, columns_[i]);
    data += ':';
    server::render_string(data, (*fields)[i]);
  }
  data += '}';
  return sink({}, {.type = type_, .form = DataForm::json, .data = data});
}

Status CsvRows::add_event(const std::vector<std::string>& fields,
                          const server::EventSink& sink) const {
  const auto field = [&](std::string_view name) -> std::string_view {
    const auto found = std::ranges::find(columns_, name);
    if (found == columns_.end()) return {};
    return fields[static_cast<size_t>(found - columns_.begin())];
  };
  std::string json = "{";
  for (size_t i = 0; i < columns_.size(); ++i) {
    const std::string& name = columns_[i];
    // The log's own, which are another's here.
    if (name == "offset" || name == "sequence" || name == "stored") continue;
    if (name == "attributes") {
      // An object, whose members are the event's.
      std::string_view members = fields[i];
      if (members.empty()) continue;
      if (!members.starts_with('{') || !members.ends_with('}')) {
        return fail(Code::invalid, "\"attributes\" is no JSON object");
      }
      members = members.substr(1, members.size() - 2);
      if (members.empty()) continue;
      if (json.size() > 1) json += ',';
      json += members;
    } else if (name == "source" && fields[i] == server::derived_source(field("stream"))) {
      continue;  // as readers see an event that has none
    } else if (name == "data") {
      server::JsonReader reader;
      const std::string_view type = field("datacontenttype");
      const bool may_be = type.empty() || is_json_type(type);
      add_member(json, name, fields[i], may_be && reader.parse(fields[i]).has_value());
    } else {
      add_member(json, name, fields[i], false);
    }
  }
  json += '}';
  const auto parsed = server::parse_event(json, sink);
  if (!parsed) return std::unexpected(parsed.error().error);
  return {};
}

Status add_journal_entry(std::string_view line, const std::string& type,
                         const server::EventSink& sink) {
  rapidjson::Document entry;
  if (entry.Parse(line.data(), line.size()).HasParseError() || !entry.IsObject()) {
    return fail(Code::invalid, "it is no entry of the journal: no JSON object");
  }
  const std::string_view cursor = text_of(entry, "__CURSOR");
  const std::string_view moment = text_of(entry, "__REALTIME_TIMESTAMP");
  if (cursor.empty() || moment.empty()) {
    return fail(Code::invalid,
                "it is no entry of the journal: __CURSOR or __REALTIME_TIMESTAMP is missing");
  }
  const std::string time = render_time({std::strtoll(std::string(moment).c_str(), nullptr, 10)});
  std::string_view subject = text_of(entry, "_SYSTEMD_UNIT");
  if (subject.empty()) subject = text_of(entry, "SYSLOG_IDENTIFIER");
  const std::string_view host = text_of(entry, "_HOSTNAME");
  const std::string source = host.empty() ? std::string() : fmt::format("/journal/{}", host);
  return sink({}, {.type = type,
                   .id = cursor,
                   .source = source,
                   .subject = subject,
                   .time = time,
                   .datacontenttype = "application/json",
                   .form = DataForm::json,
                   .data = line});
}

}  // namespace strandline::tools
