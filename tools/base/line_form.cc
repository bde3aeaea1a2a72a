#include "tools/base/line_form.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <array>

namespace strandline::tools {
namespace {

constexpr char kSettle[] = "--events or --text says what is meant";
constexpr std::string_view kBlanks = " \t\r";

enum class LineKind {
  blank,
  event,     // an object with a "type"
  object,    // an object without
  fragment,  // begins as JSON does that goes on in the next lines, or is broken
  array,
  text,
};

// What some programs write before a text, or between its parts, and JSON does not know.
std::string_view after_odd_blanks(std::string_view line) {
  static constexpr std::array<std::string_view, 5> kOdd = {kByteOrderMark, "\f", "\v", "\xc2\xa0",
                                                           " "};
  for (size_t left = line.size() + 1; line.size() < left;) {
    left = line.size();
    for (const std::string_view odd : kOdd) {
      if (line.starts_with(odd)) line.remove_prefix(odd.size());
    }
  }
  return line;
}

bool is_whole_json(std::string_view line, rapidjson::Document& document) {
  return !document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size()).HasParseError();
}

LineKind kind_of(std::string_view line) {
  const size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return LineKind::blank;
  line = line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin);
  if (line[0] == '\x1e') return LineKind::fragment;  // JSON text sequences, RFC 7464
  if (line[0] != '{' && line[0] != '[') {
    const std::string_view bare = after_odd_blanks(line);
    if (!bare.starts_with('{') && !bare.starts_with('[')) return LineKind::text;
    return kind_of(bare) == LineKind::text ? LineKind::text : LineKind::fragment;
  }
  rapidjson::Document document;
  const bool whole = is_whole_json(line, document);
  if (whole && document.IsObject()) {
    const auto type = document.FindMember("type");
    return type != document.MemberEnd() ? LineKind::event : LineKind::object;
  }
  if (whole) return LineKind::array;
  // "{" and "[" begin other texts too, such as "[12:00:00] started".
  const size_t next = line.find_first_not_of(kBlanks, 1);
  const bool ends = next == std::string_view::npos;
  if (line[0] == '{') return ends || line[next] == '"' ? LineKind::fragment : LineKind::text;
  return ends || line[next] == '{' ? LineKind::array : LineKind::text;
}

std::unexpected<Error> unclear(uint64_t line, std::string_view what) {
  return fail(Code::invalid, fmt::format("line {} {}", line, what));
}

// What is no text at all, by its first bytes.
std::string_view binary_of(std::string_view text) {
  struct Magic {
    std::string_view bytes, what;
  };
  static constexpr std::array<Magic, 7> kMagics = {{
      {std::string_view("\xff\xfe\0\0", 4), "UTF-32: `iconv -f UTF-32 -t UTF-8` makes UTF-8 of it"},
      {std::string_view("\0\0\xfe\xff", 4), "UTF-32: `iconv -f UTF-32 -t UTF-8` makes UTF-8 of it"},
      {"\x1f\x8b", "gzip: `gzip -dc FILE | strandline import - --name NAME` unpacks it"},
      {"\x28\xb5\x2f\xfd", "zstd: `zstd -dc FILE | strandline import - --name NAME` unpacks it"},
      {"\xff\xfe", "UTF-16: `iconv -f UTF-16 -t UTF-8` makes UTF-8 of it"},
      {"\xfe\xff", "UTF-16: `iconv -f UTF-16 -t UTF-8` makes UTF-8 of it"},
      {"PK\x03\x04", "a zip archive: unpack it first"},
  }};
  for (const Magic& magic : kMagics) {
    if (text.starts_with(magic.bytes)) return magic.what;
  }
  if (text.find('\0') != std::string_view::npos) return "binary: --text takes it as it is";
  return {};
}

std::unexpected<Error> refuse(LineKind kind, uint64_t number) {
  switch (kind) {
    case LineKind::object:
      return unclear(
          number,
          "is a JSON object without a \"type\", and every event has one; add it (and put "
          "the object into \"data\"), or store the lines as text with --text");
    case LineKind::array:
      return unclear(number,
                     "begins a JSON array; `jq -c '.[]'` makes of it a line an event; or store the "
                     "lines as text with --text");
    default:
      return unclear(number,
                     "begins JSON that does not end in the same line, or is broken; `jq -c .` puts "
                     "each event on a line; or store the lines as text with --text");
  }
}

}  // namespace

Status expect_plain(std::string_view line) {
  if (line.find('{') == std::string_view::npos || kind_of(line) != LineKind::event) return {};
  return fail(Code::invalid, fmt::format("this line is an event in JSON, and the first lines are "
                                         "text; {}",
                                         kSettle));
}

Result<LineForm> detect_form(const Beginning& beginning) {
  if (const std::string_view what = binary_of(beginning.text); !what.empty()) {
    return fail(Code::invalid, fmt::format("this is no text but {}", what));
  }
  uint64_t number = 0, first = 0;
  std::string_view rest = beginning.text;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    // Half a line says nothing, unless it is the only one.
    if (end == std::string_view::npos && !beginning.whole && first != 0) break;
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    ++number;
    const LineKind kind = kind_of(line);
    if (kind == LineKind::blank) continue;
    if (first == 0) {
      first = number;
      if (kind == LineKind::event) return LineForm::ndjson;
      if (kind != LineKind::text) return refuse(kind, number);
    } else if (kind == LineKind::event) {
      return fail(Code::invalid, fmt::format("line {} is an event in JSON, and line {} is not; {}",
                                             number, first, kSettle));
    }
  }
  return LineForm::plain;
}

}  // namespace strandline::tools
