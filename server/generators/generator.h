// What a generator is: where it appends, what, how often, and whether it does.
//
// A rate is written as people say it: "2/s", "30/m", "1/h". *Memory*: values. *Errors*: a sentence.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace strandline::server {

struct Rhythm {
  uint64_t events = 1;
  char unit = 's';  // s, m or h
  bool operator==(const Rhythm&) const = default;
  // From one event to the next.
  uint64_t interval_us() const;
};
// From 1/h to 1000/s.
std::expected<Rhythm, std::string> parse_rhythm(std::string_view text);
std::string render(const Rhythm& rhythm);

enum class GeneratorKind : uint8_t {
  plain,          // "default": a heartbeat
  system,         // load of a machine
  user_activity,  // what visitors do
  notifications,
  pattern,  // "template": what its settings say
};
std::string_view name_of(GeneratorKind kind);
std::optional<GeneratorKind> find_generator_kind(std::string_view name);

enum class GeneratorState : uint8_t { stopped, running, paused };
std::string_view name_of(GeneratorState state);
std::optional<GeneratorState> find_generator_state(std::string_view name);

struct Generator {
  std::string name;
  std::string stream;
  GeneratorKind kind = GeneratorKind::plain;
  Rhythm rate;
  // Of kind `template`: a JSON object with "type", and perhaps "message" and "data".
  std::string pattern = {};
  GeneratorState state = GeneratorState::running;
};

// As the API has it, and as it is kept; without the closing brace, so that more can follow.
void render_open(std::string& out, const Generator& generator);
// Of such an object, closed. More members than these are passed over.
std::expected<Generator, std::string> parse_generator(std::string_view json);

}  // namespace strandline::server
