// The operating system's file system, but that no space is set aside for files in advance: RocksDB
// asks for 160 MB for each WAL, and a tmpfs clears every page of it.
#pragma once

#include <memory>

namespace strandline::tests {

// For Options::file_system. Any thread.
std::shared_ptr<void> light_file_system();

}  // namespace strandline::tests
