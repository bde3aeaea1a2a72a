#include "tests/support/log/model.h"

#include <algorithm>

#include "tests/support/log/payload.h"

namespace strandline::tests {

void Model::append(const std::string& stream, const std::vector<std::string>& ids,
                   int64_t stored_us, const std::string& type) {
  create(stream);
  ModelStream& to = streams[stream];
  for (const std::string& id : ids) {
    order_.push_back({.stream = stream,
                      .offset = to.tail(),
                      .sequence = order_.size(),
                      .stored_us = stored_us,
                      .type = type.empty() ? payload(stream, id).type : type,
                      .id = id});
    to.events.push_back(order_.size() - 1);
  }
}

void Model::create(const std::string& stream) { streams[stream].exists = true; }

void Model::remove(const std::string& stream) {
  ModelStream& gone = streams[stream];
  gone.exists = false;
  gone.start = gone.tail();
}

void Model::truncate(const std::string& stream, uint64_t before) {
  ModelStream& shorter = streams[stream];
  shorter.start = std::max(shorter.start, before);
}

void Model::roll() { sealed_.push_back(order_.size()); }

void Model::drop_oldest() {
  start_ = sealed_.front();
  sealed_.erase(sealed_.begin());
  for (auto& [name, stream] : streams) {
    while (stream.start < stream.tail() && stream.events[stream.start] < start_) ++stream.start;
  }
}

const ModelStream* Model::find(const std::string& stream) const {
  const auto found = streams.find(stream);
  return found != streams.end() && found->second.exists ? &found->second : nullptr;
}

std::vector<std::string> Model::names(const std::string& prefix) const {
  std::vector<std::string> found;
  for (const auto& [name, stream] : streams) {
    if (stream.exists && name.starts_with(prefix)) found.push_back(name);
  }
  return found;
}

bool Model::kept(uint64_t sequence) const {
  const ModelEvent& event = order_[sequence];
  return sequence >= start_ && event.offset >= streams.at(event.stream).start;
}

}  // namespace strandline::tests
