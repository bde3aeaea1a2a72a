// The log as a plain map: what it promises, without what makes it fast or durable. Random
// operations go to both, and both must answer the same.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/delivery.h"
#include "engine/api/types.h"

namespace strandline::tests {

struct ModelEvent {
  std::string stream;
  uint64_t offset;
  uint64_t sequence;
  int64_t stored_us;
  std::string type;
  std::string id;
};

struct ModelStream {
  bool exists = true;
  uint64_t start = 0;
  std::vector<size_t> events;  // by offset: places in the whole order, of those that are gone too
  std::map<std::string, uint64_t> positions;  // by consumer

  uint64_t tail() const { return events.size(); }
};

class Model {
 public:
  // `stored_us` as the log answered it, which the caller has compared. The events are payload.h's,
  // or of another `type`.
  void append(const std::string& stream, const std::vector<std::string>& ids, int64_t stored_us,
              const std::string& type = {});
  void create(const std::string& stream);
  void remove(const std::string& stream);
  void truncate(const std::string& stream, uint64_t before);
  void roll();
  void drop_oldest();

  const ModelStream* find(const std::string& stream) const;  // null if it does not exist
  std::vector<std::string> names(const std::string& prefix) const;
  uint64_t next_sequence() const { return order_.size(); }
  uint64_t start_sequence() const { return start_; }
  const ModelEvent& at(uint64_t sequence) const { return order_[sequence]; }
  bool kept(uint64_t sequence) const;  // whether a reader would be given this event
  bool has_sealed() const { return !sealed_.empty(); }

  std::map<std::string, ModelStream> streams;

 private:
  std::vector<ModelEvent> order_;
  uint64_t start_ = 0;            // first sequence of the oldest segment
  std::vector<uint64_t> sealed_;  // where each sealed segment ends, oldest first
};

}  // namespace strandline::tests
