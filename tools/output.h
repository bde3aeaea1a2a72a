// Where a command's output goes: standard output or a file, through a buffer of its own.
//
// *Errors*: `io` with the place's name, from flush() on. A reader that closed its pipe ends the
// process by SIGPIPE, as it does any program's in a pipeline. *Threads*: one.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "engine/error.h"

namespace strandline::tools {

class Output {
 public:
  Output() = default;  // standard output
  // A file that is there or is created, cut to `bytes`, and written from there on.
  static Result<Output> open(const std::string& path, uint64_t bytes);
  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();  // does not flush: an error would be lost

  // Append here; then written() flushes once enough has gathered.
  std::string& buffer() { return buffer_; }
  Status written();
  Status flush();
  Status sync();  // flush and fsync

  uint64_t bytes() const { return bytes_ + buffer_.size(); }  // of the file

 private:
  Output(int descriptor, std::string name, uint64_t bytes)
      : descriptor_(descriptor), name_(std::move(name)), bytes_(bytes) {}

  int descriptor_ = 1;
  std::string name_ = "standard output";
  uint64_t bytes_ = 0;
  std::string buffer_;
};

// Writes a small file so that it is there whole or not at all, and durable when this returns.
Status write_durably(const std::string& path, const std::string& text);

}  // namespace strandline::tools
