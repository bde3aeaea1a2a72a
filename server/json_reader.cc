#include "server/json_reader.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <charconv>
#include <unordered_set>

#include "engine/event_rules.h"

namespace strandline::server {
namespace {

constexpr unsigned kParseFlags = rapidjson::kParseIterativeFlag |
                                 rapidjson::kParseValidateEncodingFlag |
                                 rapidjson::kParseNumbersAsStringsFlag;

// Few members are compared one by one; many (a hostile object) through a set.
constexpr size_t kComparedMax = 32;

}  // namespace

// Told by RapidJSON what it meets. At level 1 it notes where each value begins and ends, which the
// stream's position gives; deeper than that it only counts.
struct JsonSplitter : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, JsonSplitter> {
  JsonSplitter(JsonReader& reader, std::string_view text, const rapidjson::MemoryStream& in)
      : reader(reader), text(text), in(in) {}

  bool Null() { return scalar(JsonKind::null, in.Tell() - 4); }
  bool Bool(bool value) { return scalar(JsonKind::boolean, in.Tell() - (value ? 4 : 5)); }
  bool RawNumber(const char*, unsigned length, bool) {
    return scalar(JsonKind::number, in.Tell() - length);
  }
  bool String(const char* s, unsigned length, bool) {
    if (has_half_surrogate({s, length})) return refuse_half_surrogate();
    if (level != 1) return scalar(JsonKind::string, 0);
    // Between the last delimiter and the string there is only white space.
    const size_t begin = text.find('"', after);
    return scalar(JsonKind::string, begin, in.Tell() - begin - 2 != length);
  }
  bool Key(const char* name, unsigned length, bool) {
    if (has_half_surrogate({name, length})) return refuse_half_surrogate();
    if (level != 1) return true;
    after = in.Tell();
    // A name without escapes stands in the text as it is, between its quotes.
    const std::string_view unescaped(name, length);
    const bool fits = after >= length + 2 && text[after - length - 2] == '"' &&
                      text.substr(after - length - 1, length) == unescaped;
    key = fits ? text.substr(after - length - 1, length) : reader.keep(std::string(unescaped));
    return is_new(key) || refuse("the member \"" + std::string(unescaped) + "\" occurs twice");
  }
  bool StartObject() { return open(JsonKind::object); }
  bool EndObject(unsigned) { return shut(JsonKind::object); }
  bool StartArray() { return open(JsonKind::array); }
  bool EndArray(unsigned) { return shut(JsonKind::array); }

  bool scalar(JsonKind kind, size_t begin, bool escaped = false) {
    if (level == 0) root = kind;
    if (level == 1) add(kind, begin, in.Tell(), escaped);
    return true;
  }
  bool open(JsonKind kind) {
    if (level == 0) root = kind;
    if (level == 1) opened = in.Tell();
    if (++level > kJsonDepthMax) {
      return refuse("nested deeper than " + std::to_string(kJsonDepthMax) + " levels");
    }
    // The stream stands at the bracket itself.
    after = in.Tell() + 1;
    return true;
  }
  bool shut(JsonKind kind) {
    if (--level == 1) add(kind, opened, in.Tell() + 1, false);
    return true;
  }
  void add(JsonKind kind, size_t begin, size_t end, bool escaped) {
    reader.members_.push_back(
        {.name = key, .value = {kind, escaped, text.substr(begin, end - begin)}});
    after = end;
  }
  bool is_new(std::string_view name) {
    const auto& members = reader.members_;
    if (members.size() < kComparedMax) {
      for (const JsonMember& member : members) {
        if (member.name == name) return false;
      }
      return true;
    }
    if (names.empty()) {
      for (const JsonMember& member : members) names.insert(member.name);
    }
    return names.insert(name).second;
  }
  // RapidJSON refuses the first half of a surrogate pair alone, but not the second.
  bool refuse_half_surrogate() { return refuse("malformed JSON: half a surrogate pair"); }
  bool refuse(std::string why) {
    refusal = std::move(why);
    return false;
  }

  JsonReader& reader;
  std::string_view text;
  const rapidjson::MemoryStream& in;
  JsonKind root = JsonKind::null;
  size_t level = 0;
  size_t after = 0;   // where the last thing at level 1 ended
  size_t opened = 0;  // where the container at level 1 began
  std::string_view key = {};
  std::unordered_set<std::string_view> names = {};
  std::string refusal = {};
};

const char* name_of(JsonKind kind) {
  switch (kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "a boolean";
    case JsonKind::number:
      return "a number";
    case JsonKind::string:
      return "a string";
    case JsonKind::object:
      return "an object";
    case JsonKind::array:
      return "an array";
  }
  return "?";
}

std::expected<JsonKind, std::string> JsonReader::parse(std::string_view text) {
  members_.clear();
  kept_.clear();
  rapidjson::MemoryStream in(text.data(), text.size());
  JsonSplitter splitter(*this, text, in);
  rapidjson::Reader reader;
  reader.Parse<kParseFlags>(in, splitter);
  if (reader.HasParseError()) {
    const std::string place = " (at byte " + std::to_string(reader.GetErrorOffset()) + ")";
    if (!splitter.refusal.empty()) return std::unexpected(splitter.refusal + place);
    return std::unexpected(
        "malformed JSON: " + std::string(GetParseError_En(reader.GetParseErrorCode())) + place);
  }
  // RapidJSON takes a zero byte for the end.
  if (in.Tell() != text.size()) {
    return std::unexpected("malformed JSON: a zero byte (at byte " + std::to_string(in.Tell()) +
                           ")");
  }
  return splitter.root;
}

std::string_view JsonReader::string(const JsonValue& value) {
  if (!value.escaped) return value.text.substr(1, value.text.size() - 2);
  struct Collector : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Collector> {
    bool String(const char* s, unsigned length, bool) {
      text.assign(s, length);
      return true;
    }
    std::string text;
  } collector;
  rapidjson::MemoryStream in(value.text.data(), value.text.size());
  rapidjson::Reader().Parse<kParseFlags>(in, collector);
  return keep(std::move(collector.text));
}

std::optional<uint64_t> json_integer(const JsonValue& value) {
  if (value.kind != JsonKind::number) return std::nullopt;
  uint64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [at, error] = std::from_chars(value.text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

}  // namespace strandline::server
