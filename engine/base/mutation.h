// Seeded bugs: each is a promise broken on purpose, in one line, at the place where the bug would
// be. tests/mutants turns them on one at a time and asks which test finds them.
//
// In a normal build `mutated` is false at compile time, and nothing of this remains. With the CMake
// option STRANDLINE_MUTATIONS (the preset `mutants`) the bug that the environment variable
// STRANDLINE_MUTATION names is on; an unknown name aborts. *Threads*: any.
#pragma once

namespace strandline {

enum class Mutation {
  none,
  sync_dropped,                      // fsync of the WAL does nothing
  acknowledged_before_sync,          // answers are given once written
  offset_reused_after_failed_write,  // what failed gives its offsets back, and the log goes on
  writing_on_after_wal_error,        // the latch opens again once what failed is answered
  no_contiguity_check,               // a reader skips what is missing without a word
  iterator_status_ignored,           // an iterator that failed looks like one that ended
  readers_not_held_to_tail,          // tails are raised once written
  position_before_delivery,          // an export's position is moved before its events are written
  position_outside_batch,            // a commit is written ahead of the events beside it
  producer_outside_batch,            // a producer's sequence is written ahead of its events
  directory_sync_missing,            // a new file's directory entry is not fsynced
  resume_off_by_one,                 // a position resumes at the one after it
  checksum_unchecked,                // a stored batch is taken as it is
};

#ifdef STRANDLINE_MUTATIONS
bool mutated(Mutation mutation);
#else
constexpr bool mutated(Mutation) { return false; }
#endif

}  // namespace strandline
