// The API keys of a log (engine/api/access.h): a part.
//
// As with streams, what is assigned belongs to the writer, and what is durable is published as one
// value that never changes: whoever checks a request takes it with one short lock. That a log has
// had a key stands in a file of its own, too, GUARDED: where all records are lost, the log is not
// opened as if it had never had one. *Threads*: keys: any; assigned and put: the writer's.
// *Errors*: `corrupt` for a record that does not parse; where a loss was accepted, that key is told
// as lost, and counts as revoked. So for a log without keys that has had one.
#pragma once

#include <vector>

#include "engine/api/access.h"
#include "engine/base/published.h"
#include "engine/state/part.h"

namespace strandline {

struct LogState;

struct CollectedAccess : StatePart::Pending {
  void clear() override { changed.clear(); }

  std::vector<ApiKeyPointer> changed;  // in the order in which they were
};

class Access : public Collecting<CollectedAccess> {
 public:
  Access(StateParts& parts, LogState& log)
      : Collecting(parts), log_(log), durable_(std::make_shared<const ApiKeys>()) {}

  ApiKeysPointer keys() const { return durable_.load(); }  // durable

  // --- The writer's.
  const ApiKeys& assigned() const { return assigned_; }
  void put(CommitGroup& group, ApiKeyPointer key);

  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification&) const override {}  // each was read, and checked, when it was loaded
  Status rebuild(Rebuild&) const override { return {}; }  // events do not say who may read them

 private:
  // An owner's, behind the first key that is durable: before it, a crash would leave a log that
  // seems to have lost what it never had.
  Status mark_guarded();

  LogState& log_;
  bool marked_ = false;  // the loading's, then the commit stage's
  ApiKeys assigned_;
  Published<const ApiKeys> durable_;
};

}  // namespace strandline
