// Fetches a key set from an http or https URL (libcurl).
//
// Servers are verified, by the system's authorities or by those of a file. Redirections are not
// followed: keys come from where they were said to be. *Limits*: kKeySetBytesMax, and ten seconds.
// *Threads*: any; it waits. *Errors*: `io`, with the URL; `closed` once it is told to stop.
#pragma once

#include <stop_token>
#include <string>

#include "engine/api/error.h"

namespace strandline::server {

bool is_url(const std::string& source);
// `ca`: a file in PEM, or empty.
Result<std::string> fetch_key_set(const std::string& url, const std::string& ca,
                                  const std::stop_token& stop);

}  // namespace strandline::server
