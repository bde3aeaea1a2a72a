// The flags that say what a policy is to say: `streams create|set` and `policies set` share them.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "engine/api/policy.h"
#include "tools/base/table.h"

namespace strandline::tools {

class PolicyFlags {
 public:
  // `changes`: there is something to take back, too (--unset).
  static std::shared_ptr<PolicyFlags> add_to(CLI::App& command, bool changes);

  // What was said; or a sentence for who used them wrongly.
  std::expected<PolicyChange, std::string> change() const;

 private:
  std::string age_max_, bytes_max_, events_max_, audit_, compaction_, tombstone_delay_;
  std::vector<std::string> unset_;
};

// A value as people read it: 30d, 10GiB, none, on.
std::string readable(PolicyField field, const PolicyValue& value);
// "age_max_s 30d, audit on"; "-" of one that says nothing.
std::string readable(const Policy& policy);

}  // namespace strandline::tools
