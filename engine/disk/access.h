// What the operating system does not let this process have: a file or a directory of a log that
// belongs to another user, a read-only file system, too few file descriptors.
//
// None of it says anything about what is stored. So it is never told as missing or damaged, and
// never a reason to accept a loss: it is an error of its own, `inaccessible`, which names the file,
// who asked, and what to do. *Threads*: any.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "engine/api/error.h"

namespace strandline {

// Whether the error number says that a file is withheld, and not that it is gone or broken.
bool is_withheld(int error_number);
// That number, where all there is is RocksDB's text, which ends with the system's words for it.
std::optional<int> withheld_in(std::string_view text);

// Both need a number that is_withheld().
Error inaccessible_file(const std::filesystem::path& file, int error_number);
Error inaccessible(std::string_view text, int error_number);  // the text names the file

// Opens every file of the log for reading, and asks whether an owner may write where it has to.
// Changes nothing. A file that is gone meanwhile is not what this is about. *Errors*: inaccessible.
Status check_access(const std::filesystem::path& log_directory, bool owner);

}  // namespace strandline
