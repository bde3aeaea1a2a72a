// What a key of the store and its value mean, in words: for people who look inside (figures.h).
//
// It is told by the decoders that the log itself uses. What they do not take is told as that. A
// stored batch is told with its parts, and no data of its events. *Threads*: any.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strandline {

using Words = std::vector<std::pair<std::string, std::string>>;

struct RecordWords {
  std::string what;  // "a stored batch"
  Words words;
};
// `family`: its name, as in FORMAT.md.
RecordWords words_of(std::string_view family, std::string_view key, std::string_view value);

// Two digits a byte, without spaces.
std::string to_hex(std::string_view bytes);

}  // namespace strandline
