// Why a command opens a log. A directory is read beside whatever runs there, or owned to be written
// and followed. Who is to write and finds no server is told that nothing was changed.
#pragma once

namespace strandline::tools {

enum class Purpose { read, write, follow };

}  // namespace strandline::tools
