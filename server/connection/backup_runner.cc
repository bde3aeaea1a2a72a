#include "server/connection/backup_runner.h"

#include <spdlog/spdlog.h>

#include "engine/backup/backups.h"

namespace strandline::server {

BackupRunner::BackupRunner(Log& log, std::string directory, uint64_t bytes_per_second_max)
    : log_(log), directory_(std::move(directory)), bytes_per_second_max_(bytes_per_second_max) {
  if (!directory_.empty()) look();
}

BackupRunner::~BackupRunner() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void BackupRunner::look() {
  auto backups = Backups::open(log_.options(), directory_, Backups::Use::look);
  if (!backups) {
    if (backups.error().code != Code::not_found) spdlog::warn("{}", backups.error().message);
    return;
  }
  auto all = backups->list();
  if (!all) return spdlog::warn("{}", all.error().message);
  const std::lock_guard lock(mutex_);
  newest_.reset();
  for (const Backups::Listed& one : *all) {
    if (one.record) newest_ = one.record->info;
    if (!one.record) spdlog::warn("{}", one.fault);
  }
}

Result<std::string> BackupRunner::directory() const {
  if (directory_.empty()) {
    return fail(Code::invalid,
                "this server has no directory for backups: its operator names one with the setting "
                "backup_directory");
  }
  return directory_;
}

bool BackupRunner::goes_on(const BackupProgress& progress) {
  const std::lock_guard lock(mutex_);
  job_->progress = progress;
  return !stopping_;
}

template <class Do>
Status BackupRunner::begin(Job job, Do act) {
  if (auto named = directory(); !named) return std::unexpected(std::move(named.error()));
  const std::lock_guard lock(mutex_);
  if (job_ && !job_->ended) {
    return fail(Code::conflict, "a backup is being made or verified: one at a time");
  }
  if (thread_.joinable()) thread_.join();
  job_ = std::move(job);
  thread_ = std::thread([this, act = std::move(act)] {
    Job done = act();
    if (!done.failed.empty()) {
      ++failures_;
      spdlog::error("backup: {}", done.failed);
    }
    const std::lock_guard lock(mutex_);
    done.progress = job_->progress;
    done.ended = true;
    job_ = std::move(done);
  });
  return {};
}

Status BackupRunner::begin_backup(Actor by) {
  return begin({}, [this, by = std::move(by)] {
    auto made =
        log_.backup({.directory = directory_,
                     .bytes_per_second_max = bytes_per_second_max_,
                     .progress = [this](const auto& progress) { return goes_on(progress); }},
                    by);
    Job job;
    if (!made) {
      job.failed = made.error().message;
      return job;
    }
    spdlog::info("backup {} in {}: {} bytes, {} of them new", made->id, directory_, made->bytes,
                 made->written);
    job.backup = made->id;
    const std::lock_guard lock(mutex_);
    newest_ = std::move(*made);
    return job;
  });
}

Status BackupRunner::begin_verify(uint64_t backup) {
  if (auto named = directory(); !named) return std::unexpected(std::move(named.error()));
  auto backups = Backups::open(log_.options(), directory_, Backups::Use::look);
  if (!backups) return std::unexpected(std::move(backups.error()));
  auto record = backups->read(backup);
  if (!record) return std::unexpected(std::move(record.error()));
  return begin({.verifies = true, .backup = backup}, [this, backups = std::move(*backups),
                                                      record = std::move(*record)] {
    Job job{.verifies = true, .backup = record.info.id};
    BackupProgress progress{.bytes_all = record.info.bytes};
    FileCopy reader(log_.options(), bytes_per_second_max_, [&](uint64_t bytes) -> Status {
      progress.bytes += bytes;
      if (goes_on(progress)) return {};
      return fail(Code::closed, "the server is ending");
    });
    auto faults = backups.verify(record, reader);
    if (!faults) job.failed = faults.error().message;
    if (faults) job.faults = std::move(*faults);
    return job;
  });
}

Result<uint64_t> BackupRunner::remove(uint64_t backup, Actor by) {
  if (auto named = directory(); !named) return std::unexpected(std::move(named.error()));
  auto backups = Backups::open(log_.options(), directory_, Backups::Use::change);
  if (!backups) return std::unexpected(std::move(backups.error()));
  FileCopy files(log_.options(), 0, {});
  auto freed = backups->remove(backup, files);
  if (!freed) return freed;
  log_.record({.type = "strandline.backup.removed", .subject = std::to_string(backup)},
              std::move(by));
  look();
  return freed;
}

std::optional<BackupRunner::Job> BackupRunner::job() const {
  const std::lock_guard lock(mutex_);
  return job_;
}

std::optional<BackupInfo> BackupRunner::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

}  // namespace strandline::server
