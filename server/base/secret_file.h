// A file that holds a secret, and nobody but its owner may read.
//
// *Errors*: `invalid` where others may read it, or where it holds no secret; `io` where it cannot
// be read or made. No message quotes what is in it.
#pragma once

#include <string>

#include "engine/api/error.h"

namespace strandline::server {

// Its one line, of 16 to 8,192 printable characters without spaces: a secret, or a JSON Web Token.
Result<std::string> read_secret_file(const std::string& path);
// Makes a file of mode 600 that is not there yet, with the secret and a line end.
Status write_secret_file(const std::string& path, const std::string& secret);

}  // namespace strandline::server
