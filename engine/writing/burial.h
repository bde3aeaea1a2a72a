// Makes dead letters of events whose last attempt is over. Each event is read, and copied to its
// consumer's dead-letter stream in the append that also removes it from what is to be done.
//
// *Threads*: any but the writer's and the commit stage's: it reads the disk, and waits for the
// appends. *Errors*: an event that fails causes a warning and stays where it is; the others go on.
// The first failure is answered. An event that is gone, and one that the consumer has dead-lettered
// before (dead_letters.h), is only removed.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/writing/consumer_desk.h"
#include "engine/writing/operation.h"

namespace strandline {

struct Buried {
  uint64_t count = 0;
  std::optional<Error> error = {};
};

Buried bury(const LogState& log, const NamedConsumer& consumer, const std::vector<Spent>& spent,
            const std::function<void(Operation)>& submit);

}  // namespace strandline
