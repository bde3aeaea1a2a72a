// How a reader's deliveries are printed: one line an event.
#pragma once

#include <string>

#include "engine/api/delivery.h"

namespace strandline::tools {

enum class Shape {
  full,  // NDJSON with place and stored time; gaps are lines of their own
  bare,  // NDJSON of what was appended and its stream, with the id and time that readers see
  data,  // an event's data alone: text as it was, JSON as it was written
};

void print_event(std::string& out, Shape shape, std::string_view stream, const Event& event);
// On `out` if the shape has room for it, and else, as a warning, on stderr.
void print_gap(std::string& out, Shape shape, const Gap& gap);

}  // namespace strandline::tools
