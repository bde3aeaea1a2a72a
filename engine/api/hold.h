// Legal holds: what must be kept, by whose word, why, and until when.
//
// While a hold is in force, nothing of the streams that it covers is lost: truncation, deletion,
// the drop of a segment with events of theirs, retention, erasure and compaction leave them as they
// are, and who asks for one of these is answered `held`, with the hold's name. *Memory*: values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/api/policy.h"
#include "engine/api/types.h"

namespace strandline {

struct NewHold {
  std::string name;  // by which it is released
  NameScope scope;
  std::string reason;                   // why: 1 to 1,024 bytes
  std::optional<Timestamp> until = {};  // in force before it; none: until it is released
};

struct Hold {
  std::string name;
  NameScope scope;
  std::string reason;
  std::string by;  // who laid it on
  Timestamp created = {};
  std::optional<Timestamp> until = {};

  bool in_force(Timestamp now) const { return !until || now < *until; }
  bool operator==(const Hold&) const = default;
};

}  // namespace strandline
