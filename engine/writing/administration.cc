#include "engine/writing/administration.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/format/extent_run.h"
#include "engine/reading/batch_reader.h"
#include "engine/writing/expiry.h"
#include "engine/writing/key_changes.h"
#include "engine/writing/policy_changes.h"
#include "engine/writing/segment_ends.h"
#include "engine/writing/tree_edges.h"

namespace strandline {
namespace {

Error unknown_stream(const std::string& name) {
  return {.code = Code::not_found, .message = fmt::format("no stream \"{}\"", name)};
}

// The bytes of a stream's stored batches that end at or below an offset.
uint64_t bytes_below(LogState& log, const Stream& stream, Offset offset) {
  if (offset.value >= stream.assigned.next) return stream.assigned.bytes;
  BatchReader reader(log, stream);
  if (reader.load(offset)) return stream.assigned.start_bytes;  // damaged: an estimate, from below
  return reader.batch().head().bytes_before;
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const CreateStream& request) {
  Stream* stream = log.streams.find(request.name);
  if (stream && stream->assigned.exists) {
    return fail(Code::exists, fmt::format("stream \"{}\" exists", request.name));
  }
  if (!stream && log.streams.count() >= log.options.limits.streams_max) {
    return fail(Code::too_large,
                fmt::format("a log has at most {} streams", log.options.limits.streams_max));
  }
  if (!request.settings.policy.empty()) {
    const NameScope scope{.prefix = false, .name = request.name};
    if (auto ok = put_policy(log, builder.group(), scope, request.settings.policy); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
  }
  if (!stream) stream = &log.streams.create(request.name);
  stream->assigned.exists = 1;
  log.streams.identify(builder.group(), *stream, request.settings.description);
  log.streams.touch(builder.group(), *stream);
  return Outcome{};
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const DeleteStream& request) {
  Stream* stream = log.streams.find(request.name);
  if (!stream || stream->id == kLogStream || !stream->assigned.exists) {
    return std::unexpected(unknown_stream(request.name));
  }
  if (auto ok = may_lose(log, stream->name); !ok) return std::unexpected(std::move(ok.error()));
  if (auto ok = may_forget(log, *stream, Offset(stream->assigned.next)); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  stream->assigned.exists = 0;
  const NameScope scope{.prefix = false, .name = request.name};
  if (log.policies.assigned().own(scope)) log.policies.put(builder.group(), scope, {});
  raise_start(log, builder.group(), *stream, Offset(stream->assigned.next), stream->assigned.bytes,
              GapReason::deleted);
  return Outcome{};
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const Truncate& request) {
  Stream* stream = log.streams.find(request.name);
  if (!stream || stream->id == kLogStream || !stream->assigned.exists) {
    return std::unexpected(unknown_stream(request.name));
  }
  const StateRecord& state = stream->assigned;
  if (request.before.value > state.next) {
    return std::unexpected(
        Error{.code = Code::out_of_range,
              .message = fmt::format("cannot truncate \"{}\" before {}: its offsets are [{}, {})",
                                     request.name, request.before.value, state.start, state.next),
              .available = Available{state.start, state.next}});
  }
  if (request.before.value <= state.start) {
    return Outcome{.number = state.start, .retried = request.dry_run};
  }
  if (auto ok = may_lose(log, stream->name); !ok) return std::unexpected(std::move(ok.error()));
  if (auto ok = may_forget(log, *stream, request.before); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  const uint64_t below = bytes_below(log, *stream, request.before);
  Outcome outcome{.number = request.before.value,
                  .retried = request.dry_run,
                  .events = request.before.value - state.start,
                  .bytes = below - std::min(below, state.start_bytes)};
  if (!request.dry_run) {
    raise_start(log, builder.group(), *stream, request.before, below, GapReason::truncated);
  }
  return outcome;
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const Roll&) {
  const auto& open = log.segments.open;
  if (!open || open->record.first_sequence == log.streams.log().assigned.next) {
    return fail(Code::invalid, "the open segment is empty: there is nothing to seal");
  }
  // Who seals by hand is about to drop, or to copy, what is sealed.
  builder.group().flush = true;
  return Outcome{.number = builder.roll().value};
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const DropSegment& request) {
  const auto segments = log.segments.list();
  const auto found = segments.find(request.segment);
  if (found == segments.end()) {
    return fail(Code::invalid, fmt::format("there is no segment {}", request.segment.value));
  }
  if (!found->second.sealed) {
    return fail(Code::invalid,
                fmt::format("segment {} is open: seal it first (roll)", request.segment.value));
  }
  if (!request.ends) {
    return fail(Code::busy, fmt::format("segment {} was sealed a moment ago: try again",
                                        request.segment.value));
  }
  const bool oldest = found == segments.begin();
  std::vector<std::pair<Stream*, const StreamEnd*>> ends;  // of what each stream has there
  for (const StreamEnd& end : *request.ends) {
    Stream* stream = log.streams.find(end.stream);
    if (end.end.value <= stream->assigned.start) continue;
    if (auto ok = may_lose(log, stream->name); !ok) return std::unexpected(std::move(ok.error()));
    if (auto ok = may_forget(log, *stream, end.end); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
    ends.emplace_back(stream, &end);
  }
  for (const auto& [stream, end] : ends) {
    // Where there is more of it below, a hole is left (LeaveHoles).
    if (!oldest && stream->assigned.start < end->first.value) {
      keep_edges(log, builder.group(), *stream, end->first, end->end);
      continue;
    }
    const uint64_t bytes =
        end->bytes_below ? *end->bytes_below : bytes_below(log, *stream, end->end);
    raise_start(log, builder.group(), *stream, end->end, bytes, GapReason::dropped);
  }
  log.segments.drop(builder.group(), request.segment);
  return Outcome{.number = request.segment.value};
}

// What is in memory of a stream in a dropped segment says from now on that it is gone.
void leave_hole_in_memory(LogState& log, CommitGroup& group, SegmentId segment,
                          const StreamEnd& one) {
  for (Offset at = one.end; at > one.first;) {
    const BatchPointer cached = log.batch_cache.find(one.stream, at - 1);
    if (!cached) return;  // nor is what came before it
    const StoredBatch& batch = cached->batch;
    const StoredHead& head = batch.head();
    const EventKey key{first_stripe(segment), one.stream, batch.first()};
    StoredBatchWriter writer;
    writer.add_hole(GapReason::dropped, head.count, head.sequence);
    log.events.replace(group, key,
                       writer.finish(key, head.sequence, head.stored, head.bytes_before));
    at = batch.first();
  }
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const LeaveHoles& request) {
  Changes& changes = builder.group().changes;
  for (const StreamEnd& one : request.streams) {
    const Stream* stream = log.streams.find(one.stream);
    const std::string key = encode(WhereKey{one.stream, one.first});
    if (!stream || stream->assigned.start >= one.end.value) {
      changes.erase(Family::segments, key);
      continue;
    }
    changes.put(Family::segments, key, encode(hole_of(request.segment, one)));
    leave_hole_in_memory(log, builder.group(), request.segment, one);
  }
  for (uint64_t i = 0; i < request.stripes; ++i) {
    changes.erase(Family::segments, stripe_key(first_stripe(request.segment) + i));
  }
  return Outcome{};
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const ForgetStripe& request) {
  if (auto ok = forget_stripe(*log.store, request.stripe, builder.group().changes); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  return Outcome{};
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const CreateKey& request) {
  return create_key(log, builder.group(), request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const RotateKey& request) {
  return rotate_key(log, builder.group(), request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const RevokeKey& request) {
  return revoke_key(log, builder.group(), request);
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const FirstUse& request) {
  return first_use(log, builder.group(), request);
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const BeginErasure& request) {
  return begin_erasure(log, builder, request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const EndErasure& request) {
  return end_erasure(log, builder, request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const Rewrite& request) {
  return rewrite(log, builder, request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const ReplaceRecords& request) {
  return replace_records(log, builder, request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const FlushAll&) {
  builder.group().flush = true;
  // A flush comes before what is written.
  log.streams.settle(builder.group(), log.streams.log());
  return Outcome{};
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const HoldFiles& request) {
  auto files = log.store->hold_files();
  if (!files) return std::unexpected(std::move(files.error()));
  *request.held = {.files = std::move(*files),
                   .next = Sequence(log.streams.log().assigned.next),
                   .changes = log.store->durable_changes(),
                   .at = builder.group().stored};
  return Outcome{};
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const BeginIncarnation& request) {
  log.incarnations.put(builder.group(), {.id = request.id,
                                         .first = request.first,
                                         .begun = builder.group().stored,
                                         .backup = request.backup});
  return Outcome{.number = request.first.value};
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const ChangeStream& request) {
  return change_stream(log, builder.group(), request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const ChangePolicy& request) {
  return change_policy(log, builder.group(), request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const LayHold& request) {
  return lay_hold(log, builder.group(), request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const ReleaseHold& request) {
  return release_hold(log, builder.group(), request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const Expire& request) {
  return expire(log, builder.group(), request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const PauseRetention& request) {
  return pause_retention(log, builder.group(), request);
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const ConfirmClock&) {
  return confirm_clock(log, builder.group());
}
Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const NoteRemoved& request) {
  log.segments.note_removed(builder.group(), request.segment, request.bytes);
  return Outcome{};
}

// These share their group with others: the builder stages them (commit_group_builder.h).
Result<Outcome> run(LogState&, CommitGroupBuilder&, const AppendMany&) { std::abort(); }
Result<Outcome> run(LogState&, CommitGroupBuilder&, const Broadcast&) { std::abort(); }
Result<Outcome> run(LogState&, CommitGroupBuilder&, const Record&) { std::abort(); }
Result<Outcome> run(LogState&, CommitGroupBuilder&, const ConsumerRequest&) { std::abort(); }
Result<Outcome> run(LogState&, CommitGroupBuilder&, const KeepIndex&) { std::abort(); }
Result<Outcome> run(LogState&, CommitGroupBuilder&, const ChangeTree&) { std::abort(); }

}  // namespace

Result<Outcome> administer(LogState& log, CommitGroupBuilder& builder,
                           const Operation::Request& request) {
  return std::visit([&](const auto& one) { return run(log, builder, one); }, request);
}

}  // namespace strandline
