// Damage at rest: one random thing that happens to the files of a log while nobody looks. A bit or
// a few turn over, a page reads as zeros, as another page or as it was before, a file is cut off,
// is as it was before, or is gone.
//
// A decay is a function of its seed and of the directory's files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>

namespace strandline::tests {

struct Decay {
  enum class Kind {
    one_bit,
    some_bits,
    zeroed_page,
    swapped_page,  // with another of the same file, or of another one
    stale_page,
    truncated,
    stale_file,
    missing_file,
  };
  enum class File { wal, table, manifest, current, head, format };

  Kind kind;
  File file;
  std::string name;   // of the file
  std::string other;  // of the other file, if pages were swapped between two
  uint64_t at = 0;    // in bytes, where it begins
  uint64_t bits = 0;  // that turned over
  std::string told() const;
  bool touches(const std::string& file) const { return file == name || file == other; }
  bool is_named_in(const std::string& text) const {  // or the other file is
    return text.contains(name) || (!other.empty() && text.contains(other));
  }
  bool touches_wal() const { return name.ends_with(".log") || other.ends_with(".log"); }
  bool holds_events() const {  // what it touches
    return touches_wal() || name.ends_with(".sst") || other.ends_with(".sst");
  }
  bool is_of_both_lists() const {  // a MANIFEST and its copy
    return name.starts_with("MANIFEST") && other.starts_with("MANIFEST");
  }
  bool is_of_a_page() const {
    return kind == Kind::zeroed_page || kind == Kind::swapped_page || kind == Kind::stale_page;
  }
};
const char* name_of(Decay::Kind kind);
const char* name_of(Decay::File file);

// Does it to a copy of `directory` (itself left alone) at `to`; `earlier` is the same log at an
// earlier moment. Nothing if the draw changes no byte.
std::optional<Decay> decay(const std::filesystem::path& directory,
                           const std::filesystem::path& earlier, const std::filesystem::path& to,
                           std::mt19937_64& random);

}  // namespace strandline::tests
