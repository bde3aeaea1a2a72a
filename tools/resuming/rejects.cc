#include "tools/resuming/rejects.h"

#include <fmt/format.h>

#include <iostream>

namespace strandline::tools {
namespace {

constexpr uint64_t kRefusalsTold = 10;
constexpr size_t kCheckedBytes = 1 << 20;

}  // namespace

void Refusals::tell(const Lines& input, const std::string& what, std::string_view consequence) {
  if (count_++ >= kRefusalsTold) return;
  std::cerr << fmt::format("strandline: {}:{}: {}{}\n", input.name(), input.count(), what,
                           consequence);
}

Result<Rejects> Rejects::open(const std::string& path) {
  auto output = Output::open(path, Output::kAtEnd);
  if (!output) return std::unexpected(output.error());
  return Rejects(std::move(*output));
}

Status Rejects::set_aside(const Lines& input, std::string_view row, const Error& why) {
  refusals_.tell(input, why.message, "; it is set aside");
  output_.buffer() += row;
  if (!row.ends_with('\n')) output_.buffer() += '\n';
  return output_.written();
}

Result<uint64_t> count_refused(const std::string& path, LineEvents events) {
  auto input = Lines::open(path);
  if (!input) return std::unexpected(input.error());
  if (!input->size()) {
    return fail(Code::invalid, "--check reads a file twice: it needs a regular file");
  }
  Refusals refused;
  while (true) {
    auto line = input->next();
    if (!line) return std::unexpected(line.error());
    if (!*line) break;
    const bool header = events.form() == LineForm::csv && input->count() == 1;
    if (const auto added = header ? events.header(**line) : events.add(**line); !added) {
      events.drop_open();
      refused.tell(*input, added.error().message, "");
    }
    if (events.bytes() < kCheckedBytes) continue;
    if (auto parts = events.take(); !parts) refused.tell(*input, parts.error().message, "");
  }
  if (events.is_open()) refused.tell(*input, "a quote is not closed", "");
  return refused.count();
}

}  // namespace strandline::tools
