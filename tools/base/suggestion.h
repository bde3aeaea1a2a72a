// What somebody may have meant who wrote a command or a flag that does not exist: the one that is
// spelt alike, or what the same habit is called here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strandline::tools {

// The nearest of `known`, if it is near: at most a third of the word's letters added, lost,
// changed, or swapped with their neighbour.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known);

// What to write instead of a word that other programs know; `command` is the path of the command
// that it was written after ("streams ls", or nothing).
std::optional<std::string_view> habit(std::string_view command, std::string_view word);

}  // namespace strandline::tools
