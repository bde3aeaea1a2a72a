// A log behind a server, over its HTTP API. One connection, opened when it is needed and again
// after it was lost; a request is never repeated here, for only the caller knows whether it may be.
#pragma once

#include <memory>
#include <string>

#include "tools/connection.h"
#include "tools/http.h"

namespace strandline::tools {

// Nothing is sent yet; `invalid` if it is no URL.
Result<std::unique_ptr<Connection>> open_remote(const std::string& url, Purpose purpose);

// Reads as frames (schemas/frame.h), on a connection of its own.
Result<std::unique_ptr<Reader>> read_remote(const Url& url, const ReadRequest& request);

}  // namespace strandline::tools
