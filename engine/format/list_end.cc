#include "engine/format/list_end.h"

namespace strandline {

void ListWatch::synced(ListEnd end) {
  std::lock_guard lock(mutex_);
  synced_ = end;
  if (end.manifest == named_) durable_ = end;
}

void ListWatch::named(uint64_t manifest) {
  std::lock_guard lock(mutex_);
  named_ = manifest;
}

void ListWatch::opened() {
  std::lock_guard lock(mutex_);
  if (synced_.manifest == named_) durable_ = synced_;
}

ListEnd ListWatch::durable() const {
  std::lock_guard lock(mutex_);
  return durable_;
}

}  // namespace strandline
