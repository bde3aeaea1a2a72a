// A log in a directory, opened by this process: as its owner to write, as an observer to read.
#pragma once

#include <filesystem>
#include <memory>

#include "engine/log.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {

// `locked` says to use --server; `not_found` that there is no log, which `create` makes. What is
// done is written down as done by this process's account, if `record_administration`.
Result<std::unique_ptr<Log>> open_directory(const std::filesystem::path& directory, Purpose purpose,
                                            bool record_administration = true);

Result<std::unique_ptr<LogHandle>> open_local(const std::filesystem::path& directory,
                                              Purpose purpose, bool record_administration);

}  // namespace strandline::tools
