// What a line that is given to `append` becomes: an event.
//
// By default each line decides for itself, by what it is as a whole: a JSON object with a "type" is
// an event (server/wire/cloudevents.h); any other JSON object, or an array, is an event's data; all
// else is text. A line that begins as JSON does and is broken is refused, and not stored as text.
// *Errors*: of add, what is wrong with the line; it is then as if add had not been called.
// *Threads*: one.
#pragma once

#include <string>
#include <string_view>

#include "engine/api/batch.h"

namespace strandline::tools {

class AppendedLines {
 public:
  enum class As {
    detected,  // as above
    events,    // each an event; blank lines are none
    data,      // each the JSON data of an event, of any kind; blank lines are none
    text,      // each the text of an event; a blank line too
  };

  // `type`: of those that are no events themselves.
  AppendedLines(As as, std::string type) : as_(as), type_(std::move(type)) {}

  Status add(std::string_view line);
  size_t count() const { return builder_.count(); }
  size_t bytes() const { return builder_.bytes(); }
  Result<Batch> take() { return builder_.finish(); }

 private:
  Status add_detected(std::string_view line);
  Status add_event(std::string_view line);
  Status add_data(std::string_view line);
  Status add_text(std::string_view line);

  const As as_;
  const std::string type_;
  BatchBuilder builder_;
};

}  // namespace strandline::tools
