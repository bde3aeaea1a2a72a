// A file that nobody but its owner may read: a private key.
//
// *Durability*: what was written is whole and durable when write_private returns. *Errors*:
// `invalid` for a file that others may read; `not_found` where there is none; io.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/api/error.h"

namespace strandline {

Result<std::string> read_private(const std::filesystem::path& file);
// In the place of the one that is there; of mode 600.
Status write_private(const std::filesystem::path& file, std::string_view text);

}  // namespace strandline
