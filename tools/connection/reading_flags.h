// The flags by which every reading command names what it reads.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "engine/api/error.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {

inline constexpr char kTypeHelp[] =
    "only events of this type; \"order.*\" for all that begin so; repeatable. A comma is part of "
    "the type; \\* at its end is a star, and \\\\ a backslash";

inline constexpr char kSubjectHelp[] =
    "only events of this subject; a star and repeating it as with --type";

struct ReadingFlags {
  std::vector<std::string> streams;
  bool all = false;
  std::string prefix;
  std::string from;
  std::vector<std::string> types;
  std::vector<std::string> subjects;

  void add_to(CLI::App& command);
  // `invalid` unless exactly one of streams, --all and --prefix is there, or `from` is nonsense.
  // Several streams are read as one, in the order of sequence.
  Result<ReadRequest> request(const From& from_default) const;
};

}  // namespace strandline::tools
