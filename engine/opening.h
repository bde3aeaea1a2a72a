// Opening a log: looks at the directory, recovers the store, loads what stands in memory, and holds
// the result against the head mark. What it finds goes into the recovery report.
#pragma once

#include <filesystem>
#include <memory>

#include "engine/log.h"
#include "engine/log_state.h"

namespace strandline {

struct OpenedState {
  std::unique_ptr<LogState> state;
  RecoveryReport recovery;
};

Result<OpenedState> open_state(const std::filesystem::path& directory, Options options);

}  // namespace strandline
