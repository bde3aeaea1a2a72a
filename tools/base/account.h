// Who runs this program: what the log writes down of acts on a directory.
#pragma once

#include "engine/api/administration.h"

namespace strandline::tools {

// The account of the operating system; its number, where it has no name. Not for several threads.
Actor account_here();

}  // namespace strandline::tools
