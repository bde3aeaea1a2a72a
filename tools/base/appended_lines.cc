#include "tools/base/appended_lines.h"

#include <fmt/format.h>

#include "engine/api/event_rules.h"
#include "engine/api/json_scanner.h"
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

// Whether JSON is an object with a member "type". Another member may occur twice: data may repeat
// one, and of an event that is found later.
Result<bool> names_type(std::string_view json) {
  JsonScanner scanner(json);
  bool named = false;
  for (JsonToken token = scanner.next(); token != JsonToken::end; token = scanner.next()) {
    if (token == JsonToken::error) {
      return fail(Code::invalid, fmt::format("malformed JSON: {} (at byte {})", scanner.problem(),
                                             scanner.problem_at()));
    }
    if (token != JsonToken::name || scanner.level() != 1) continue;
    const std::string_view name = scanner.text().substr(1, scanner.text().size() - 2);
    named = named || (scanner.escaped() ? unescape_json(name) == "type" : name == "type");
  }
  return named;
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
  const auto event = names_type(trimmed);
  if (!event && begins_as_json(trimmed)) {
    return no_json(event.error().message, "; --text stores such lines as text");
  }
  if (!event) return add_text(line);
  if (!*event) return add_data(trimmed);
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
  if (const auto form = json_form_of(trimmed); !form) {
    return no_json("malformed JSON: " + form.error().message, "");
  }
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
