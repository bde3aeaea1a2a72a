// The incarnations of a log (engine/api/incarnation.h): a part.
//
// *Threads*: durable: any; put and assigned: the writer's. *Errors*: `corrupt` for a record that
// does not parse, or is missing between others; where a loss was accepted, a new incarnation
// begins.
#pragma once

#include <memory>
#include <vector>

#include "engine/api/incarnation.h"
#include "engine/base/published.h"
#include "engine/state/part.h"

namespace strandline {

struct LogState;

struct CollectedIncarnations : StatePart::Pending {
  void clear() override { begun.clear(); }

  std::vector<Incarnation> begun;
};

class IncarnationsPart : public Collecting<CollectedIncarnations> {
 public:
  explicit IncarnationsPart(StateParts& parts);

  std::shared_ptr<const Incarnations> durable() const { return durable_.load(); }
  const Incarnations& assigned() const { return assigned_; }
  void put(CommitGroup& group, Incarnation incarnation);

  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification&) const override {}  // each was read, and checked, when it was loaded
  Status rebuild(Rebuild&) const override { return {}; }  // events do not say

 private:
  Incarnations assigned_;
  Published<const Incarnations> durable_;
};

}  // namespace strandline
