#include "engine/log.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/api/event_rules.h"
#include "engine/disk/directory.h"
#include "engine/log_parts.h"
#include "engine/opening/opening.h"
#include "engine/reading/cursors.h"
#include "engine/state/verification.h"
#include "engine/writing/append_check.h"

namespace strandline {
namespace {

Error not_an_owner() {
  return {.code = Code::read_only, .message = "opened as an observer: it only reads"};
}

Operation::Done answer_appended(Log::Completion<std::vector<Appended>> done) {
  return [done = std::move(done)](Result<Outcome> outcome) {
    if (!outcome) return done(std::unexpected(std::move(outcome.error())));
    done(std::move(outcome->appended));
  };
}

}  // namespace

// --- Opening and closing.

Log::Log(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<Log>> Log::open(const std::filesystem::path& directory, Options options) {
  auto opened = open_state(directory, std::move(options));
  if (!opened) return std::unexpected(std::move(opened.error()));
  auto parts = std::make_unique<Parts>();
  parts->state = std::move(opened->state);
  parts->recovery = std::move(opened->recovery);
  publish_standings(*parts->state);
  if (parts->state->options.mode == Options::Mode::owner) {
    LogState& state = *parts->state;
    parts->commit_stage = std::make_unique<CommitStage>(state);
    parts->writer = std::make_unique<Writer>(state, *parts->commit_stage);
    parts->timer = std::make_unique<ConsumerTimer>(
        state, [parts = parts.get()](Operation operation) { parts->submit(std::move(operation)); });
    parts->indexer = std::make_unique<Indexer>(
        state, [parts = parts.get()](Operation operation) { parts->submit(std::move(operation)); });
    parts->head_mark = std::make_unique<HeadMark>(
        Disk(state.options), directory,
        [&state]() -> std::optional<HeadMark::Head> {
          if (state.lost_files()) return std::nullopt;
          return HeadMark::Head{Sequence(state.streams.log().tail().value),
                                state.store->durable_changes(), state.store->newest_wal(),
                                state.store->list_end()};
        },
        state.options.on_warning ? state.options.on_warning : [](const std::string&) {});
  }
  const std::string& loss = parts->recovery.loss;
  if (parts->writer && !loss.empty() && parts->state->options.record_administration) {
    // Beside what it was: should this fail, the next thing written fails as well.
    (void)parts->perform(Record{{.type = "strandline.loss.accepted",
                                 .details = ",\"loss\":" + json_literal(loss.substr(0, 4'000))}});
  }
  return std::unique_ptr<Log>(new Log(std::move(parts)));
}

Log::~Log() { close(); }

void Log::close() {
  parts_->timer.reset();
  parts_->indexer.reset();
  if (parts_->writer) parts_->writer->stop();
  if (parts_->commit_stage) parts_->commit_stage->stop();
  // The mark's last says where the list of tables ends, to which a flush under way may yet add.
  if (parts_->head_mark) parts_->state->store->finish();
  parts_->head_mark.reset();
  parts_->state->wakeups.close();
}

// --- Appending.

void Log::Parts::submit(Operation operation) {
  if (!writer) {
    operation.done(std::unexpected(not_an_owner()));
    return;
  }
  if (auto ok = writer->submit(operation); !ok) {
    if (is_append(operation.request)) state->counters.refused(ok.error().code);
    operation.done(std::unexpected(std::move(ok.error())));
  }
}

Result<Outcome> Log::Parts::perform(Operation::Request request, Actor by, std::optional<Act> act) {
  return wait_for<Outcome>([&](Completion<Outcome> done) {
    submit({.request = std::move(request),
            .done = std::move(done),
            .bytes = kOperationBytes,
            .by = std::move(by),
            .act = std::move(act)});
  });
}

void Log::append(AppendMany request, Completion<std::vector<Appended>> done) {
  const Limits& limits = parts_->state->options.limits;
  size_t bytes = 0;
  Status ok;
  for (const AppendMany::Part& part : request.parts) {
    if (ok) ok = check_name(part.stream, limits);
    bytes += part.batch.bytes().size();
  }
  for (const Commit& commit : request.commits) {
    if (ok) ok = check_name(commit.consumer, limits);
    if (ok && commit.metadata.size() > kMetadataBytesMax) {
      ok = fail(Code::too_large, fmt::format("{} bytes of metadata: a position takes {}",
                                             commit.metadata.size(), kMetadataBytesMax));
    }
    if (ok && !is_utf8(commit.metadata)) ok = fail(Code::invalid, "metadata that is not UTF-8");
    bytes += commit.metadata.size();
  }
  const size_t produced = static_cast<size_t>(std::ranges::count_if(
      request.parts, [](const auto& part) { return part.producer.has_value(); }));
  if (ok && produced != 0 && produced != request.parts.size()) {
    ok = fail(
        Code::invalid,
        fmt::format("{} of {} parts name a producer: all do, so that a retry is one as a whole, "
                    "or none",
                    produced, request.parts.size()));
  }
  for (const Settle& settle : request.settles) {
    if (ok) ok = check_name(settle.consumer, limits);
  }
  if (ok) ok = check_request(request, limits);
  if (ok && request.parts.empty() && request.commits.empty() && request.settles.empty() &&
      request.buries.empty() && request.once.empty()) {
    ok = fail(Code::invalid, "an append of nothing: it needs events, a commit or a settlement");
  }
  const size_t items =
      request.parts.size() + request.commits.size() + request.settles.size() + request.once.size();
  if (ok && (bytes > limits.append_bytes_max || items > limits.append_streams_max)) {
    ok = fail(Code::too_large,
              fmt::format("an append of {} bytes in {} parts and commits: the limits are {} and {}",
                          bytes, items, limits.append_bytes_max, limits.append_streams_max));
  }
  if (!ok) {
    done(std::unexpected(std::move(ok.error())));
    return;
  }
  if (request.idempotency) {
    KeysInFlight& keys = parts_->state->keys_in_flight;
    if (ok = keys.enter(*request.idempotency); !ok) {
      done(std::unexpected(std::move(ok.error())));
      return;
    }
    done = [&keys, key = request.idempotency->key,
            done = std::move(done)](Result<std::vector<Appended>> appended) {
      keys.leave(key);  // first: who has the answer may ask again at once
      done(std::move(appended));
    };
  }
  bytes += kOperationBytes * (1 + items);
  parts_->submit(
      {.request = std::move(request), .done = answer_appended(std::move(done)), .bytes = bytes});
}

void Log::append(Append request, Completion<Appended> done) {
  AppendMany many{.durability = request.durability, .idempotency = std::move(request.idempotency)};
  many.parts.push_back({std::move(request.stream), std::move(request.batch), request.expected,
                        std::move(request.producer)});
  append(std::move(many), [done = std::move(done)](Result<std::vector<Appended>> appended) {
    if (!appended) return done(std::unexpected(std::move(appended.error())));
    done(std::move(appended->front()));
  });
}

void Log::broadcast(Broadcast request, Completion<std::vector<Appended>> done) {
  const size_t bytes = request.batch.bytes().size() + kOperationBytes;
  parts_->submit(
      {.request = std::move(request), .done = answer_appended(std::move(done)), .bytes = bytes});
}

void Log::commit(Commit request, Completion<uint64_t> done) {
  const uint64_t next = request.next;
  AppendMany many;
  many.commits.push_back(std::move(request));
  append(std::move(many), [next, done = std::move(done)](Result<std::vector<Appended>> appended) {
    if (!appended) return done(std::unexpected(std::move(appended.error())));
    done(next);
  });
}

Result<Appended> Log::append(Append request) {
  return wait_for<Appended>([&](auto done) { append(std::move(request), std::move(done)); });
}
Result<std::vector<Appended>> Log::append(AppendMany request) {
  return wait_for<std::vector<Appended>>(
      [&](auto done) { append(std::move(request), std::move(done)); });
}
Result<std::vector<Appended>> Log::broadcast(Broadcast request) {
  return wait_for<std::vector<Appended>>(
      [&](auto done) { broadcast(std::move(request), std::move(done)); });
}
Result<uint64_t> Log::commit(Commit request) {
  return wait_for<uint64_t>([&](auto done) { commit(std::move(request), std::move(done)); });
}

// --- Streams.

Result<StreamInfo> Log::create_stream(std::string name, StreamSettings settings, Actor by) {
  constexpr size_t kDescriptionBytes = 1024;
  if (auto ok = check_name(name, parts_->state->options.limits); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  if (settings.description.size() > kDescriptionBytes) {
    return fail(Code::invalid, fmt::format("a description of {} bytes: the limit is {}",
                                           settings.description.size(), kDescriptionBytes));
  }
  if (!is_utf8(settings.description)) return fail(Code::invalid, "a description that is not UTF-8");
  auto outcome = parts_->perform(CreateStream{name, std::move(settings)}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return describe(name);
}

Status Log::delete_stream(std::string name, Actor by) {
  if (auto ok = check_name(name, parts_->state->options.limits); !ok) return ok;
  auto outcome = parts_->perform(DeleteStream{std::move(name)}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return {};
}

Result<Offset> Log::truncate(std::string name, Offset before, Actor by) {
  if (auto ok = check_name(name, parts_->state->options.limits); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  auto outcome = parts_->perform(Truncate{std::move(name), before}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return Offset(outcome->number);
}

namespace {

StreamInfo info_of(const Stream& stream) {
  // The start first: a tail read after it is no lower.
  const Offset start = stream.start();
  const Offset tail = stream.tail();
  const int64_t last = stream.last_stored_us();
  const uint64_t below = stream.start_bytes();
  return {.name = std::string(stream.name),
          .start = start,
          .tail = tail,
          .events = tail - start,
          .bytes = std::max(stream.bytes(), below) - below,
          .created = stream.created(),
          .last_stored = last ? std::optional(Timestamp{last}) : std::nullopt,
          .settings = {}};
}

}  // namespace

Result<StreamInfo> Log::describe(std::string_view name) const {
  const LogState& state = *parts_->state;
  const auto stream = find_existing(state, name);
  if (!stream) return std::unexpected(stream.error());
  StreamInfo info = info_of(**stream);
  info.settings.description = state.streams.description(**stream);
  return info;
}

std::vector<StreamInfo> Log::list(std::string_view prefix, std::string_view after,
                                  size_t limit) const {
  const LogState& state = *parts_->state;
  std::vector<const Stream*> found;
  state.streams.scan(std::max(prefix, after), [&](Stream& stream) {
    if (!stream.name.starts_with(prefix) || found.size() == limit) return false;
    if (stream.exists() && (after.empty() || stream.name > after)) found.push_back(&stream);
    return true;
  });
  std::vector<StreamInfo> out;
  for (const Stream* stream : found) {
    out.push_back(info_of(*stream));
    out.back().settings.description = state.streams.description(*stream);
  }
  return out;
}

// --- Reading.

Result<std::unique_ptr<Cursor>> Log::read(ReadOptions options) const {
  auto opened = open_cursor(*parts_->state, std::move(options));
  if (!opened) return std::unexpected(std::move(opened.error()));
  return std::move(opened->cursor);
}

Result<Subscription> Log::subscribe(ReadOptions options) const {
  if (options.backward) return fail(Code::invalid, "a subscription goes forwards");
  options.events_max = options.bytes_max = std::numeric_limits<uint64_t>::max();
  auto opened = open_cursor(*parts_->state, std::move(options));
  if (!opened) return std::unexpected(std::move(opened.error()));
  return Subscription(std::move(opened->cursor),
                      std::make_shared<Wakeup>(parts_->state->wakeups, opened->wait_for));
}

void Log::hold_searches(bool held) { parts_->state->searches_held = held; }

Result<Available> Log::available(std::string_view name) const {
  const Stream* stream = parts_->state->streams.find(name);
  if (!stream || !stream->exists()) return std::unexpected(no_such_stream(name));
  const Offset start = stream->start();
  return Available{start.value, stream->tail().value};
}

// --- Committed positions.

Result<uint64_t> Log::position(std::string_view consumer, std::string_view stream) const {
  const LogState& state = *parts_->state;
  StreamId id = kImportLedger;
  if (stream != kImportLedgerName) {
    const Stream* found = state.streams.find(stream);
    if (!found || !found->exists()) return std::unexpected(no_such_stream(stream));
    id = found->id;
  }
  if (const auto record = state.positions.get({std::string(consumer), id})) return record->next;
  return fail(Code::not_found,
              fmt::format("consumer \"{}\" has committed nothing in \"{}\"", consumer, stream));
}

std::vector<ConsumerPosition> Log::positions(std::string_view prefix, size_t limit) const {
  const LogState& state = *parts_->state;
  std::vector<ConsumerPosition> out;
  for (const auto& [key, record] : state.positions.list(prefix, limit)) {
    const Stream* stream = state.streams.find(key.second);
    out.push_back({key.first, std::string(stream ? stream->name : kImportLedgerName), record.next,
                   Timestamp{record.committed_us}, record.metadata});
  }
  return out;
}

std::vector<ConsumerPosition> Log::positions_of(std::string_view consumer) const {
  auto all = positions(consumer, SIZE_MAX);
  std::erase_if(all, [&](const ConsumerPosition& one) { return one.consumer != consumer; });
  return all;
}

// --- The log itself.

const RecoveryReport& Log::recovery() const { return parts_->recovery; }
const Options& Log::options() const { return parts_->state->options; }
std::optional<Error> Log::appends_refused() const {
  if (!parts_->writer) return not_an_owner();
  return parts_->writer->appends_refused();
}
std::optional<std::string> Log::sealed() const { return parts_->state->failure.why(); }
Sequence Log::durable_next() const { return Sequence(parts_->state->streams.log().tail().value); }

Counters Log::counters() const {
  const AtomicCounters& c = parts_->state->counters;
  uint64_t refused = 0;
  std::vector<std::pair<Code, uint64_t>> refused_by;
  for (size_t code = 0; code < kCodes; ++code) {
    const uint64_t count = c.appends_refused[code];
    refused += count;
    if (count > 0) refused_by.emplace_back(static_cast<Code>(code), count);
  }
  return {.appends = c.appends,
          .appends_refused = refused,
          .appends_refused_by = std::move(refused_by),
          .appends_retried = c.appends_retried,
          .events_appended = c.events_appended,
          .bytes_appended = c.bytes_appended,
          .groups = c.groups,
          .syncs = c.syncs,
          .sync_us_total = c.sync_us_total,
          .store_batches_read = c.store_batches_read,
          .store_bytes_read = c.store_bytes_read,
          .cached_batches_read = c.cached_batches_read,
          .stripes_read = parts_->state->stripe_scans.stripes_read(),
          .stripe_bytes_read = parts_->state->stripe_scans.bytes_read(),
          .index_bytes_read = c.index_bytes_read,
          .index_backlog = parts_->state->index.backlog(),
          .batch_cache_bytes = parts_->state->batch_cache.bytes(),
          .queue_appends = parts_->writer ? parts_->writer->queue_appends() : 0,
          .queue_bytes = parts_->writer ? parts_->writer->queue_bytes() : 0,
          .disk_free_bytes = parts_->writer ? parts_->writer->disk_free_bytes() : std::nullopt};
}

Verified Log::verify(std::function<void(uint64_t)> progress) const {
  return strandline::verify(*parts_->state, progress);
}

}  // namespace strandline
