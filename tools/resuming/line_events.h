// What a line of input becomes: an event of NDJSON, or an event whose data is the line.
//
// Events gather in runs of one stream, in the order of the lines, and are taken as the parts of one
// atomic append. *Errors*: of add, what is wrong with the line; it is then as if add had not been
// called. *Threads*: one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/batch.h"
#include "engine/log.h"
#include "tools/base/line_form.h"
#include "tools/base/lines.h"

namespace strandline::tools {

class LineEvents {
 public:
  // `stream` overrides the lines' own, which then is where an event without a source comes from;
  // plain lines need it.
  LineEvents(LineForm form, std::string type, std::optional<std::string> stream)
      : form_(form), type_(std::move(type)), stream_(std::move(stream)) {}

  LineForm form() const { return form_; }
  // Settles `detect`, before the first add.
  Status decide(Lines& input);

  // A blank line is no event of NDJSON, and an empty event of plain text. Call decide() before.
  Status add(std::string_view line);
  size_t count() const { return count_; }
  // Lines of `$admin`, if the lines say the streams: what was done to another log was not done
  // here.
  size_t left_out() const { return left_out_; }
  size_t bytes() const { return finished_bytes_ + builder_.bytes(); }
  Result<std::vector<AppendMany::Part>> take();

 private:
  Status add_event(std::string_view stream, const NewEvent& event);
  Status add_to(std::string_view stream, const NewEvent& event);
  Status finish_run();

  LineForm form_;
  bool guessed_ = false;  // by the beginning
  const std::string type_;
  const std::optional<std::string> stream_;
  std::vector<AppendMany::Part> parts_;
  size_t finished_bytes_ = 0;
  size_t count_ = 0;
  size_t left_out_ = 0;
  BatchBuilder builder_;
  std::string run_;  // the builder's stream
};

}  // namespace strandline::tools
