// The legal holds of a log (engine/api/hold.h): a part, and the one question that is asked of it.
//
// As with policies, what is assigned belongs to the writer, and what is durable is published as one
// value. A hold that is over stays in the list until it is released. *Threads*: list and held: any;
// the rest: the writer's. *Errors*: `corrupt` for a record that does not parse; where a loss was
// accepted, it counts as a hold on everything, under its name, until somebody releases it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "engine/api/hold.h"
#include "engine/base/published.h"
#include "engine/state/part.h"

namespace strandline {

struct LogState;
using HoldList = std::map<std::string, Hold, std::less<>>;

struct CollectedHolds : StatePart::Pending {
  struct Change {
    std::string name;
    std::optional<Hold> hold;  // none: released
  };
  void clear() override { changed.clear(); }

  std::vector<Change> changed;
};

class Holds : public Collecting<CollectedHolds> {
 public:
  explicit Holds(StateParts& parts)
      : Collecting(parts), durable_(std::make_shared<const HoldList>()) {}

  std::shared_ptr<const HoldList> list() const { return durable_.load(); }  // durable
  // A durable one that covers the stream and is in force.
  std::optional<Hold> held(std::string_view stream, Timestamp now) const;

  // --- The writer's.
  const HoldList& assigned() const { return assigned_; }
  void put(CommitGroup& group, Hold hold);
  void release(CommitGroup& group, const std::string& name);

  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification&) const override {}  // each was read, and checked, when it was loaded
  Status rebuild(Rebuild&) const override { return {}; }  // events do not say who must keep them

 private:
  HoldList assigned_;
  Published<const HoldList> durable_;
};

// The writer's: `held`, by name, if a stream of this name must stay as it is. Whatever takes events
// away asks this first.
Status may_lose(const LogState& log, std::string_view stream);

}  // namespace strandline
