// The events that a generator makes: made-up, and in the shape of the SSE service's: a type, and
// data with "message" and "data".
//
// In a template, `{{n}}` is the event's number, from 0, `{{random}}` a number from 0 to 99,
// `{{time}}` the time and `{{uuid}}` a new UUID. A string that is nothing but one of the first two
// becomes a number. *Threads*: one at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <random>
#include <string>

#include "engine/api/types.h"
#include "server/generators/generator.h"

namespace strandline::server {

struct MadeEvent {
  std::string type;
  std::string data;  // a JSON object
};

class EventMaker {
 public:
  EventMaker() : random_(std::random_device{}()) {}

  // The n-th of a generator, whose pattern has been checked.
  MadeEvent make(const Generator& generator, uint64_t n, Timestamp now);

 private:
  uint64_t below(uint64_t end) { return random_() % end; }
  std::string uuid();
  std::string expand(std::string text, uint64_t n, Timestamp now);

  std::mt19937_64 random_;
};

// Whether a template's object can become events; a sentence where it cannot.
std::expected<void, std::string> check_pattern(std::string_view pattern);

}  // namespace strandline::server
