#include "engine/writing/eraser.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/waiter.h"
#include "engine/disk/disk.h"
#include "engine/format/rebuilt_batch.h"
#include "engine/proof/batch_leaves.h"
#include "engine/state/idempotency.h"
#include "engine/writing/erasure_receipt.h"
#include "engine/writing/erasure_selection.h"

namespace strandline {
namespace {

constexpr std::chrono::seconds kAgain(5);
// How often whoever waits to rebuild batches asks for it.
constexpr std::chrono::milliseconds kPoll(5);
// Of rebuilt batches, in one commit group.
constexpr size_t kGroupBytes = 1 << 20;
// What is in `damaged/` until a repair is complete.
constexpr const char* kRepairing = "REPAIRING";

// The part of a run that lies in a part of a batch.
std::optional<Loss> loss_in(const ErasedRun& run, const Part& part, bool data_only) {
  const Offset first = std::max(run.first, part.first);
  const Offset next = std::min(run.first + run.count, part.first + part.count);
  if (first >= next) return std::nullopt;
  return Loss{.first = first,
              .count = static_cast<uint32_t>(next - first),
              .reason = GapReason::erased,
              .data_only = data_only};
}

bool has_anything_left(const Part& part, const Loss& loss) {
  if (part.gone) return false;
  if (!loss.data_only) return true;
  for (uint32_t i = 0; i < loss.count; ++i) {
    if (!is_without_data(part, static_cast<uint32_t>(loss.first - part.first) + i)) return true;
  }
  return false;
}

// What a batch is to lose of the runs, of those from `at` on; moves `at` behind those that end in
// it. All of what is covered, so that what holds members' reasons is told, too.
void take_losses(const StoredBatch& batch, const std::vector<ErasedRun>& runs, size_t& at,
                 bool data_only, std::vector<Loss>& losses, std::vector<LostRun>& lost) {
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    for (size_t i = at; i < runs.size() && runs[i].first < part.first + part.count; ++i) {
      const auto loss = loss_in(runs[i], part, data_only);
      if (!loss) continue;
      lost.push_back(
          {batch.stream(), loss->first, part.sequence + (loss->first - part.first), loss->count});
      if (has_anything_left(part, *loss)) losses.push_back(*loss);
    }
    while (at < runs.size() && runs[at].first + runs[at].count <= part.first + part.count) ++at;
    if (part.first + part.count == batch.next()) return;
  }
}

bool overlaps(const std::vector<ErasedRun>& runs, uint64_t first, uint64_t count) {
  const auto after = std::ranges::upper_bound(runs, first + count - 1, {},
                                              [](const ErasedRun& run) { return run.first.value; });
  if (after == runs.begin()) return false;
  const ErasedRun& run = *std::prev(after);
  return run.first.value + run.count > first;
}

Erased erased_of(const LogState& log, const SelectedEvents& selected) {
  Erased erased{.events = selected.events, .copies = selected.copies};
  for (const auto& [id, events] : selected.of_stream) {
    erased.streams.emplace_back(log.streams.find(id)->name, events);
  }
  std::ranges::sort(erased.streams);
  return erased;
}

std::set<StripeId> stripes_of(const std::set<StoredKey>& keys) {
  std::set<StripeId> stripes;
  EventKey key;
  for (const StoredKey& one : keys) {
    if (one.family == Family::events && decode(one.key, key)) stripes.insert(key.stripe);
  }
  return stripes;
}

}  // namespace

Eraser::Eraser(LogState& log, std::function<void(Operation)> submit)
    : log_(log), submit_(std::move(submit)) {
  for (const ErasureUnderWay& one : log_.erasures.under_way()) to_finish_.insert(one.id);
  thread_ = std::thread([this] { run(); });
}

Eraser::~Eraser() { stop(); }

void Eraser::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<Outcome> Eraser::perform(Operation::Request request, const Actor& by) {
  Waiter waiter;
  Result<Outcome> answer = Outcome{};
  submit_({.request = std::move(request),
           .done =
               [&](Result<Outcome> outcome) {
                 answer = std::move(outcome);
                 waiter.answered();
               },
           .bytes = kGroupBytes,
           .by = by});
  waiter.wait();
  return answer;
}

Result<Erased> Eraser::count(const LogState& log, const EraseRequest& request) {
  auto selected = select_events(log, request);
  if (!selected) return std::unexpected(std::move(selected.error()));
  return erased_of(log, *selected);
}

Result<Erased> Eraser::erase(const EraseRequest& request, const Actor& by,
                             std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  Erased erased;
  {
    std::unique_lock rebuilding(rebuilding_, std::try_to_lock);
    while (!rebuilding) {
      if (!going_on()) return fail(Code::closed, "the log is closing");
      if (std::chrono::steady_clock::now() >= until) {
        return fail(Code::busy, "another erasure, or a compaction, rebuilds batches");
      }
      std::this_thread::sleep_for(kPoll);
      (void)rebuilding.try_lock();
    }
    auto selected = select_events(log_, request);
    if (!selected) return std::unexpected(std::move(selected.error()));
    erased = erased_of(log_, *selected);
    if (erased.events == 0) return erased;
    std::string details = receipt_details(log_, request, *selected);
    const ErasureRecord record{.data_only = request.data_only,
                               .runs = std::move(selected->runs),
                               .begun_us = log_.clock->now().us,
                               .events = erased.events,
                               .by = by};
    auto begun = perform(BeginErasure{record, std::move(details)}, by);
    if (!begun) return std::unexpected(std::move(begun.error()));
    erased.id = begun->number;
    {
      // Whatever becomes of it here: from now on it is gone on with.
      const std::lock_guard lock(mutex_);
      to_finish_.insert(erased.id);
      changed_.notify_all();
    }
    std::set<StoredKey> keys;
    auto rebuilt = rebuild_all(record, keys);
    if (!rebuilt && rebuilt.error().code == Code::busy) rebuilt = rebuild_all(record, keys);
    if (!rebuilt) {
      return fail(rebuilt.error().code, fmt::format("erasure {} is begun, and tried again: {}",
                                                    erased.id, rebuilt.error().message));
    }
  }
  std::unique_lock lock(mutex_);
  const bool gone = changed_.wait_until(
      lock, until, [&] { return stopping_ || !to_finish_.contains(erased.id); });
  if (gone && !stopping_) erased.gone = log_.clock->now();
  return erased;
}

Status Eraser::rebuild_all(const ErasureRecord& record, std::set<StoredKey>& keys) {
  Rewrite rewrite;
  size_t bytes = 0;
  bool all = true;
  Status ok;
  const auto hand_over = [&] {
    if (rewrite.batches.empty() && rewrite.lost.empty()) return true;
    const size_t count = rewrite.batches.size();
    auto done = perform(std::exchange(rewrite, {}));
    if (!done) ok = std::unexpected(std::move(done.error()));
    all &= done && done->number == count;
    bytes = 0;
    return done.has_value();
  };
  for (const auto& [id, runs] : record.runs) {
    const Stream* stream = log_.streams.find(id);
    if (!stream) continue;
    size_t at = 0;
    Offset visited(0);  // what of the stream is done, whole batches
    while (ok && at < runs.size()) {
      const ErasedRun run = runs[at];
      const size_t before = at;
      auto walked = walk_batches(
          log_, *stream, std::max(run.first, visited), run.first + run.count,
          [&](const StoredBatch& batch) {
            // All that it is to lose, of the runs that follow, too: it is rebuilt once.
            visited = batch.next();
            std::vector<Loss> losses;
            take_losses(batch, runs, at, record.data_only, losses, rewrite.lost);
            const auto extent = find_extent(log_, *stream, batch.first());
            if (!extent) ok = std::unexpected(extent.error());
            if (!ok) return false;
            if (!*extent) return true;
            const EventKey key{(*extent)->stripe, id, batch.first()};
            keys.insert({Family::events, encode(key)});
            // Old tables may hold a seed that was forgotten, too.
            keys.insert({Family::tree, tree_key(TreeKind::seed, id, batch.first())});
            if (losses.empty()) return true;
            const auto seed = log_.trees.kept_seed(id, batch.first());
            const BatchFields fields = fields_without(batch, losses, seed);
            rewrite.batches.push_back({key, batch.checksum(), rebuild(key, batch, losses, fields)});
            bytes += rewrite.batches.back().value.size();
            return bytes < kGroupBytes || hand_over();
          });
      if (ok && !walked) ok = std::move(walked);
      if (at == before) ++at;  // nothing of it is stored any more
    }
  }
  if (ok) hand_over();
  // Their segments were dropped, or else they are there to be rebuilt the next time.
  if (ok && !all) return fail(Code::busy, "batches changed while they were rebuilt");
  return ok;
}

// Of producers' appends the checksums, of idempotency keys the hashes of bodies: a retry of one is
// known by its count from now on.
Status Eraser::replace_records(const ErasureRecord& record, std::set<StoredKey>& keys) {
  ReplaceRecords replace;
  size_t bytes = 0;
  const auto add = [&](std::string key, std::string was, std::string is) -> Status {
    keys.insert({Family::producers, key});
    bytes += key.size() + was.size() + is.size();
    replace.records.push_back({Family::producers, std::move(key), std::move(was), std::move(is)});
    if (bytes < kGroupBytes) return {};
    bytes = 0;
    auto done = perform(std::exchange(replace, {}));
    return done ? Status() : Status(std::unexpected(std::move(done.error())));
  };
  StoreIterator it = log_.store->read_through(Family::producers);
  for (const auto& [id, runs] : record.runs) {
    const std::string of_stream = key_of(KeyKind::original, id.value);
    for (it.seek(of_stream); it.valid() && it.key().starts_with(of_stream); it.next()) {
      const std::string was(it.value());
      std::string is;
      bool changes = false, concerns = false;
      for (size_t at = 0; at + kProducerAppendBytes <= was.size(); at += kProducerAppendBytes) {
        ProducerAppend append;
        (void)decode(std::string_view(was).substr(at, kProducerAppendBytes), append);
        if (append.count > 0 && overlaps(runs, append.first, append.count)) {
          concerns = true;
          changes |= append.crc32c != 0;
          append.crc32c = 0;
        }
        is += encode(append);
      }
      if (changes && is.size() == was.size()) {
        if (auto ok = add(std::string(it.key()), was, is); !ok) return ok;
      } else if (concerns) {
        keys.insert({Family::producers, std::string(it.key())});
      }
    }
    if (auto damage = it.damage()) return fail(Code::corrupt, "the producers family: " + *damage);
  }
  const std::string answers(1, static_cast<char>(KeyKind::answer));
  for (it.seek(answers); it.valid() && it.key().starts_with(answers); it.next()) {
    const std::string was(it.value());
    const auto is = without_fingerprint(was, [&](StreamId id, Offset first, uint32_t count) {
      const auto runs = record.runs.find(id);
      return count > 0 && runs != record.runs.end() && overlaps(runs->second, first.value, count);
    });
    if (!is) continue;
    keys.insert({Family::producers, std::string(it.key())});
    if (*is == was) continue;
    if (auto ok = add(std::string(it.key()), was, *is); !ok) return ok;
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the producers family: " + *damage);
  if (replace.records.empty()) return {};
  auto done = perform(std::move(replace));
  return done ? Status() : Status(std::unexpected(std::move(done.error())));
}

Status Eraser::purge(const std::set<StoredKey>& keys) {
  while (true) {
    const uint64_t before = log_.store->flushes_begun();
    while (log_.store->flushes_begun() == before) {
      if (!going_on()) return fail(Code::closed, "the log is closing");
      if (auto done = perform(FlushAll{}); !done) return std::unexpected(std::move(done.error()));
    }
    auto purged = log_.store->purge({keys.begin(), keys.end()}, [this] { return going_on(); });
    // Another flush moves on what holds it up.
    if (purged || purged.error().code != Code::busy) return purged;
  }
}

Status Eraser::finish(uint64_t id) {
  const auto record = log_.erasures.find(id);
  if (!record) return {};
  std::set<StoredKey> keys;
  {
    const std::lock_guard lock(rebuilding_);
    if (auto ok = rebuild_all(*record, keys); !ok) return ok;
    if (auto ok = replace_records(*record, keys); !ok) return ok;
  }
  for (const StripeId stripe : stripes_of(keys)) {
    keys.insert({Family::index, index_key(IndexKey::summary, stripe)});
    for (size_t bucket = 0; bucket < kTermBuckets; ++bucket) {
      keys.insert({Family::index, index_key(static_cast<uint8_t>(bucket), stripe)});
    }
  }
  // What members said, and answers that expired since: their whole kinds (purge.h), as some that
  // said something of these events may be removed, and the old tables hold them still.
  keys.insert({Family::consumers, std::string(1, static_cast<char>(ConsumerKey::unacked))});
  keys.insert({Family::producers, std::string(1, static_cast<char>(KeyKind::answer))});
  log_.erasures.set_why_not(id, "the files that held the bytes are not deleted yet");
  if (auto ok = purge(keys); !ok) return ok;
  if (auto ok = delete_damaged(); !ok) return ok;
  auto done = perform(EndErasure{id}, record->by);
  return done ? Status() : Status(std::unexpected(std::move(done.error())));
}

// Whole files: what is sound in them is back in the log once the repair is complete.
Status Eraser::delete_damaged() {
  const Disk disk(log_.options);
  const auto directory = log_.directory / "damaged";
  auto there = disk.exists(directory);
  if (!there) return std::unexpected(std::move(there.error()));
  if (!*there) return {};
  const auto names = disk.list(directory);
  if (!names) return std::unexpected(names.error());
  if (std::ranges::find(*names, kRepairing) != names->end()) {
    return fail(Code::busy, directory.string() + " is not repaired yet: open the log once more");
  }
  for (const std::string& name : *names) {
    if (auto ok = disk.remove(directory / name); !ok) return ok;
  }
  return names->empty() ? Status() : disk.sync_directory(directory);
}

void Eraser::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (to_finish_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto ids = to_finish_;
    bool all = true;
    for (const uint64_t id : ids) {
      lock.unlock();
      const Status done = finish(id);
      if (!done) log_.erasures.set_why_not(id, done.error().message);
      lock.lock();
      if (stopping_) return;
      if (done) to_finish_.erase(id);
      all &= done.has_value();
    }
    changed_.notify_all();
    if (!all) changed_.wait_for(lock, kAgain, [this] { return stopping_.load(); });
  }
}

}  // namespace strandline
