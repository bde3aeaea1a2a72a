#include "engine/writing/administration.h"

#include <fmt/format.h>

#include "engine/reading/batch_reader.h"
#include "engine/writing/key_changes.h"

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

// Forgets what is below `start`, of which there are so many bytes.
void raise_start(LogState& log, CommitGroupBuilder& builder, Stream& stream, Offset start,
                 uint64_t bytes, GapReason reason) {
  stream.assigned.start_bytes = bytes;
  stream.assigned.start = start.value;
  stream.assigned.gap_reason = static_cast<uint8_t>(reason);
  log.streams.touch(builder.group(), stream);
  log.streams.settle(builder.group(), stream);
}

Result<Outcome> run(LogState& log, CommitGroupBuilder& builder, const CreateStream& request) {
  Stream* stream = log.streams.find(request.name);
  if (stream && stream->assigned.exists) {
    return fail(Code::exists, fmt::format("stream \"{}\" exists", request.name));
  }
  if (!stream) {
    if (log.streams.count() >= log.options.limits.streams_max) {
      return fail(Code::too_large,
                  fmt::format("a log has at most {} streams", log.options.limits.streams_max));
    }
    stream = &log.streams.create(request.name);
  }
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
  if (auto ok = may_forget(log, *stream, Offset(stream->assigned.next)); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  stream->assigned.exists = 0;
  raise_start(log, builder, *stream, Offset(stream->assigned.next), stream->assigned.bytes,
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
  if (auto ok = may_forget(log, *stream, request.before); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  if (request.before.value > state.start) {
    raise_start(log, builder, *stream, request.before, bytes_below(log, *stream, request.before),
                GapReason::truncated);
  }
  return Outcome{.number = state.start};
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
  if (segments.empty() || segments.begin()->first != request.segment) {
    return fail(Code::invalid,
                fmt::format("only the oldest segment can be dropped: {}, not {}",
                            segments.empty() ? "there is none"
                                             : std::to_string(segments.begin()->first.value),
                            request.segment.value));
  }
  if (!segments.begin()->second.sealed) {
    return fail(Code::invalid,
                fmt::format("segment {} is open: seal it first (roll)", request.segment.value));
  }
  if (!request.ends) {
    return fail(Code::invalid,
                fmt::format("only the oldest segment can be dropped, and {} was not when that was "
                            "asked for",
                            request.segment.value));
  }
  std::vector<std::pair<Stream*, const StreamEnd*>> ends;  // of what each stream has there
  for (const StreamEnd& end : *request.ends) {
    Stream* stream = log.streams.find(end.stream);
    if (end.end.value <= stream->assigned.start) continue;
    if (auto ok = may_forget(log, *stream, end.end); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
    ends.emplace_back(stream, &end);
  }
  for (const auto& [stream, end] : ends) {
    const uint64_t bytes =
        end->bytes_below ? *end->bytes_below : bytes_below(log, *stream, end->end);
    raise_start(log, builder, *stream, end->end, bytes, GapReason::dropped);
  }
  log.segments.drop(builder.group(), request.segment);
  return Outcome{.number = request.segment.value};
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

// These share their group with others: the builder stages them (commit_group_builder.h).
Result<Outcome> run(LogState&, CommitGroupBuilder&, const AppendMany&) { std::abort(); }
Result<Outcome> run(LogState&, CommitGroupBuilder&, const Broadcast&) { std::abort(); }
Result<Outcome> run(LogState&, CommitGroupBuilder&, const Record&) { std::abort(); }
Result<Outcome> run(LogState&, CommitGroupBuilder&, const ConsumerRequest&) { std::abort(); }
Result<Outcome> run(LogState&, CommitGroupBuilder&, const KeepIndex&) { std::abort(); }

}  // namespace

Result<Outcome> administer(LogState& log, CommitGroupBuilder& builder,
                           const Operation::Request& request) {
  return std::visit([&](const auto& one) { return run(log, builder, one); }, request);
}

}  // namespace strandline
