// Whether lines are events in JSON or plain text, by the beginning of the input.
//
// Only what cannot be meant otherwise is taken as one or the other; the rest is refused with the
// flag that settles it. *Errors*: `invalid`, which says what the input looks like.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/api/error.h"

namespace strandline::tools {

enum class LineForm {
  detect,  // by the beginning
  ndjson,
  plain,
};

// U+FEFF in UTF-8, which some programs write before a text.
inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct Beginning {
  std::string_view text;  // without a byte order mark; perhaps all there is
  bool whole = false;     // it is
};

// Decides by every whole line of it. Input without a line that is not blank is plain.
Result<LineForm> detect_form(const Beginning& beginning);
// What the beginning did not show: that a later line, of input found to be plain, is an event.
Status expect_plain(std::string_view line);

}  // namespace strandline::tools
