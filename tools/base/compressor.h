// Compresses what a command writes, in pieces that stand for themselves.
//
// A file is a row of zstd frames or gzip members, each whole: usual programs read the row as one
// (`zstd -d`, `gzip -d`, DuckDB). So a file that was cut off behind one of them is a whole file,
// and can be gone on with. *Threads*: one. *Memory*: a window of the compression; the text is not
// kept.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/api/error.h"

namespace strandline::tools {

enum class Compression { none, zstd, gzip };

// By its name (zstd, gzip, none); nothing for another.
bool parse_compression(std::string_view text, Compression& compression);
// What files in it are called: "", ".zst", ".gz".
const char* suffix_of(Compression compression);
const char* name_of(Compression compression);

class Compressor {
 public:
  static std::unique_ptr<Compressor> of(Compression compression);  // null: none
  virtual ~Compressor() = default;
  // Appends what comes of the text to `out`, now or later.
  virtual Status add(std::string_view text, std::string& out) = 0;
  // The frame, or member, ends here. Nothing where it is empty.
  virtual Status end(std::string& out) = 0;
};

}  // namespace strandline::tools
