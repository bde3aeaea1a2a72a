// The file that an export writes, and beside it FILE.position, from which an interrupted export
// goes on: how many of the file's bytes are certain, and the position that comes after them.
//
// About once a second, and every few megabytes, the file is fsynced, and only then is the position
// file replaced, so that it never promises bytes that are not there. It is a JSON object: what is
// exported ("export", as its command describes it), "stream" and "next" (how far), "bytes" and
// their "sha256", and "check", a digest of all of these. Resuming needs a position as it was
// written, the same export, and a file that begins with these very bytes; it cuts the file to them.
// *Errors*: `exists` where going on or beginning would destroy something; `io`. *Threads*: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/api/error.h"
#include "tools/base/output.h"

namespace strandline::tools {

// How far an export came.
struct ExportPlace {
  size_t stream = 0;                  // which of the selections, from 0
  std::optional<uint64_t> next = {};  // in it; none: from the beginning
};

class ExportFile {
 public:
  // "-" is standard output, which nothing is remembered of. `what` defines what is exported, as a
  // JSON object: to go on with something else is refused.
  static Result<ExportFile> open(const std::string& path, const std::string& what, bool overwrite);

  const ExportPlace& begin() const { return begin_; }
  bool resumed() const { return begin_.next.has_value() || begin_.stream > 0; }

  std::string& buffer() { return output_.buffer(); }
  // The buffer holds everything before this place.
  Status reached(const ExportPlace& place);
  Status finish();
  // After an error: the file ends with the last event that is remembered, and not within one.
  void give_up();
  uint64_t bytes() const { return output_.bytes(); }

 private:
  ExportFile(Output output, std::string position_path, std::string what, ExportPlace begin)
      : output_(std::move(output)),
        position_path_(std::move(position_path)),
        what_(std::move(what)),
        begin_(begin) {}
  Status remember(const ExportPlace& place);

  Output output_;
  std::string position_path_;  // empty: nothing is remembered
  std::string what_;
  ExportPlace begin_;
  std::chrono::steady_clock::time_point remembered_ = std::chrono::steady_clock::now();
  uint64_t remembered_bytes_ = 0;
};

}  // namespace strandline::tools
