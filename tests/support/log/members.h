// Members of a group in a process that is going to be killed, and the account of what they said.
//
// The process is a child (child.h). It appends events to a stream, keyed by subject, and has
// members fetch, ack, nack and leave; each says what it does before it does it, and what it was
// told after, a line each, so that what is on its output when it is killed bounds what happened.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/log.h"

namespace strandline::tests {

inline constexpr char kGroupStream[] = "work";
inline constexpr char kGroup[] = "group";

int members_until_killed(Log& log);

// One round's lines after another; says what contradicts the promises of a group.
class GroupAccount {
 public:
  explicit GroupAccount(bool keyed) : keyed_(keyed) {}

  // A line of the child's; what is wrong with it, or nothing.
  std::string take(const std::string& line);
  // What the log holds now, opened again by nobody else: every event acked, waiting or dead.
  std::vector<std::string> violations(Log& log) const;

  uint64_t given() const { return given_count_; }
  uint64_t acked() const { return acked_.size(); }

 private:
  const bool keyed_;
  std::map<uint64_t, uint32_t> attempts_;  // the highest that was said, by position
  std::map<uint64_t, std::string> keys_;
  std::set<uint64_t> acking_;  // somebody meant to
  std::set<uint64_t> acked_;   // and was told so
  uint64_t given_count_ = 0;
};

}  // namespace strandline::tests
