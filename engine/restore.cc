#include "engine/restore.h"

#include <fmt/format.h>

#include <algorithm>

namespace strandline {

Result<std::unique_ptr<Restoring>> Restoring::begin(RestoreRequest request) {
  auto backups = Backups::open(request.options, request.backups, Backups::Use::look);
  if (!backups) return std::unexpected(std::move(backups.error()));
  auto record = choose(*backups, request.which);
  if (!record) return std::unexpected(std::move(record.error()));
  BackupProgress progress{.bytes_all = record->info.bytes};
  FileCopy copier(request.options, request.bytes_per_second_max, [&](uint64_t bytes) -> Status {
    progress.bytes = std::min(progress.bytes + bytes, progress.bytes_all);
    if (!request.progress || request.progress(progress)) return {};
    return fail(Code::closed, "the restore was ended before it was done; run it again");
  });
  const Disk disk(request.options);
  // Of two that restore into one directory, one does.
  auto copied = copy_back(request.options, *backups, *record, request.directory, copier);
  if (!copied) return std::unexpected(std::move(copied.error()));
  std::unique_ptr<Restoring> restoring(new Restoring(std::move(request), std::move(*record)));
  Options options = restoring->request_.options;
  options.create_if_missing = false;
  auto log = Log::open(restoring_in(restoring->request_.directory), std::move(options));
  if (!log) return std::unexpected(std::move(log.error()));
  restoring->log_ = std::move(*log);
  const BackupInfo& info = restoring->record_.info;
  if (const Sequence next = restoring->log_->recovery().durable_next; next != info.next) {
    return fail(Code::corrupt,
                fmt::format("backup {} is damaged: it holds the events below {}, and says {}",
                            info.id, next.value, info.next.value));
  }
  if (auto ok = restoring->log_->begin_incarnation(info.id, info.next); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  return restoring;
}

Restoring::~Restoring() {
  if (log_) log_->close();
}

Status Restoring::finish() {
  log_->close();
  log_.reset();
  return move_up(request_.options, request_.directory);
}

}  // namespace strandline
