// Real events, again and again, each time with other ids: the commit history of five public storage
// projects (../shared/data/commits.ndjson.zst beside the checkout; where that is absent, the sample
// of 289 of them in tests/data).
//
// The first pass is the file as it is. In each later one every commit id, wherever it stands (an
// event's id, its parents), is another one, the same for the same commit within the pass: what a
// compressor finds within a pass it finds in the file, and from pass to pass it finds no id again.
// Types, paths and times repeat. *Threads*: one. *Memory*: the input once, as batches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/process.h"
#include "engine/api/batch.h"

namespace strandline::bench {

class RealEvents {
 public:
  // Batches of up to `batch_events` events of one stream, in the order of the file.
  explicit RealEvents(uint32_t batch_events);

  struct Next {
    const std::string& stream;
    Batch batch;
  };
  Next next();

  uint64_t events() const { return events_; }          // in a pass
  uint64_t text_bytes() const { return text_bytes_; }  // of a pass, as NDJSON
  uint64_t bytes() const { return bytes_; }            // of a pass, as FlatBuffers
  const std::string& source() const { return source_; }

 private:
  struct Template {
    std::string stream;
    std::string bytes;
    std::vector<uint32_t> ids;  // where they stand
  };
  void load(uint32_t batch_events);
  void take(const std::string& stream, const Batch& batch);

  std::string source_;
  std::vector<Template> templates_;
  uint64_t events_ = 0;
  uint64_t text_bytes_ = 0;
  uint64_t bytes_ = 0;
  uint64_t pass_ = 0;
  size_t at_ = 0;
};

}  // namespace strandline::bench
