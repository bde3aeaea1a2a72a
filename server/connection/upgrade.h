// A connection that goes on in another protocol: what its session hands over.
//
// *Ownership*: the new connection's, from here on. *Threads*: its worker's.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/connection/connection.h"
#include "server/connection/quotas.h"
#include "server/connection/transport.h"

namespace strandline::server {

class Worker;

struct Upgraded {
  Worker& worker;
  std::unique_ptr<Transport> transport;
  std::string input;          // what came behind the request
  Account::Lease lease = {};  // of its connection
  SteadyTime certificate_until = SteadyTime::max();
};

// Makes the connection that takes the session's place; it answers the request itself.
using Upgrade = std::move_only_function<std::shared_ptr<Connection>(Upgraded)>;

}  // namespace strandline::server
