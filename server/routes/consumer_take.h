// One fetch of a consumer's events, begun on a session's thread and answered on it: the log is
// asked, and what it gave is read, where both may block.
//
// *Threads*: `done` runs on the mailbox's thread, and is destroyed there; `prepare`, if there is
// one, in the pool. *Errors*: as the log's. What was given and cannot be read goes back at once.
#pragma once

#include <functional>
#include <memory>

#include "server/base/coroutine.h"
#include "server/base/mailbox.h"
#include "server/connection/service.h"

namespace strandline::server {

struct Taken {
  Assignment assignment;
  Fetched fetched;
  std::string text;  // what `prepare` made of it
};
using TakenHandler = std::move_only_function<void(Result<Taken>)>;
using TakenPrepare = std::function<void(Taken&)>;

void take(Service& service, Mailbox& mailbox, Fetch request, TakenPrepare prepare,
          TakenHandler done);

// What was given to somebody who is not there any more: others have it at once. If nobody knows
// the epoch, the member leaves.
void give_back(Service& service, const Assignment& assignment, bool leave);
// In the pool; whatever it answers.
void leave_later(Service& service, std::string consumer, uint64_t epoch);

// When to ask again, by this thread's clock.
std::optional<SteadyTime> steady_due(const Assignment& assignment);

}  // namespace strandline::server
