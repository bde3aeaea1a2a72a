// One client's connection, of whatever protocol, as its worker sees it: an HTTP session today, a
// WebSocket later. The worker owns what happens to all of them alike: waits that are over time, a
// draining server, and an end at once.
//
// *Threads*: its worker's. *Lifetime*: it keeps itself alive by its coroutines, from start() until
// it calls Worker::remove; it never ends within a call of its worker's.
#pragma once

#include "server/base/coroutine.h"

namespace strandline::server {

class Connection {
 public:
  virtual ~Connection() = default;

  virtual void start() = 0;
  // Ends waits that are over time.
  virtual void sweep(SteadyTime now) = 0;
  // Finishes what is under way, takes nothing new.
  virtual void drain() = 0;
  // Closes the transport whatever is under way.
  virtual void abort() = 0;
};

}  // namespace strandline::server
