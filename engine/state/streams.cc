#include "engine/state/streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

void Stream::publish(const StateRecord& state) {
  bytes_.store(state.bytes, std::memory_order_relaxed);
  start_bytes_.store(state.start_bytes, std::memory_order_relaxed);
  last_stored_us_.store(state.last_stored_us, std::memory_order_relaxed);
  gap_reason_.store(state.gap_reason);
  // The tail before the start: a reader that sees a start sees a tail no lower than it.
  tail_.store(state.next, std::memory_order_release);
  start_.store(state.start, std::memory_order_release);
  exists_.store(state.exists != 0, std::memory_order_release);
}

std::optional<Extent> Stream::extent() const {
  while (true) {
    const uint64_t first = extent_first_.load(std::memory_order_acquire);
    const uint64_t stripe = extent_stripe_.load(std::memory_order_acquire);
    if (stripe == 0) return std::nullopt;
    // Both are of one moment, for what is being replaced has no first offset.
    if (first != UINT64_MAX && first == extent_first_.load(std::memory_order_relaxed)) {
      return Extent{StripeId(stripe), Offset(first), std::nullopt};
    }
  }
}

void Stream::publish_extent(StripeId stripe, Offset first) {
  extent_first_.store(UINT64_MAX, std::memory_order_relaxed);
  extent_stripe_.store(stripe.value, std::memory_order_release);
  extent_first_.store(first.value, std::memory_order_release);
}

Streams::Streams(StateParts& parts) : Collecting(parts), log_(&make(kLogStream, kAllName)) {
  by_name_.insert(*log_);
  log_->assigned.exists = 1;
  log_->publish(log_->assigned);
}

// Its place among the names is the caller's to give.
Stream& Streams::make(StreamId id, std::string_view name) {
  char* kept = static_cast<char*>(names_.allocate(name.size(), 1));
  std::ranges::copy(name, kept);
  Stream& stream = streams_.emplace_back(id, std::string_view(kept, name.size()));
  if (by_id_.size() <= id.value) by_id_.resize(id.value + 1);
  by_id_[id.value] = &stream;
  return stream;
}

Status Streams::load(Loading& loading) {
  if (auto ok = load_records(*loading.log.store); !ok) return ok;
  return loading.log.segments.catch_up(loading);
}

Status Streams::load_records(const Store& store) {
  std::unique_lock lock(mutex_);
  StoreIterator it = store.iterate(Family::streams);
  for (it.seek_to_first(); it.valid(); it.next()) {
    const std::string_view key = it.key();
    const auto bad = [&] {
      return fail(Code::corrupt,
                  fmt::format("a record of the streams family does not parse: key {}",
                              key.size() == 9 ? get_be64(key, 1) : 0));
    };
    if (key.size() != 9) return bad();
    const StreamId id(get_be64(key, 1));
    if (key[0] == static_cast<char>(KeyKind::identity)) {
      IdentityRecord identity;
      if (!decode(it.value(), identity)) return bad();
      Stream& stream = make(id, identity.name);
      stream.publish_created(identity.created);
      if (!identity.description.empty()) descriptions_[id] = std::move(identity.description);
    } else if (key[0] == static_cast<char>(KeyKind::state)) {
      // Identities sort first, so the stream is there already.
      StateRecord state;
      if (!decode(it.value(), state) || id.value >= by_id_.size() || !by_id_[id.value])
        return bad();
      by_id_[id.value]->assigned = state;
      by_id_[id.value]->publish(state);
    } else {
      return bad();
    }
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the streams family: " + *damage);
  enter_names();
  return {};
}

// All at once, in order: then each enters at the end, where nothing has to be compared on the way.
void Streams::enter_names() {
  std::vector<Stream*> sorted;
  sorted.reserve(streams_.size());
  for (Stream& stream : streams_) {
    if (&stream != log_) sorted.push_back(&stream);
  }
  if (!std::ranges::is_sorted(sorted, {}, &Stream::name)) {
    std::ranges::sort(sorted, {}, &Stream::name);
  }
  by_name_.clear();
  for (Stream* stream : sorted) by_name_.insert(by_name_.end(), *stream);
  by_name_.insert(*log_);
}

Stream* Streams::find(std::string_view name) const {
  std::shared_lock lock(mutex_);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : const_cast<Stream*>(&*found);
}

Stream* Streams::find(StreamId id) const {
  std::shared_lock lock(mutex_);
  return id.value < by_id_.size() ? by_id_[id.value] : nullptr;
}

Stream& Streams::create(std::string_view name) {
  std::unique_lock lock(mutex_);
  Stream& stream = make(StreamId(by_id_.size()), name);
  by_name_.insert(stream);
  return stream;
}

size_t Streams::count() const {
  std::shared_lock lock(mutex_);
  return by_id_.size() - 1;
}

void Streams::scan(std::string_view from, const std::function<bool(Stream&)>& visit) const {
  std::shared_lock lock(mutex_);
  for (auto it = by_name_.lower_bound(from); it != by_name_.end(); ++it) {
    Stream& stream = const_cast<Stream&>(*it);
    if (stream.id != kLogStream && !visit(stream)) return;
  }
}

std::string Streams::description(const Stream& stream) const {
  std::shared_lock lock(mutex_);
  const auto found = descriptions_.find(stream.id);
  return found == descriptions_.end() ? std::string() : found->second;
}

void Streams::describe(const Stream& stream, const std::string& description) {
  std::unique_lock lock(mutex_);
  if (description.empty()) {
    descriptions_.erase(stream.id);
  } else {
    descriptions_[stream.id] = description;
  }
}

// --- What a group changes.

void CollectedStreams::clear() {
  described.clear();
  touched.clear();
  settled.clear();
  log_touched = false;
  states.clear();
}

void Streams::identify(CommitGroup& group, Stream& stream, std::string description) {
  group.of(*this).described.push_back({&stream, std::move(description)});
  settle(group, stream);
}

void Streams::settle(CommitGroup& group, Stream& stream) {
  group.of(*this).settled.push_back(&stream);
}

void Streams::touch(CommitGroup& group, Stream& stream) {
  CollectedStreams& collected = group.of(*this);
  if (&stream == log_) {
    collected.log_touched = true;
  } else {
    collected.touched.push_back(&stream);
  }
}

void Streams::stage(CommitGroup& group, const Store&) {
  CollectedStreams& collected = group.of(*this);
  for (const CollectedStreams::Described& one : collected.described) {
    group.changes.put(
        Family::streams, key_of(KeyKind::identity, one.stream->id.value),
        encode(IdentityRecord{group.stored, std::string(one.stream->name), one.description}));
  }
  const auto write = [&](const Stream* stream) {
    group.changes.put(Family::streams, key_of(KeyKind::state, stream->id.value),
                      encode(stream->assigned));
  };
  for (const Stream* stream : collected.settled) write(stream);
  for (Stream* stream : collected.touched) collected.states.emplace_back(stream, stream->assigned);
  // The log's own stream comes last: who follows it finds the others' tails raised.
  if (!collected.log_touched) return;
  write(log_);
  collected.states.emplace_back(log_, log_->assigned);
}

void Streams::publish(CommitGroup& group) {
  const CollectedStreams& collected = group.of(*this);
  for (const CollectedStreams::Described& one : collected.described) {
    one.stream->publish_created(group.stored);
    describe(*one.stream, one.description);
  }
  for (const auto& [stream, state] : collected.states) {
    stream->publish(state);
    group.woken.push_back(stream->id);
  }
}

void Streams::take_back(CommitGroup& group) {
  for (const auto& [stream, state] : group.of(*this).states) {
    stream->assigned.next = stream->tail().value;
  }
}

}  // namespace strandline
