// What RocksDB says by itself, on threads of its own: warnings, and failures of what it does in the
// background. Both are handed on.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/listener.h>

#include <cstdarg>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "engine/base/mutation.h"
#include "engine/store/store_file_system.h"

namespace strandline {

// Passes on what RocksDB warns of, and drops its chatter.
class WarningLogger : public rocksdb::Logger {
 public:
  explicit WarningLogger(std::function<void(const std::string&)> sink)
      : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), sink_(std::move(sink)) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    if (!sink_) return;
    char line[1024];
    vsnprintf(line, sizeof line, format, arguments);
    if (!std::string_view(line).contains(kNoOptionsFile)) sink_(line);
  }

 private:
  std::function<void(const std::string&)> sink_;
};

// After a failed write RocksDB would try to recover by itself, which can abort the process: the log
// is sealed instead, and recovers when it is reopened.
class FailureListener : public rocksdb::EventListener {
 public:
  FailureListener(std::function<void(const std::string&)> on_failure,
                  std::function<void(const std::string&)> on_compaction_damage)
      : on_failure_(std::move(on_failure)),
        on_compaction_damage_(std::move(on_compaction_damage)) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsNoSpace()) {
      // What it would have rewritten is still there. RocksDB tries again until there is room.
      *status = rocksdb::Status::OK();
      return;
    }
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsCorruption()) {
      // Damage that a compaction meets is in old data: its readers get a gap, and nothing that is
      // written now is at risk.
      if (on_compaction_damage_) on_compaction_damage_(status->ToString());
      *status = rocksdb::Status::OK();
      return;
    }
    if (mutated(Mutation::writing_on_after_wal_error) ||
        mutated(Mutation::offset_reused_after_failed_write)) {
      *status = rocksdb::Status::OK();
      return;
    }
    on_failure_(status->ToString());
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  std::function<void(const std::string&)> on_failure_;
  std::function<void(const std::string&)> on_compaction_damage_;
};

}  // namespace strandline
