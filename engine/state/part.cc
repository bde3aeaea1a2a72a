#include "engine/state/part.h"

namespace strandline {
namespace {

// Groups under way at once are few; after a crowd of them the memory goes back.
constexpr size_t kIdleSetsMax = 8;

size_t add_to(std::vector<StatePart*>& parts, StatePart& part) {
  parts.push_back(&part);
  return parts.size() - 1;
}

}  // namespace

StatePart::StatePart(StateParts& parts) : index_(add_to(parts.parts_, *this)) {}

Pendings StateParts::begin_group() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Pendings set(idle_.back().release(), GiveBack{this});
      idle_.pop_back();
      return set;
    }
  }
  Pendings set(new PendingSet, GiveBack{this});
  set->reserve(parts_.size());
  for (const StatePart* part : parts_) set->push_back(part->make_pending());
  return set;
}

void GiveBack::operator()(PendingSet* set) const {
  std::unique_ptr<PendingSet> owned(set);
  for (const auto& pending : *owned) {
    if (pending) pending->clear();
  }
  const std::lock_guard lock(parts->mutex_);
  if (parts->idle_.size() < kIdleSetsMax) parts->idle_.push_back(std::move(owned));
}

}  // namespace strandline
