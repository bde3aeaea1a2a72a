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

void Model::roll() {
  sealed_.push_back({open_, order_.size()});
  open_ = order_.size();
}

void Model::drop(size_t index) {
  const Segment segment = sealed_[index];
  sealed_.erase(sealed_.begin() + static_cast<ptrdiff_t>(index));
  for (uint64_t s = segment.first; s < segment.next; ++s) dropped_.insert(s);
  for (auto& [name, stream] : streams) {
    const auto offset_of = [&](uint64_t sequence) {
      return static_cast<uint64_t>(std::ranges::lower_bound(stream.events, sequence) -
                                   stream.events.begin());
    };
    const uint64_t first = offset_of(segment.first), next = offset_of(segment.next);
    if (first == next || next <= stream.start) continue;
    if (index > 0 && stream.start < first) continue;  // a hole
    stream.start = next;
    while (stream.start < stream.tail() && dropped_.contains(stream.events[stream.start])) {
      ++stream.start;
    }
  }
  if (index == 0) start_ = sealed_.empty() ? open_ : sealed_.front().first;
}

uint64_t Model::erase(const std::string& stream, uint64_t first, uint64_t next) {
  const ModelStream& of = streams.at(stream);
  uint64_t erased = 0;
  for (uint64_t offset = first; offset < std::min(next, of.tail()); ++offset) {
    const uint64_t sequence = of.events[offset];
    if (!dropped_.contains(sequence)) erased += erased_.insert(sequence).second;
  }
  return erased;
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
  return event.offset >= streams.at(event.stream).start && !dropped_.contains(sequence) &&
         !erased_.contains(sequence);
}

}  // namespace strandline::tests
