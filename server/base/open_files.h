// How many connections the process has file descriptors for.
//
// *Effect*: raises the soft limit of open files (RLIMIT_NOFILE) to the hard one, for the usual soft
// limit of 1,024 is there for programs that still use select(). Once, before the log is opened.
#pragma once

#include <cstddef>

namespace strandline::server {

// As many of the connections as fit beside the log's own files.
size_t connections_that_fit(size_t connections_max);

}  // namespace strandline::server
