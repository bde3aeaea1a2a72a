// Makes the trees of events that were there before them, and signs checkpoints on an interval.
//
// After an opening, and where auditing was switched on for events that are there, the right edge of
// a tree is not in memory. The auditor makes it from nodes and events, on a thread of its own that
// gives way to all others, and gives seeds to batches without salts. What a crash cut off is done
// by the next opening. *Threads*: its own.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <thread>

#include "engine/proving/tree_reader.h"
#include "engine/state/log_state.h"
#include "engine/writing/operation.h"
#include "engine/writing/signer.h"

namespace strandline {

class Auditor {
 public:
  Auditor(LogState& log, Signer& signer, std::function<Result<Outcome>(Operation)> perform);
  ~Auditor();  // before the writer stops

 private:
  void run();
  void look_at_all();
  void make(const Stream& stream);
  // All that is below `size`; what the writer answered.
  Result<Outcome> make_below(const Stream& stream, uint64_t size);
  Status make_nodes(const Stream& stream, TreeReader& reader, uint64_t size);
  void sign_all();
  void tell(const Stream& stream, const Error& error);

  LogState& log_;
  Signer& signer_;
  const std::function<Result<Outcome>(Operation)> perform_;
  std::set<StreamId> told_;  // of what there was a warning
  std::thread thread_;
};

}  // namespace strandline
