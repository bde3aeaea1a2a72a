// Flags and arguments that take a number, a size or a duration: one kind each, for all commands.
//
// They are read as server/http/quantity.h says: signs, overflow and trailing text are refused, and
// the message says what is allowed. What is given goes `into` its variable, which has the default
// before.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "server/http/quantity.h"

namespace strandline::tools {

CLI::Option* add_number_flag(CLI::App& command, const std::string& name,
                             std::function<void(uint64_t)> take, const std::string& what,
                             server::Range allowed);
CLI::Option* add_duration_flag(CLI::App& command, const std::string& name,
                               std::function<void(std::chrono::milliseconds)> take,
                               const std::string& what, server::Range allowed_ms);

template <class T>
CLI::Option* add_number(CLI::App& command, const std::string& name, T& into,
                        const std::string& what, server::Range allowed = {}) {
  if constexpr (std::numeric_limits<T>::is_integer) {  // not so of an optional
    allowed.most = std::min<uint64_t>(allowed.most, std::numeric_limits<T>::max());
  }
  return add_number_flag(
      command, name, [&into](uint64_t number) { into = static_cast<T>(number); }, what, allowed);
}

// `T`: how many of `Unit` (the variable's own) there are.
template <class Unit, class T>
CLI::Option* add_duration(CLI::App& command, const std::string& name, T& into,
                          const std::string& what, server::Range allowed_ms) {
  return add_duration_flag(
      command, name,
      [&into](std::chrono::milliseconds duration) {
        into = static_cast<T>(std::chrono::ceil<Unit>(duration).count());
      },
      what, allowed_ms);
}

}  // namespace strandline::tools
