// What the log remembers of an import: how far it came, and what was imported until then, so that a
// file is known again by its content and not by its name.
//
// A ledger is a committed position, `$import` of a consumer `import/...`, that counts the bytes of
// the input; the rest is its metadata, in JSON. *Threads*: one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/connection/log_handle.h"

namespace strandline::tools {

inline constexpr char kLedgerStream[] = "$import";

struct Imported {
  uint64_t bytes = 0;  // of the input; 0: nothing was imported
  uint64_t lines = 0;
  std::string sha256 = {};  // of these bytes
  // No newline ended the last line, as far as it had been written then.
  bool open = false;
  // What the lines become: "events" or "text", in which stream; no stream: the lines say.
  std::string form = {};
  std::string stream = {};
  std::string path = {};        // of the file, absolute; empty: standard input
  std::string first_line = {};  // its digest

  std::string metadata() const;
  // `corrupt` where it is not an import's.
  static Result<Imported> parse(const ConsumerPosition& position);
};

struct Ledgers {
  // Of the import that this file continues, or of a new one.
  std::string name;
  Imported done;
  // What it is not gone on with, although it bears the file's name; empty: nothing.
  std::string note;
};

// The ledger of this name.
Result<Imported> find_ledger(LogHandle& log, const std::string& name);

// The ledger of a regular file that was given no name: of those that imports of files called the
// same into the same `stream` (empty: the lines' own) left behind, the one whose bytes this file
// begins with. `conflict` where this is the very file of one of them, and has been changed.
Result<Ledgers> find_ledger_of(LogHandle& log, const std::string& path, const std::string& stream,
                               std::string_view first_line);

}  // namespace strandline::tools
