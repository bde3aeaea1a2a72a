// What a command's end tells a script: one table from the log's error codes to exit codes, which
// holds for every command, against a directory and a server alike.
#pragma once

#include "engine/api/error.h"

namespace strandline::tools {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;    // none of the others
inline constexpr int kUsage = 2;     // the command, a flag, a name or a setting is wrong
inline constexpr int kNotFound = 3;  // no such stream, consumer or position
inline constexpr int kConflict = 4;  // a condition does not hold: exists, expected, fenced, ...
inline constexpr int kRefused = 5;   // full, sealed, at a limit, busy, not allowed; nothing applied
inline constexpr int kUnreachable = 6;  // no server answers there; nothing was applied

int exit_code_of(Code code);

// The table, for --help.
inline constexpr char kExitCodes[] =
    "Exit codes: 0 done; 1 failed; 2 the command, a flag, a name or a setting is wrong; 3 no such\n"
    "stream, consumer or position; 4 a conflict (exists already, --expected, fenced, out of "
    "order);\n"
    "5 refused (disk full, sealed, a limit, busy, locked, not allowed); 6 the server cannot be "
    "reached. After "
    "2\n"
    "to 6 nothing was applied, unless the message says what was.";

}  // namespace strandline::tools
