// The policies of streams and prefixes (engine/api/policy.h): a part.
//
// As with API keys, what is assigned belongs to the writer, and what is durable is published as one
// value that never changes. *Threads*: set: any; assigned and put: the writer's. *Errors*:
// `corrupt` for a record that does not parse; where a loss was accepted, that policy is told as
// lost, and what it held for is kept.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/policy.h"
#include "engine/base/published.h"
#include "engine/state/part.h"

namespace strandline {

// All policies of a log, and what they say of a stream.
class PolicySet {
 public:
  // What holds for a stream in a field; null: nobody says. `from`: by whose word.
  const PolicyValue* find(std::string_view stream, PolicyField field,
                          NameScope* from = nullptr) const;
  uint64_t amount(std::string_view stream, PolicyField field) const;   // kNoLimit if nobody says
  bool flag(std::string_view stream, PolicyField field) const;         // false if nobody says
  std::string text(std::string_view stream, PolicyField field) const;  // empty if nobody says
  EffectivePolicy of(std::string_view stream) const;

  // Whether any says something in the field: most logs need not ask stream by stream.
  bool says(PolicyField field) const { return said_[static_cast<size_t>(field)] > 0; }
  const Policy* own(const NameScope& scope) const;  // null: it has none
  std::vector<ScopedPolicy> all() const;
  size_t size() const { return streams_.size() + prefixes_.size(); }

  void put(const NameScope& scope, const Policy& policy);  // an empty one is removed
  // What two fields that do not go together say of one stream, if that is so anywhere.
  std::optional<std::string> contradiction() const;

 private:
  using Named = std::map<std::string, Policy, std::less<>>;

  Named streams_;
  Named prefixes_;
  std::map<size_t, size_t, std::greater<>> lengths_;  // of the prefixes, and how many have it
  std::array<size_t, kPolicyFields> said_{};
};
using PolicySetPointer = std::shared_ptr<const PolicySet>;

struct CollectedPolicies : StatePart::Pending {
  void clear() override { changed.clear(); }

  std::vector<ScopedPolicy> changed;  // in the order in which they were
};

class Policies : public Collecting<CollectedPolicies> {
 public:
  explicit Policies(StateParts& parts)
      : Collecting(parts), durable_(std::make_shared<const PolicySet>()) {}

  PolicySetPointer set() const { return durable_.load(); }  // durable

  // --- The writer's.
  const PolicySet& assigned() const { return assigned_; }
  void put(CommitGroup& group, const NameScope& scope, const Policy& policy);

  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification&) const override {}  // each was read, and checked, when it was loaded
  Status rebuild(Rebuild&) const override {
    return {};
  }  // events do not say how long they are kept

 private:
  PolicySet assigned_;
  Published<const PolicySet> durable_;
};

}  // namespace strandline
