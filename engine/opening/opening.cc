#include "engine/opening/opening.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>

#include "engine/disk/access.h"
#include "engine/disk/directory.h"
#include "engine/disk/head_mark.h"
#include "engine/repair/damaged_tables.h"
#include "engine/repair/store_repair.h"
#include "engine/repair/table_list.h"
#include "engine/repair/wal_end.h"
#include "engine/state/verification.h"

namespace strandline {
namespace {

// What RocksDB warned of while it recovered: a refusal names the place only there.
struct Warnings {
  std::mutex mutex;  // guards lines and open
  std::vector<std::string> lines;
  bool opening = true;

  std::string about_loss() {
    std::lock_guard lock(mutex);
    std::string out;
    for (const std::string& line : lines) {
      if (line.find("dropping") != std::string::npos) out += "; " + line;
    }
    return out;
  }
};

// `repaired`: records were put back from damaged tables and WALs, so that some may not fit the
// rest.
Status load(LogState& state, bool repaired, RecoveryReport& report) {
  const bool accepts = state.options.accept_loss && state.options.mode == Options::Mode::owner;
  Loading loading{.log = state, .lenient = repaired || accepts};
  for (StatePart* part : state.parts) {
    if (auto ok = part->load(loading); !ok) return ok;
  }
  report.loss += loading.loss;
  return {};
}

Status forget_segments_below(Store& store, SegmentId first_live) {
  while (true) {
    StoreIterator it = store.iterate(Family::segments);
    it.seek(std::string(1, static_cast<char>(KeyKind::stripe)));
    if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
    if (!it.valid() || it.key().size() != 9) return {};
    const StripeId stripe(get_be64(it.key(), 1));
    if (segment_of(stripe) >= first_live) return {};
    Changes changes = store.changes();
    if (auto ok = forget_stripe(store, stripe, changes); !ok) return ok;
    if (auto ok = store.write(std::move(changes)); !ok) return ok;
  }
}

// What was repaired in the store before RocksDB opened it.
struct Repaired {
  std::string newest_wal;
  std::string lists;  // what was wrong with the list of tables; part of every loss report
};

std::string no_mark_in(const std::filesystem::path& directory) {
  return (directory / "HEAD").string() +
         " is missing or empty, so that nothing says how far the log was durable";
}

// The log never opens silently shorter than its head mark.
Status compare_with_head_mark(const Disk& disk, LogState& state, const Repaired& repaired,
                              RecoveryReport& report) {
  const bool accept = state.options.accept_loss;
  const HeadMark::Head now{report.durable_next, state.store->durable_changes(),
                           state.store->newest_wal(), state.store->list_end()};
  auto mark = HeadMark::read(disk, state.directory);
  if (!mark) mark.error().message += repaired.lists;
  if (!mark && !accept) return std::unexpected(std::move(mark.error()));
  const HeadMark::Head head = mark ? mark->value_or(HeadMark::Head()) : HeadMark::Head();
  report.head_mark = head.next;
  // An observer sees a mark that its owner may have renewed since it opened.
  const bool observer = state.options.mode == Options::Mode::observer;
  const std::string file = (state.directory / "HEAD").string();
  const std::string store = (state.directory / "store").string();
  std::string lost;
  if (mark && !*mark) {
    // It is written before anything is appended: a log without one was never finished, and is
    // empty.
    if (now.next == Sequence(0) && state.streams.count() == 0) {
      return observer ? Status() : HeadMark::reset(disk, state.directory, now);
    }
    lost = no_mark_in(state.directory);
  } else if (!observer && now.next < head.next) {
    lost = fmt::format("events [{}, {}) of the log were durable, says {}, and are not in {}",
                       now.next.value, head.next.value, file, store);
  } else if (!observer && now.changes < head.changes) {
    lost = fmt::format("the last changes of positions were durable, says {}, and are not in {}",
                       file, store);
  } else if (mark) {
    if (!accept || observer) return {};
    // What it says of the list of tables may be what was accepted to be lost.
    if (!repaired.lists.empty()) report.loss += repaired.lists.substr(2) + "; ";
    return HeadMark::reset(disk, state.directory, now);
  }
  const auto marked_wal = state.directory / "store" / fmt::format("{:06}.log", head.wal);
  const std::string wal =
      std::max(repaired.newest_wal, head.wal > 0 ? marked_wal.string() : repaired.newest_wal);
  lost += repaired.lists;
  if (!accept) {
    return fail(Code::corrupt,
                fmt::format("{}: the end of its WAL ({}) may be lost; opening it all the same "
                            "(accept_loss) forgets what was there",
                            lost, wal));
  }
  // From here on the head mark says what is there. The lost offsets will be given out again,
  // because the head mark says how many events there were, and not of which streams. That is the
  // loss that was accepted.
  report.loss += (mark ? lost : mark.error().message) + "; ";
  return HeadMark::reset(disk, state.directory, now);
}

// Reads everything. It takes time, but an opening that reports a loss may take it.
std::string unreadable_in(const LogState& state) {
  constexpr size_t kFindingsMax = 100;
  const auto found = verify(state, nullptr).findings;
  std::string out;
  for (size_t i = 0; i < std::min(found.size(), kFindingsMax); ++i) {
    out += fmt::format("{}: {}; ", found[i].place, found[i].what);
  }
  if (found.size() > kFindingsMax) out += fmt::format("and {} more; ", found.size() - kFindingsMax);
  return out;
}

// Repairs what stands beside the tables before RocksDB reads it: the list of tables, and the WAL.
Result<Repaired> repair_store(const Disk& disk, const std::filesystem::path& store, LogState& state,
                              RecoveryReport& report) {
  const bool accept = state.options.accept_loss;
  Repaired repaired;
  if (state.options.mode == Options::Mode::owner) {
    auto mark = HeadMark::read(disk, state.directory);
    if (!mark && !accept) return std::unexpected(std::move(mark.error()));
    if (mark && !*mark && !accept) {
      // The head mark is written before any table. Without it, RocksDB could delete tables because
      // of a list that is too short.
      auto names = disk.list(store);
      if (!names) return std::unexpected(std::move(names.error()));
      const auto is_table = [](const std::string& name) { return name.ends_with(".sst"); };
      if (std::ranges::any_of(*names, is_table)) {
        return fail(Code::corrupt, no_mark_in(state.directory) +
                                       ": opening it all the same (accept_loss) goes by the tables "
                                       "and WALs that are there");
      }
    }
    const ListEnd marked = mark && *mark ? (*mark)->list : ListEnd();
    auto listed = repair_table_list(disk, store, marked, accept);
    if (!listed) return std::unexpected(std::move(listed.error()));
    for (const std::string& told : *listed) {
      state.options.on_warning(told);
      repaired.lists += "; " + told;
    }
  }
  // With accept_loss the store repairs its WALs itself, after it has read its list of tables.
  auto ends = state.options.mode == Options::Mode::observer ? inspect_wals_to_follow(disk, store)
              : accept                                      ? inspect_wals(disk, store)
                                                            : repair_wals(disk, store);
  if (!ends) return std::unexpected(std::move(ends.error()));
  report.wal_bytes_replayed = ends->bytes - ends->torn_bytes;
  report.torn_bytes_dropped = ends->torn_bytes;
  if (ends->torn_bytes > 0) {
    state.options.on_warning(fmt::format("{}: {} bytes that were not written whole are dropped",
                                         ends->torn_at, ends->torn_bytes));
  }
  repaired.newest_wal = ends->newest;
  return repaired;
}

Result<OpenedState> open_once(const std::filesystem::path& path, Options options,
                              const MakePart& another) {
  const auto begin = std::chrono::steady_clock::now();
  const Disk disk(options);
  // First of all: what cannot be read must not be taken for lost, nor anything be changed over it.
  if (auto ok = check_access(path, options.mode == Options::Mode::owner); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  auto directory = Directory::prepare(disk, path, options);
  if (!directory) return std::unexpected(std::move(directory.error()));
  const bool observer = options.mode == Options::Mode::observer;
  // A log that exists must be whole: only one whose making was not finished is made.
  options.create_if_missing = directory->unfinished;

  OpenedState opened;
  auto warnings = std::make_shared<Warnings>();
  options.on_warning = [warnings, sink = options.on_warning](const std::string& line) {
    {
      std::lock_guard lock(warnings->mutex);
      if (warnings->opening) warnings->lines.push_back(line);
    }
    if (sink) sink(line);
  };
  opened.state = std::make_unique<LogState>(path, std::move(options));
  LogState& state = *opened.state;
  if (another) state.more_parts.push_back(another(state));
  state.lock = std::move(directory->lock);
  RecoveryReport& report = opened.recovery;
  report.created = directory->fresh;
  Repaired repaired;
  if (directory->fresh && observer) {
    return fail(Code::not_found, path.string() + ": the log there is still being made");
  }
  if (directory->fresh) {
    // Its entry is durable before the head mark's can be.
    if (auto ok = disk.create_directory(directory->store()); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
    if (auto ok = disk.sync_directory(path); !ok) return std::unexpected(std::move(ok.error()));
  } else {
    auto done = repair_store(disk, directory->store(), state, report);
    if (!done) return std::unexpected(std::move(done.error()));
    repaired = std::move(*done);
  }
  const auto refused = [&](Error error) {
    error.message += repaired.lists + warnings->about_loss();
    return std::unexpected(std::move(error));
  };
  auto closed = ClosedStore::prepare(directory->store(), state.options,
                                     [&state](const std::string& why) { state.failure.set(why); });
  if (!closed) return refused(std::move(closed.error()));
  const auto being_mended = [&] {
    return fail(Code::corrupt, path.string() + " is being repaired by its owner");
  };
  // Asked now, for it may be over by the time that an observer has opened.
  if (observer && is_repairing(directory->store())) return being_mended();
  TakenOut taken_out;
  if (state.options.accept_loss) {
    auto done = take_out_damage(disk, *closed);
    if (!done) return refused(std::move(done.error()));
    taken_out = std::move(*done);
  }
  auto store = closed->open();
  if (!store) {
    return refused(refusal_of(*closed, std::move(store.error()), std::move(taken_out.tables)));
  }
  state.store = std::move(*store);
  if (!observer) {
    auto identity = DirectoryIdentity::of(path);
    if (!identity) return std::unexpected(std::move(identity.error()));
    state.identity = std::move(*identity);
  }
  if (observer) {
    // All that the replay saw is durable after this, so it may be shown.
    if (auto ok = sync_wals(disk, directory->store()); !ok) return std::unexpected(ok.error());
  }
  for (const std::string& one : taken_out.lost) report.loss += one + "; ";
  // Also a repair that an earlier opening with accept_loss began and did not complete.
  const bool repairing = is_repairing(directory->store());
  if (repairing) {
    if (observer) return being_mended();
    auto back = repair(directory->store(), *state.store, state.parts);
    if (!back) return std::unexpected(std::move(back.error()));
    report.loss += fmt::format("{} batches of them are whole, and were put back; ", *back);
  }
  if (auto ok = load(state, repairing, report); !ok) return std::unexpected(std::move(ok.error()));
  report.durable_next = Sequence(state.streams.log().tail().value);
  if (auto ok = compare_with_head_mark(disk, state, repaired, report); !ok) {
    // What the repair found to be lost cannot be found again by the next opening.
    if (repairing) ok.error().message += "; " + report.loss;
    return std::unexpected(std::move(ok.error()));
  }
  if (repairing) finish_repair(directory->store());
  if (const auto segments = state.segments.list(); !observer && !segments.empty()) {
    // A drop that a crash cut off is finished now. If that fails, it is space that is not freed.
    const SegmentId first_live = segments.begin()->first;
    state.store->set_first_live(first_live);
    Status freed = forget_segments_below(*state.store, first_live);
    if (freed) freed = state.store->drop_events_below(first_live);
    if (!freed) state.options.on_warning(freed.error().message);
  }
  {
    std::lock_guard lock(warnings->mutex);
    warnings->opening = false;
  }
  if (state.options.accept_loss) report.loss += warnings->about_loss() + unreadable_in(state);
  report.milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(
                            std::chrono::steady_clock::now() - begin)
                            .count();
  return opened;
}

}  // namespace

Result<OpenedState> open_state(const std::filesystem::path& path, Options options,
                               const MakePart& another) {
  // An observer changes nothing, so it accepts no loss either.
  if (options.mode == Options::Mode::observer) options.accept_loss = false;
  if (!options.accept_loss) {
    return open_once(path, std::move(options), another);
  }
  // First the opening tries without a loss. If that fails, the reason is the beginning of the loss
  // report.
  Options strict = options;
  strict.accept_loss = false;
  std::string why;
  if (auto opened = open_once(path, std::move(strict), another); opened) {
    const std::string repaired_before = opened->recovery.loss;  // begun by another opening
    const auto tables = opened->state->store->check_tables();
    opened->recovery.loss += unreadable_in(*opened->state);
    if (tables.empty()) return opened;
    why = fmt::format("{}{} tables are damaged", repaired_before, tables.size());
  } else {
    const Code code = opened.error().code;
    if (code != Code::corrupt && code != Code::io && code != Code::unsupported_format &&
        code != Code::invalid) {
      return opened;
    }
    why = opened.error().message;
  }
  auto opened = open_once(path, std::move(options), another);
  if (opened) opened->recovery.loss = why + "; " + opened->recovery.loss;
  return opened;
}

}  // namespace strandline
