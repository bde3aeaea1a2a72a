// `strandline import --frames`: what `export --form frames` wrote, batch by batch.
#pragma once

#include <chrono>
#include <string>

#include "tools/base/settings.h"

namespace strandline::tools {

struct FramesImport {
  std::string file;    // a regular file
  std::string stream;  // whatever the frames say; empty: theirs
  std::string name;    // of the ledger; empty: the file's own
  std::chrono::seconds patience{60};
  bool json = false;
};

// Each batch once, however often it runs: the ledger counts the file's bytes. A frame that is not
// whole, or whose batch does not verify, ends the import; what is before it is imported. Answers
// the exit code.
int import_frames(const Settings& settings, const FramesImport& request);

}  // namespace strandline::tools
