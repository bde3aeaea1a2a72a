// Where a command's output goes: standard output or a file, through a buffer of its own.
//
// *Errors*: `io` with the place's name, from flush() on. A reader that closed its pipe ends the
// process by SIGPIPE, as it does any program's in a pipeline. *Threads*: one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <streambuf>
#include <string>
#include <utility>

#include "engine/api/error.h"
#include "tools/base/digest.h"

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
  // The file ends there again; what is in the buffer is dropped.
  void cut(uint64_t bytes);

  // From here on the digest goes along, of all that is flushed.
  void keep(Digest digest) { digest_ = std::move(digest); }
  std::string digest() const { return digest_ ? digest_->hex() : std::string(); }

  uint64_t bytes() const { return bytes_ + buffer_.size(); }  // of the file

 private:
  Output(int descriptor, std::string name, uint64_t bytes)
      : descriptor_(descriptor), name_(std::move(name)), bytes_(bytes) {}

  int descriptor_ = 1;
  std::string name_ = "standard output";
  uint64_t bytes_ = 0;
  std::string buffer_;
  std::optional<Digest> digest_;
};

// For as long as it lives, what any command writes to std::cout goes into an Output, and what went
// wrong with it is remembered: a command that printed nothing of what it should does not succeed.
class StandardOutput {
 public:
  StandardOutput();
  ~StandardOutput();
  // Writes what is left; the first error, if there was one.
  Status finish();

 private:
  class Buffer;
  std::unique_ptr<Buffer> buffer_;
  std::streambuf* before_;
};

// Writes a small file so that it is there whole or not at all, and durable when this returns.
Status write_durably(const std::string& path, const std::string& text);

}  // namespace strandline::tools
