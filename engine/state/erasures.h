// The erasures that are under way: from the first half of an erasure's receipt on until its bytes
// are gone (erasure_record.h). Who carries them out is the eraser (engine/writing).
//
// *Threads*: under_way, and what the eraser asks: any; put and remove: the writer's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/erasure.h"
#include "engine/format/erasure_record.h"
#include "engine/state/part.h"

namespace strandline {

struct CollectedErasures : StatePart::Pending {
  void clear() override;

  std::vector<std::pair<uint64_t, ErasureRecord>> begun;
  std::vector<uint64_t> completed;
};

class Erasures : public Collecting<CollectedErasures> {
 public:
  using Collecting::Collecting;

  std::vector<ErasureUnderWay> under_way() const;  // durable, in order of their ids
  std::optional<ErasureRecord> find(uint64_t id) const;
  bool is_under_way(uint64_t id) const { return find(id).has_value(); }
  void set_why_not(uint64_t id, std::string why_not);

  // --- The writer's. An id is greater than that of any other that is under way.
  uint64_t next_id(uint64_t at_least) const;
  void put(CommitGroup& group, uint64_t id, ErasureRecord record);
  void remove(CommitGroup& group, uint64_t id);

  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification&) const override {}  // each was read, and checked, when it was loaded
  // The events do not say who is to be erased: what was lost of the records stays lost.
  Status rebuild(Rebuild&) const override { return {}; }

 private:
  mutable std::mutex mutex_;  // guards both below
  std::map<uint64_t, ErasureRecord> records_;
  std::map<uint64_t, std::string> why_not_;
  uint64_t last_id_ = 0;  // the writer's
};

}  // namespace strandline
