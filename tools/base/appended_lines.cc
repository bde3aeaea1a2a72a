#include "tools/base/appended_lines.h"

#include <algorithm>

#include "engine/api/event_rules.h"
#include "server/json/json_reader.h"
#include "server/wire/cloudevents.h"

namespace strandline::tools {
namespace {

constexpr std::string_view kSpaces = " \t\r";

std::string_view without_spaces(std::string_view line) {
  const size_t begin = line.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kSpaces) + 1 - begin);
}

// Texts begin with brackets too, such as "[12:00:00] started" or "{name} is gone"; what goes on
// with a quotation mark or another bracket, or ends there, was meant as JSON.
bool begins_as_json(std::string_view line) {
  if (line.empty() || (line[0] != '{' && line[0] != '[')) return false;
  const size_t next = line.find_first_not_of(kSpaces, 1);
  return next == std::string_view::npos || line[next] == '"' || line[next] == '{' ||
         (line[0] == '[' && line[next] == '[');
}

std::unexpected<Error> no_json(const std::string& why, std::string_view hint) {
  return fail(Code::invalid, why + std::string(hint));
}

}  // namespace

Status AppendedLines::add(std::string_view line) {
  switch (as_) {
    case As::detected:
      return add_detected(line);
    case As::events:
      return without_spaces(line).empty() ? Status() : add_event(line);
    case As::data:
      return without_spaces(line).empty() ? Status() : add_data(line);
    case As::text:
      return add_text(line);
  }
  return {};
}

Status AppendedLines::add_detected(std::string_view line) {
  const std::string_view trimmed = without_spaces(line);
  if (!trimmed.starts_with('{') && !trimmed.starts_with('[')) return add_text(line);
  server::JsonReader reader;
  const auto kind = reader.parse(trimmed);
  if (!kind && begins_as_json(trimmed)) {
    return no_json(kind.error(), "; --text stores such lines as text");
  }
  if (!kind) return add_text(line);
  const bool event = *kind == server::JsonKind::object &&
                     std::ranges::find(reader.members(), "type", &server::JsonMember::name) !=
                         reader.members().end();
  if (!event) return add_data(trimmed);
  if (auto added = add_event(trimmed); !added) {
    return fail(added.error().code,
                added.error().message + "; --json-data stores such lines as data, not as events");
  }
  return {};
}

Status AppendedLines::add_event(std::string_view line) {
  const auto parsed = server::parse_event(
      line, [this](std::string_view, const NewEvent& event) { return builder_.add(event); });
  if (!parsed) return std::unexpected(parsed.error().error);
  return {};
}

Status AppendedLines::add_data(std::string_view line) {
  const std::string_view trimmed = without_spaces(line);
  server::JsonReader reader;
  if (const auto kind = reader.parse(trimmed); !kind) return no_json(kind.error(), "");
  return builder_.add({.type = type_, .form = DataForm::json, .data = trimmed});
}

Status AppendedLines::add_text(std::string_view line) {
  NewEvent event{.type = type_, .form = DataForm::binary, .data = line};
  if (is_utf8(line)) {
    event.form = DataForm::text;
    event.datacontenttype = "text/plain";
  }
  return builder_.add(event);
}

}  // namespace strandline::tools
