// What the kernel says of a process that runs: its memory, its open files.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace strandline::tests {

// "VmRSS" (now) or "VmHWM" (the most it ever was), in bytes.
size_t memory_bytes(pid_t process, const std::string& which = "VmRSS");
size_t open_files(pid_t process);

}  // namespace strandline::tests
