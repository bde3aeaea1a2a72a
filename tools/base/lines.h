// Lines of a file or of standard input, read as they come.
//
// The last line counts whether or not a newline ends it. A line keeps its carriage return: what
// goes in comes out. A byte order mark before the first line is left out. *Memory*: a line, and the
// beginning, live until the next call. *Errors*: `io`; too_large past kLineBytesMax, for a line is
// held in memory. *Threads*: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/api/error.h"
#include "tools/base/line_form.h"

namespace strandline::tools {

// Room for the largest event (1 MB), with every byte escaped as \u00XX.
inline constexpr size_t kLineBytesMax = 8 << 20;

class Lines {
 public:
  // A path, or "-" for standard input.
  static Result<Lines> open(const std::string& path);
  Lines(Lines&& other) noexcept;
  Lines& operator=(Lines&&) = delete;
  ~Lines();

  // What comes first, before anything was read: of a file 64 KiB, of a pipe what is there once it
  // holds a line that is not blank. It is read all the same.
  Result<Beginning> beginning();
  // Without its newline; nothing at the end.
  Result<std::optional<std::string_view>> next();
  // The last line as it stands in the input: with its newline, if there is one, and all else.
  std::string_view raw() const { return raw_; }
  // Whether next() would return without waiting.
  bool ready();

  const std::string& name() const { return name_; }
  uint64_t count() const { return count_; }               // lines so far
  uint64_t bytes() const { return bytes_; }               // of them, with their newlines
  std::optional<uint64_t> size() const { return size_; }  // of the file, if it is one

 private:
  Lines(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
  Status fill();  // reads some more
  bool holds_line();
  std::string_view line_of(size_t bytes);  // takes so many from begin_

  int descriptor_;
  std::string name_;
  std::optional<uint64_t> size_;
  std::string buffer_;
  size_t begin_ = 0;    // of what is not yet handed out
  size_t scanned_ = 0;  // no newline in [begin_, scanned_)
  std::string_view raw_;
  bool ended_ = false;
  uint64_t count_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace strandline::tools
