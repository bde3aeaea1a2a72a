// A log in a directory, opened by this process: as its owner to write, as an observer to read.
#pragma once

#include <filesystem>
#include <memory>

#include "engine/log.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {

// `locked` says to use --server; `not_found` that there is no log, which `create` makes.
Result<std::unique_ptr<Log>> open_directory(const std::filesystem::path& directory,
                                            Purpose purpose);

Result<std::unique_ptr<LogHandle>> open_local(const std::filesystem::path& directory,
                                              Purpose purpose);

}  // namespace strandline::tools
