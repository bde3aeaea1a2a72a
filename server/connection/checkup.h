// What `strandline doctor` looks at: the machine, the directory, the log and its settings, and what
// is wrong with them.
//
// Each check says what it found, and if something is wrong, what to do. It changes nothing: the
// fsync rate is measured on a file without a name, which is gone when it is closed. *Threads*: any;
// it takes some tens of milliseconds, and longer on a slow disk.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/log.h"

namespace strandline::server {

struct Check {
  enum class Verdict { fine, warning, problem };
  std::string name;
  Verdict verdict;
  std::string finding;
  std::string advice;  // empty where it is fine
};

// What there is to be looked at.
struct Patient {
  const Log* log = nullptr;            // null: it does not open
  std::optional<Error> unopened = {};  // why not
  std::filesystem::path directory = {};
  size_t connections_max = 0;       // of the server that is, or would be, here
  bool serves = false;              // this process is the server
  bool guarded = false;             // with access control; of a log that opens
  std::string open_to_others = {};  // an address that other machines reach, if there is one
};

std::vector<Check> check_up(const Patient& patient);

// {"checks":[{"check","verdict","finding","advice"}],"problems":n,"warnings":n}
std::string render_checks(const std::vector<Check>& checks);

}  // namespace strandline::server
