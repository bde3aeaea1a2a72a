// What is stored of events, read and checked (verification.h).
#include <fmt/format.h>

#include "engine/api/event_rules.h"
#include "engine/reading/batch_reader.h"
#include "engine/state/stored_events.h"
#include "engine/state/verification.h"

namespace strandline {
namespace {

void tell_of(Verification& verification, const Stream& stream, Offset at, std::string what) {
  verification.find(fmt::format("stream \"{}\", offset {}", stream.name, at.value),
                    std::move(what));
}

void verify_parts(Verification& verification, const Stream& stream, const StoredBatch& batch) {
  const Limits limits = limits_of_stored(verification.log.options.limits);
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    const auto events = Batch::verified(std::string(part.flatbuffer), limits);
    if (!events) {
      tell_of(verification, stream, part.first, events.error().message);
    } else if (events->count() != part.count) {
      tell_of(verification, stream, part.first,
              fmt::format("{} events where {} are counted", events->count(), part.count));
    }
    if (part.first + part.count == batch.next()) return;
  }
}

void verify_ranges(Verification& verification, const StoredBatch& record) {
  for (size_t i = 0; i < record.range_count(); ++i) {
    const Range range = record.range(i);
    const Stream* stream = verification.log.streams.find(range.stream);
    if (!stream || range.first() + range.count > stream->tail()) {
      tell_of(verification, verification.log.streams.log(), record.first(),
              fmt::format("its range {} names stream {}, offsets [{}, {}), which are not there", i,
                          range.stream.value, range.first().value,
                          (range.first() + range.count).value));
    }
  }
}

void verify_stream(Verification& verification, const Stream& stream) {
  BatchReader reader(verification.log, stream);
  const Offset tail = stream.tail();
  // What was lost with the stream's own record is below its start (rebuild.h).
  if (stream.gap_reason() == GapReason::damaged && stream.start() > Offset(0)) {
    tell_of(verification, stream, Offset(0),
            fmt::format("[0, {}) was lost to damage", stream.start().value));
  }
  for (Offset at = stream.start(); at < tail;) {
    if (auto damage = reader.load(at)) {
      if (at < stream.start()) {  // forgotten meanwhile
        at = stream.start();
        continue;
      }
      tell_of(
          verification, stream, at,
          fmt::format("[{}, {}) cannot be read: {}", at.value, damage->to.value, damage->detail));
      at = damage->to;
      continue;
    }
    const StoredBatch& batch = reader.batch();
    verification.result.bytes += batch.value().size();
    if (stream.id == kLogStream) {
      verify_ranges(verification, batch);
    } else {
      verify_parts(verification, stream, batch);
      ++verification.result.batches;
      verification.result.events += batch.next() - at;
      verification.told(verification.result.events);
    }
    at = batch.next();
  }
}

}  // namespace

void StoredEvents::verify(Verification& verification) const {
  verify_stream(verification, log_.streams.log());
  std::vector<const Stream*> streams;
  log_.streams.scan("", [&](Stream& stream) {
    if (stream.exists()) streams.push_back(&stream);
    return true;
  });
  for (const Stream* stream : streams) verify_stream(verification, *stream);
  verification.result.streams = streams.size();
}

}  // namespace strandline
