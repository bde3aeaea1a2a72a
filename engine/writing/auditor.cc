#include "engine/writing/auditor.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <utility>
#include <vector>

namespace strandline {
namespace {

constexpr int kAuditorNice = 10;
// Tiles of 256 events whose roots go to the writer at once.
constexpr uint64_t kTilesAtOnce = 64;
constexpr size_t kMadeBytes = 4'096;

// The root of a full tile that is there says that all before it are (audit_trees.h).
bool is_made(const LogState& log, const Stream& stream, uint64_t size) {
  TreeReader reader(log, stream, size);
  if (size >= kTileWidth) return reader.record(1, size / kTileWidth - 1).has_value();
  return reader.leaves(0, size).has_value();
}

}  // namespace

Auditor::Auditor(LogState& log, Signer& signer, std::function<Result<Outcome>(Operation)> perform)
    : log_(log), signer_(signer), perform_(std::move(perform)) {
  thread_ = std::thread([this] { run(); });
}

Auditor::~Auditor() {
  log_.trees.stop();
  thread_.join();
}

void Auditor::run() {
  (void)setpriority(PRIO_PROCESS, 0, kAuditorNice);  // on Linux: of this thread
  using Clock = std::chrono::steady_clock;
  const uint64_t interval_ms = log_.options.checkpoint_interval_ms;
  const auto interval =
      interval_ms ? std::chrono::milliseconds(interval_ms) : std::chrono::hours(24);
  look_at_all();
  for (auto next = Clock::now() + interval; !log_.trees.stopped();) {
    if (const auto id = log_.trees.wait(next)) {
      const Stream* stream = log_.streams.find(*id);
      if (stream) make(*stream);
      continue;
    }
    if (log_.trees.stopped() || log_.failure.failed()) return;
    look_at_all();  // policies have changed, perhaps
    if (Clock::now() < next) continue;
    next = Clock::now() + interval;
    if (interval_ms) sign_all();
  }
}

// Streams whose events were there before they were audited, and that nobody appends to.
void Auditor::look_at_all() {
  std::vector<const Stream*> behind;
  log_.streams.scan("", [&](Stream& stream) {
    if (stream.exists() && stream.tail() > Offset(0) && log_.trees.audits(stream.name)) {
      behind.push_back(&stream);
    }
    return !log_.trees.stopped();
  });
  for (const Stream* stream : behind) {
    if (log_.trees.stopped()) return;
    if (!is_made(log_, *stream, stream->tail().value)) make(*stream);
  }
}

void Auditor::make(const Stream& stream) {
  while (!log_.trees.stopped() && !log_.failure.failed()) {
    const Offset size = log_.trees.waiting_from(stream.id).value_or(stream.tail());
    if (stream.tail() < size) {  // what comes before the leaves that wait is not durable yet
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    const auto made = make_below(stream, size.value);
    if (!made && made.error().code != Code::busy) {
      log_.trees.give_up(stream.id);
      return tell(stream, made.error());
    }
    if (made && made->number == 0) return;
    if (!made) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Result<Outcome> Auditor::make_below(const Stream& stream, uint64_t size) {
  TreeReader reader(log_, stream, size);
  reader.make_missing();
  if (!is_made(log_, stream, size)) {
    if (auto ok = make_nodes(stream, reader, size); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
  }
  auto frontier = frontier_of(size, reader.nodes());
  if (!frontier) return std::unexpected(std::move(frontier.error()));
  MadeTree made{.stream = stream.id, .seeds = reader.take_seeds()};
  made.frontier = std::move(*frontier);
  return perform_({.request = ChangeTree{std::move(made)}, .bytes = kMadeBytes});
}

Status Auditor::make_nodes(const Stream& stream, TreeReader& reader, uint64_t size) {
  MadeTree made{.stream = stream.id};
  // What went before there was a tree, if this one begins now.
  const auto known = log_.store->get(Family::tree, tree_key(TreeKind::gone, stream.id));
  if (!known) return std::unexpected(known.error());
  const bool begins = !*known && !reader.record(1, 0) && stream.start() > Offset(0) &&
                      !log_.trees.checkpoint(stream.id);
  if (begins) {
    made.gone_below = stream.start().value;
    reader.set_gone_below(*made.gone_below);
  }
  std::vector<std::pair<Offset, Seed>> seeds;
  for (unsigned level = 1; level * kTileHeight < 64 && size >> (level * kTileHeight) > 0; ++level) {
    const uint64_t nodes = size >> (level * kTileHeight);
    for (uint64_t index = 0; index < nodes; ++index) {
      if (log_.trees.stopped()) return fail(Code::closed, "the log is closing");
      if (reader.record(level, index)) continue;
      const auto digest = reader.node(level * kTileHeight, index);
      if (!digest) return std::unexpected(digest.error());
      for (auto& seed : reader.take_seeds()) seeds.push_back(std::move(seed));
      made.nodes.push_back({stream.id, level, index, *digest});
      if (made.nodes.size() < kTilesAtOnce) continue;
      made.seeds = std::exchange(seeds, {});
      auto done = perform_({.request = ChangeTree{std::exchange(made, {.stream = stream.id})},
                            .bytes = kMadeBytes + kTilesAtOnce * 64});
      if (!done) return std::unexpected(std::move(done.error()));
    }
  }
  made.seeds = std::move(seeds);
  auto done = perform_({.request = ChangeTree{std::move(made)}, .bytes = kMadeBytes});
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

void Auditor::sign_all() {
  std::vector<const Stream*> grown;
  const Stream* admin = nullptr;
  log_.streams.scan("", [&](Stream& stream) {
    const auto newest = log_.trees.checkpoint(stream.id);
    const bool has_grown = stream.tail().value > (newest ? newest->size : 0);
    if (!stream.exists() || !has_grown || !log_.trees.audits(stream.name)) return true;
    if (stream.name == kAdminStream) {
      admin = &stream;
    } else {
      grown.push_back(&stream);
    }
    return !log_.trees.stopped();
  });
  if (!admin && !grown.empty()) admin = log_.streams.find(kAdminStream);
  if (admin && log_.trees.audits(kAdminStream)) grown.push_back(admin);  // with the others' in it
  for (const Stream* stream : grown) {
    if (log_.trees.stopped()) return;
    const auto done = signer_.sign(*stream, log_.options.actor);
    if (!done && done.error().code != Code::busy && done.error().code != Code::closed) {
      tell(*stream, done.error());
    }
  }
}

void Auditor::tell(const Stream& stream, const Error& error) {
  // What ends the log is told by whoever ended it.
  if (log_.failure.failed() || log_.trees.stopped()) return;
  if (!told_.insert(stream.id).second || !log_.options.on_warning) return;
  log_.options.on_warning(fmt::format("the audit tree of \"{}\": {}", stream.name, error.message));
}

}  // namespace strandline
