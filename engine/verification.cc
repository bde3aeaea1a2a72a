#include "engine/verification.h"

#include <fmt/format.h>

#include "engine/batch_reader.h"
#include "engine/event_rules.h"

namespace strandline {
namespace {

class Verification {
 public:
  Verification(const LogState& log, const std::function<void(uint64_t)>& progress)
      : log_(log), progress_(progress) {}

  Log::Verified run() {
    verify_stream(log_.streams.log());
    std::vector<const Stream*> streams;
    log_.streams.scan("", [&](Stream& stream) {
      if (stream.exists()) streams.push_back(&stream);
      return true;
    });
    for (const Stream* stream : streams) verify_stream(*stream);
    result_.streams = streams.size();
    // Damage that readers find their way around, as in an index: it is said all the same.
    for (auto& [table, why] : log_.store->check_tables()) {
      result_.findings.push_back({std::move(table), std::move(why)});
    }
    return std::move(result_);
  }

 private:
  void verify_stream(const Stream& stream) {
    BatchReader reader(log_, stream);
    const Offset tail = stream.tail();
    // What was lost with the stream's own record is below its start (rebuild.h).
    if (stream.gap_reason() == GapReason::damaged && stream.start() > Offset(0)) {
      find(stream, Offset(0), fmt::format("[0, {}) was lost to damage", stream.start().value));
    }
    for (Offset at = stream.start(); at < tail;) {
      if (auto damage = reader.load(at)) {
        if (at < stream.start()) {  // forgotten meanwhile
          at = stream.start();
          continue;
        }
        find(
            stream, at,
            fmt::format("[{}, {}) cannot be read: {}", at.value, damage->to.value, damage->detail));
        at = damage->to;
        continue;
      }
      const StoredBatch& batch = reader.batch();
      result_.bytes += batch.value().size();
      if (stream.id == kLogStream) {
        verify_ranges(batch);
      } else {
        verify_parts(stream, batch);
        ++result_.batches;
        result_.events += batch.next() - at;
        if (progress_) progress_(result_.events);
      }
      at = batch.next();
    }
  }

  void verify_parts(const Stream& stream, const StoredBatch& batch) {
    const Limits limits = limits_of_stored(log_.options.limits);
    for (Part part = batch.first_part();; part = batch.part_after(part)) {
      const auto events = Batch::verified(std::string(part.flatbuffer), limits);
      if (!events) {
        find(stream, part.first, events.error().message);
      } else if (events->count() != part.count) {
        find(stream, part.first,
             fmt::format("{} events where {} are counted", events->count(), part.count));
      }
      if (part.first + part.count == batch.next()) return;
    }
  }

  void verify_ranges(const StoredBatch& record) {
    for (size_t i = 0; i < record.range_count(); ++i) {
      const Range range = record.range(i);
      const Stream* stream = log_.streams.find(range.stream);
      if (!stream || range.first() + range.count > stream->tail()) {
        find(log_.streams.log(), record.first(),
             fmt::format("its range {} names stream {}, offsets [{}, {}), which are not there", i,
                         range.stream.value, range.first().value,
                         (range.first() + range.count).value));
      }
    }
  }

  void find(const Stream& stream, Offset at, std::string what) {
    result_.findings.push_back(
        {fmt::format("stream \"{}\", offset {}", stream.name, at.value), std::move(what)});
  }

  const LogState& log_;
  const std::function<void(uint64_t)>& progress_;
  Log::Verified result_;
};

}  // namespace

Log::Verified verify(const LogState& log, const std::function<void(uint64_t)>& progress) {
  return Verification(log, progress).run();
}

}  // namespace strandline
