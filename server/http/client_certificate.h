// Who a client's certificate, which TLS has verified, says it is.
#pragma once

#include <string>

#include "engine/api/types.h"

namespace strandline::server {

struct ClientCertificate {
  std::string name;   // its subject's one common name; empty: it has none, or several
  Timestamp expires;  // from when on it is not good any more
};

}  // namespace strandline::server
