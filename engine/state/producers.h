// Producers that may retry: where each stands in each stream, and what became of every append that
// named one. Both are written in the WriteBatch of the append itself, once for all that a producer
// appends to a stream in one group: a record for each append would cost a crowd of single events
// more than the events do.
//
// *What is assigned* is what counts here: an append that is written and not yet durable is found as
// well, for whoever retries it is answered behind it. The places of the producers that appended
// last are kept in memory, up to a bound; the others' are looked up in the store, as is every
// original. *Threads*: the writer's. *Errors*: `corrupt` for a record that cannot be read.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/api/error.h"
#include "engine/api/types.h"
#include "engine/format/keys.h"
#include "engine/state/part.h"
#include "engine/store/store.h"

namespace strandline {

struct Producer;

class Producers : public StatePart {
 public:
  Producers(StateParts& parts, size_t cached_max) : StatePart(parts), cached_max_(cached_max) {}

  Result<std::optional<ProducerHead>> head(const Store& store, StreamId stream,
                                           const std::string& producer);
  Result<std::optional<ProducerAppend>> original(const Store& store, StreamId stream,
                                                 const Producer& producer) const;
  void put(StreamId stream, const Producer& producer, const ProducerAppend& append);
  // Lays out what was put since the last group was staged.
  void lay(Changes& changes) const;

  Status load(Loading&) override { return {}; }  // a place is looked up when it is asked for
  // From here on it can be read from the store.
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup&) override {}        // only the writer looks at it
  void verify(Verification&) const override {}  // each record is checked when it is read
  // The events do not say who sent them: what was lost of the records stays lost.
  Status rebuild(Rebuild&) const override { return {}; }

  size_t cached() const { return heads_.size(); }

 private:
  struct Entry {
    std::string key;
    ProducerHead head;
  };
  using Entries = std::list<Entry>;
  // Appends of this group that follow each other in sequence.
  struct Run {
    std::string key;  // of its first
    uint64_t epoch;
    uint64_t first;
    std::vector<ProducerAppend> appends;
    std::optional<size_t> before;  // the same producer's run in runs_, of an earlier epoch
  };

  void keep(std::string key, ProducerHead head);

  const size_t cached_max_;
  Entries entries_;  // the one used last comes first
  std::unordered_map<std::string_view, Entries::iterator> heads_;
  std::vector<Run> runs_;
  std::unordered_map<std::string, size_t> staged_;  // by head's key: the last of its runs
};

}  // namespace strandline
