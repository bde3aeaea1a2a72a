// Log's backups, and its incarnations.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "engine/backup/backups.h"
#include "engine/format/incarnation_record.h"
#include "engine/log.h"
#include "engine/log_parts.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

// Until a flush is done. Where it takes longer, the backup has a longer WAL, and is as good.
constexpr std::chrono::seconds kFlushPatience{60};

bool is_inside(const fs::path& path, const fs::path& directory) {
  std::error_code error;
  const fs::path inner = fs::weakly_canonical(fs::absolute(path), error),
                 outer = fs::weakly_canonical(fs::absolute(directory), error);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

// Those of the files beside the store that are copied as they are. Looked for before the store's
// files are held: GUARDED comes behind the key that it stands for.
Result<std::vector<std::string>> files_beside(const LogState& log) {
  const Disk disk(log.options);
  std::vector<std::string> names;
  for (const char* name : {"FORMAT", "GUARDED"}) {
    auto there = disk.exists(log.directory / name);
    if (!there) return std::unexpected(std::move(there.error()));
    if (*there) names.emplace_back(name);
  }
  return names;
}

}  // namespace

Result<BackupInfo> Log::backup(BackupRequest request, Actor by) {
  LogState& log = *parts_->state;
  if (is_inside(request.directory, log.directory)) {
    return fail(Code::invalid,
                fmt::format("{} is inside of the log's own directory: a backup there is lost with "
                            "the log",
                            request.directory.string()));
  }
  auto backups = Backups::open(log.options, request.directory, Backups::Use::make);
  if (!backups) return std::unexpected(std::move(backups.error()));
  BackupProgress progress;
  const auto goes_on = [&]() -> Status {
    if (!request.progress || request.progress(progress)) return {};
    return fail(Code::closed, "the backup was ended before it was done; nothing is left of it");
  };
  FileCopy copier(log.options, request.bytes_per_second_max, [&](uint64_t bytes) {
    progress.bytes = std::min(progress.bytes + bytes, progress.bytes_all);
    return goes_on();
  });
  auto beside = files_beside(log);
  if (!beside) return std::unexpected(std::move(beside.error()));
  // So that the copy has little WAL, which the next backup would have to copy as a table.
  if (auto flushed = parts_->perform(FlushAll{}, by); !flushed) {
    return std::unexpected(std::move(flushed.error()));
  }
  const auto end = std::chrono::steady_clock::now() + kFlushPatience;
  while (log.store->is_flushing() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (auto ok = goes_on(); !ok) return std::unexpected(std::move(ok.error()));
  }
  HoldFiles hold{.held = std::make_shared<HeldStore>()};
  const auto held = hold.held;
  if (auto done = parts_->perform(std::move(hold), by); !done) {
    return std::unexpected(std::move(done.error()));
  }
  const Incarnations incarnations = *log.incarnations.durable();
  auto info = backups->make(
      {.directory = log.directory,
       .beside = std::move(*beside),
       .held = *held->files,
       .head = {.next = held->next,
                .changes = held->changes,
                .wal = held->files->newest_wal(),
                .list = held->files->list_end()},
       .info = {.made = held->at, .next = held->next, .incarnation = incarnations.now().id}},
      copier, [&](uint64_t all) { progress.bytes_all = all; });
  held->files.reset();
  if (info && log.options.record_administration) {
    // What it was is done; should this fail, the next thing written fails as well.
    (void)parts_->perform(
        Record{{.type = "strandline.backup.made",
                .subject = std::to_string(info->id),
                .details = fmt::format(R"(,"next":{},"bytes":{},"written":{},"directory":{})",
                                       info->next.value, info->bytes, info->written,
                                       json_literal(request.directory.string()))}},
        by);
  }
  return info;
}

Incarnations Log::incarnations() const { return *parts_->state->incarnations.durable(); }

Status Log::begin_incarnation(uint64_t backup, Sequence first, Actor by) {
  auto done = parts_->perform(
      BeginIncarnation{.id = new_incarnation_id(), .backup = backup, .first = first}, by);
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

}  // namespace strandline
