// Rows of an import that are no events, and where they go: to the end of a file, as they stand in
// the input, so that they can be put right and imported by themselves. Why, the first ten are told
// of on standard error. *Errors*: `io`, which names the file. *Threads*: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/base/lines.h"
#include "tools/base/output.h"
#include "tools/resuming/line_events.h"

namespace strandline::tools {

// Tells of rows that are refused, of the first ten in full.
class Refusals {
 public:
  void tell(const Lines& input, const std::string& what, std::string_view consequence);
  uint64_t count() const { return count_; }

 private:
  uint64_t count_ = 0;
};

class Rejects {
 public:
  static Result<Rejects> open(const std::string& path);
  // A row, with all its lines and line ends.
  Status set_aside(const Lines& input, std::string_view row, const Error& why);
  // Durable, before the import is said to have come past them.
  Status sync() { return output_.sync(); }
  uint64_t count() const { return refusals_.count(); }

 private:
  explicit Rejects(Output output) : output_(std::move(output)) {}

  Output output_;
  Refusals refusals_;
};

// Reads all of a regular file, and answers how many of its lines are refused.
Result<uint64_t> count_refused(const std::string& path, LineEvents events);

}  // namespace strandline::tools
