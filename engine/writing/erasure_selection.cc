#include "engine/writing/erasure_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "engine/api/batch.h"
#include "engine/format/rebuilt_batch.h"
#include "engine/reading/batch_reader.h"
#include "engine/reading/stream_cursor.h"

namespace strandline {
namespace {

Result<std::vector<const Stream*>> streams_of(const LogState& log, const Selection& select) {
  std::vector<const Stream*> streams;
  if (select.kind == Selection::Kind::prefix) {
    const std::string& prefix = select.names.at(0);
    log.streams.scan(prefix, [&](Stream& stream) {
      if (!stream.name.starts_with(prefix)) return false;
      if (!stream.name.starts_with('$')) streams.push_back(&stream);
      return true;
    });
    return streams;
  }
  for (const std::string& name : select.names) {
    if (auto ok = check_name(name, log.options.limits); !ok) return std::unexpected(ok.error());
    const Stream* stream = log.streams.find(name);
    if (!stream) return fail(Code::not_found, fmt::format("no stream \"{}\"", name));
    streams.push_back(stream);
  }
  std::ranges::sort(streams, {}, &Stream::id);
  const auto repeated = std::ranges::unique(streams);
  streams.erase(repeated.begin(), repeated.end());
  return streams;
}

bool is_wanted(const std::vector<OffsetRange>& offsets, Offset offset) {
  if (offsets.empty()) return true;
  return std::ranges::any_of(offsets, [&](const OffsetRange& range) {
    return offset >= range.first && offset < range.next;
  });
}

Event event_of(const Part& part, uint32_t i) {
  const auto* root = flatbuffers::GetRoot<schema::Batch>(part.flatbuffer.data());
  return {root->events()->Get(i), part.first + i, part.sequence + i, {}};
}

// Each part that has events, from the first on.
template <class Visit>
void each_part(const StoredBatch& batch, Visit visit) {
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    if (!part.gone) visit(part);
    if (part.first + part.count == batch.next()) return;
  }
}

bool holds(const ErasedRuns& runs, StreamId stream, Offset offset) {
  const auto of_stream = runs.find(stream);
  if (of_stream == runs.end()) return false;
  const auto after = std::ranges::upper_bound(of_stream->second, offset, {}, &ErasedRun::first);
  if (after == of_stream->second.begin()) return false;
  const ErasedRun& run = *std::prev(after);
  return offset < run.first + run.count;
}

// A dead letter says of which event it is a copy, and of which that one was.
bool is_copy(const LogState& log, const ErasedRuns& runs, const Event& event) {
  std::string_view stream, offset, first_stream, first_offset;
  event.for_each_attribute([&](const Attribute& attribute) {
    if (attribute.name == "deadletterstream") stream = attribute.text;
    if (attribute.name == "deadletteroffset") offset = attribute.text;
    if (attribute.name == "deadletterfirstin") first_stream = attribute.text;
    if (attribute.name == "deadletterfirstat") first_offset = attribute.text;
  });
  const auto is_of = [&](std::string_view name, std::string_view text) {
    uint64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (name.empty() || parsed.ec != std::errc()) return false;
    const Stream* found = log.streams.find(name);
    return found && holds(runs, found->id, Offset(number));
  };
  return is_of(stream, offset) || is_of(first_stream, first_offset);
}

Status too_many() {
  return fail(Code::too_large,
              fmt::format("more than {} runs of events in one erasure: ask for fewer at a time",
                          kErasureRunsMax));
}

Status select_of(const LogState& log, const Stream& stream, const EraseRequest& request,
                 SelectedEvents& selected) {
  Offset from(UINT64_MAX), to(0);
  for (const OffsetRange& range : request.offsets) {
    from = std::min(from, range.first);
    to = std::max(to, range.next);
  }
  if (request.offsets.empty()) from = Offset(0), to = stream.tail();
  auto ok = walk_batches(log, stream, from, to, [&](const StoredBatch& batch) {
    const Timestamp stored = batch.head().stored;
    if (request.stored_from && stored < *request.stored_from) return true;
    if (request.stored_before && stored >= *request.stored_before) return true;
    each_part(batch, [&](const Part& part) {
      for (uint32_t i = 0; i < part.count; ++i) {
        if (!is_wanted(request.offsets, part.first + i) || !takes(request.filter, part, i))
          continue;
        if (request.data_only && is_without_data(part, i)) continue;
        selected.add(stream.id, part.first + i);
      }
    });
    return selected.runs_count <= kErasureRunsMax;
  });
  if (ok && selected.runs_count > kErasureRunsMax) return too_many();
  return ok;
}

Status select_copies(const LogState& log, const EraseRequest& request, SelectedEvents& selected) {
  std::set<std::string, std::less<>> names;
  log.streams.scan(kDeadLetterPrefix, [&](Stream& stream) {
    if (!stream.name.starts_with(kDeadLetterPrefix)) return false;
    names.emplace(stream.name);
    return true;
  });
  for (const ConsumerPointer& consumer : log.consumers.list("", "", SIZE_MAX)) {
    if (const auto& name = consumer->settings()->dead_letters; !name.empty()) names.insert(name);
  }
  SelectedEvents found;
  for (const std::string& name : names) {
    const Stream* stream = log.streams.find(name);
    if (!stream) continue;
    auto ok = walk_batches(log, *stream, Offset(0), stream->tail(), [&](const StoredBatch& batch) {
      each_part(batch, [&](const Part& part) {
        for (uint32_t i = 0; i < part.count; ++i) {
          if (holds(selected.runs, stream->id, part.first + i)) continue;
          if (request.data_only && is_without_data(part, i)) continue;
          if (is_copy(log, selected.runs, event_of(part, i))) found.add(stream->id, part.first + i);
        }
      });
      return found.runs_count <= kErasureRunsMax;
    });
    if (!ok) return ok;
    if (found.runs_count > kErasureRunsMax) return too_many();
  }
  for (const auto& [stream, runs] : found.runs) {
    std::vector<ErasedRun>& all = selected.runs[stream];
    all.insert(all.end(), runs.begin(), runs.end());
    std::ranges::sort(all, {}, &ErasedRun::first);
    selected.of_stream[stream] += found.of_stream[stream];
  }
  selected.events += found.events;
  selected.copies = found.events;
  return {};
}

}  // namespace

void SelectedEvents::add(StreamId stream, Offset offset) {
  std::vector<ErasedRun>& of_stream_runs = runs[stream];
  if (!of_stream_runs.empty() &&
      of_stream_runs.back().first + of_stream_runs.back().count == offset &&
      of_stream_runs.back().count < UINT32_MAX) {
    ++of_stream_runs.back().count;
  } else {
    of_stream_runs.push_back({offset, 1});
    ++runs_count;
  }
  ++events;
  ++of_stream[stream];
}

Status walk_batches(const LogState& log, const Stream& stream, Offset from, Offset to,
                    const VisitBatch& visit) {
  BatchReader reader(log, stream);
  const Offset end = std::min(to, stream.tail());
  for (Offset at = from; at < end;) {
    if (auto damage = reader.load(at)) {
      if (at >= stream.start()) {
        return fail(
            damage->passing ? Code::io : Code::corrupt,
            fmt::format("\"{}\", offsets [{}, {}), cannot be read, and so not be erased: {}",
                        stream.name, at.value, damage->to.value, damage->detail));
      }
      // Below the start it ends there: what follows in the same block is looked for by itself.
      at = std::min(std::max(damage->to, at + 1), stream.start());
      continue;
    }
    if (!visit(reader.batch())) return {};
    at = reader.batch().next();
  }
  return {};
}

Result<SelectedEvents> select_events(const LogState& log, const EraseRequest& request) {
  const auto streams = streams_of(log, request.select);
  if (!streams) return std::unexpected(streams.error());
  SelectedEvents selected;
  for (const Stream* stream : *streams) {
    if (auto ok = select_of(log, *stream, request, selected); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
  }
  if (selected.events == 0) return selected;
  if (auto ok = select_copies(log, request, selected); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  return selected;
}

}  // namespace strandline
