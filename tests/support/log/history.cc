#include "tests/support/log/history.h"

#include <fmt/format.h>

namespace strandline::tests {
namespace {

std::string describe(const Move& move) {
  const std::string from = move.expected ? fmt::format(" from {}", *move.expected) : "";
  return fmt::format("{}{} to {}", move.consumer, from, move.next);
}

const char* name_of(Operation::Outcome outcome) {
  switch (outcome) {
    case Operation::Outcome::done:
      return "done";
    case Operation::Outcome::conflict:
      return "conflict";
    case Operation::Outcome::out_of_range:
      return "out of range";
    case Operation::Outcome::unknown:
      return "unknown";
  }
  return "";
}

}  // namespace

std::string describe(const Operation& o) {
  const std::string ids =
      o.ids.empty() ? "nothing" : fmt::format("{} (from {})", o.ids.size(), o.ids.front());
  std::string what;
  if (o.kind == Operation::Kind::read) {
    what = fmt::format("read {} at {}{}", ids, o.number, o.to_tail ? ", the tail" : "");
  } else if (o.kind == Operation::Kind::position) {
    what = fmt::format("{} stood at {}", o.consumer, o.number);
  } else {
    what = fmt::format("append {}", ids);
    if (o.expected) what += fmt::format(", expecting {}", *o.expected);
    if (o.move) what += ", moving " + describe(*o.move);
    what += fmt::format(": {} {}", name_of(o.outcome), o.number);
  }
  return fmt::format("client {} [{}, {}] {}", o.client, o.invoked, o.answered, what);
}

void Recorder::add(const std::string& stream, Operation operation) {
  if (operation.outcome != Operation::Outcome::unknown) operation.answered = now();
  const std::lock_guard lock(mutex_);
  histories_[stream].push_back(std::move(operation));
}

void Recorder::end_life() {
  const std::lock_guard lock(mutex_);
  for (auto& [stream, history] : histories_) {
    for (Operation& operation : history) {
      if (operation.answered == 0) operation.answered = now();
    }
  }
}

void Recorder::stop_at(uint64_t moment) {
  const std::lock_guard lock(mutex_);
  for (auto& [stream, history] : histories_) {
    std::erase_if(history, [&](const Operation& o) {
      const bool effect =
          o.kind == Operation::Kind::append &&
          (o.outcome == Operation::Outcome::done || o.outcome == Operation::Outcome::unknown);
      return o.answered > moment && !effect;
    });
    for (Operation& o : history) {
      if (o.answered <= moment) continue;
      o.outcome = Operation::Outcome::unknown;
      o.answered = 0;
    }
  }
}

size_t Recorder::operations() const {
  const std::lock_guard lock(mutex_);
  size_t sum = 0;
  for (const auto& [stream, history] : histories_) sum += history.size();
  return sum;
}

std::map<std::string, Recorder::History> Recorder::histories() const {
  const std::lock_guard lock(mutex_);
  return histories_;
}

}  // namespace strandline::tests
