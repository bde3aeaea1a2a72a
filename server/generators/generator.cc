#include "server/generators/generator.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "server/json/json_reader.h"
#include "server/json/json_writer.h"

namespace strandline::server {
namespace {

constexpr std::array<std::string_view, 5> kKinds = {"default", "system", "user-activity",
                                                    "notifications", "template"};
constexpr std::array<std::string_view, 3> kStates = {"stopped", "running", "paused"};

uint64_t seconds_of(char unit) { return unit == 's' ? 1 : unit == 'm' ? 60 : 3'600; }

template <class E, size_t N>
std::optional<E> find_in(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto at = std::ranges::find(names, name);
  if (at == names.end()) return std::nullopt;
  return static_cast<E>(at - names.begin());
}

}  // namespace

uint64_t Rhythm::interval_us() const { return seconds_of(unit) * 1'000'000 / events; }

std::expected<Rhythm, std::string> parse_rhythm(std::string_view text) {
  constexpr uint64_t kPerSecondMax = 1'000;
  Rhythm rhythm;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rhythm.events);
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  const bool known = unit == "/s" || unit == "/m" || unit == "/h";
  if (error == std::errc() && known) {
    rhythm.unit = unit[1];
    if (rhythm.events >= 1 && rhythm.events <= kPerSecondMax * seconds_of(rhythm.unit)) {
      return rhythm;
    }
  }
  return std::unexpected("\"" + std::string(text.substr(0, 40)) +
                         "\" is no rate: it is N/s, N/m or N/h, from 1/h to 1000/s");
}

std::string render(const Rhythm& rhythm) {
  return std::to_string(rhythm.events) + "/" + rhythm.unit;
}

std::string_view name_of(GeneratorKind kind) { return kKinds[static_cast<size_t>(kind)]; }
std::optional<GeneratorKind> find_generator_kind(std::string_view name) {
  return find_in<GeneratorKind>(kKinds, name);
}
std::string_view name_of(GeneratorState state) { return kStates[static_cast<size_t>(state)]; }
std::optional<GeneratorState> find_generator_state(std::string_view name) {
  return find_in<GeneratorState>(kStates, name);
}

void render_open(std::string& out, const Generator& generator) {
  out += "{\"generator\":";
  render_string(out, generator.name);
  out += ",\"stream\":";
  render_string(out, generator.stream);
  out += ",\"kind\":\"";
  out += name_of(generator.kind);
  out += "\",\"rate\":\"" + render(generator.rate) + "\",\"state\":\"";
  out += name_of(generator.state);
  out += '"';
  if (!generator.pattern.empty()) out += ",\"template\":" + generator.pattern;
}

std::expected<Generator, std::string> parse_generator(std::string_view json) {
  JsonReader reader;
  const auto kind = reader.parse(json);
  if (!kind) return std::unexpected(kind.error());
  if (*kind != JsonKind::object) return std::unexpected("a generator is an object");
  Generator generator;
  for (const JsonMember& member : reader.members()) {
    const std::string text(member.value.kind == JsonKind::string ? reader.string(member.value)
                                                                 : std::string_view());
    if (member.name == "generator") generator.name = text;
    if (member.name == "stream") generator.stream = text;
    if (member.name == "template") generator.pattern = std::string(member.value.text);
    if (member.name == "kind") {
      const auto found = find_generator_kind(text);
      if (!found) return std::unexpected("no kind \"" + text + "\"");
      generator.kind = *found;
    }
    if (member.name == "rate") {
      const auto rate = parse_rhythm(text);
      if (!rate) return std::unexpected(rate.error());
      generator.rate = *rate;
    }
    if (member.name == "state") {
      const auto found = find_generator_state(text);
      if (!found) return std::unexpected("no state \"" + text + "\"");
      generator.state = *found;
    }
  }
  if (generator.name.empty() || generator.stream.empty()) {
    return std::unexpected("a generator has a name and a stream");
  }
  return generator;
}

}  // namespace strandline::server
