#include "server/base/openssl_error.h"

#include <openssl/err.h>

namespace strandline::server {

std::string openssl_reason() {
  // The first is the cause; what follows says only who was asked on the way.
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) return "no reason is known";
  if (const char* reason = ERR_reason_error_string(error)) return reason;
  char text[256];
  ERR_error_string_n(error, text, sizeof text);
  return text;
}

}  // namespace strandline::server
