#include "tools/base/shape.h"

#include <fmt/format.h>

#include <iostream>

#include "server/wire/cloudevents.h"

namespace strandline::tools {

void print_event(std::string& out, Shape shape, std::string_view stream, const Event& event) {
  if (shape == Shape::data) {
    out += event.data();
  } else {
    const bool full = shape == Shape::full;
    server::render_event(
        out, stream, event,
        {.positions = full, .derived = full ? server::Derived::all : server::Derived::id_and_time});
  }
  out += '\n';
}

void print_gap(std::string& out, Shape shape, const Gap& gap) {
  if (shape == Shape::full) {
    server::render_gap(out, gap);
    out += '\n';
    return;
  }
  std::cerr << fmt::format("strandline: positions [{}, {}) are gone{}: {}{}\n", gap.from, gap.to,
                           gap.stream.empty() ? "" : ", of stream " + gap.stream,
                           name_of(gap.reason), gap.detail.empty() ? "" : " (" + gap.detail + ")");
}

}  // namespace strandline::tools
