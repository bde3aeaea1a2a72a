// Opening a log: looks at the directory, recovers the store, loads what stands in memory, and holds
// the result against the head mark. What it finds goes into the recovery report.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "engine/api/log_info.h"
#include "engine/state/log_state.h"

namespace strandline {

struct OpenedState {
  std::unique_ptr<LogState> state;
  RecoveryReport recovery;
};

// A further part of the state, behind the log's own: made before anything is loaded. How a test
// adds one.
using MakePart = std::function<std::unique_ptr<StatePart>(LogState&)>;

Result<OpenedState> open_state(const std::filesystem::path& directory, Options options,
                               const MakePart& another = nullptr);

}  // namespace strandline
