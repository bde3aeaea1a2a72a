// What OpenSSL says of its last failure, on this thread.
#pragma once

#include <string>

namespace strandline::server {

// The reason in words, such as "no shared cipher"; the thread's queue of errors is empty after it.
std::string openssl_reason();

}  // namespace strandline::server
