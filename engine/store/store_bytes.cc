// How much of the disk a store takes, and how a segment takes less (store.h).
#include <fmt/format.h>
#include <rocksdb/env.h>

#include "engine/store/deletion.h"
#include "engine/store/pace.h"
#include "engine/store/store_error.h"
#include "engine/store/store_parts.h"

namespace strandline {
namespace {

uint64_t table_bytes(rocksdb::DB& db,
                     const std::array<rocksdb::ColumnFamilyHandle*, kFamilies>& families,
                     const std::string& property) {
  uint64_t sum = 0, bytes = 0;
  for (auto* handle : families) {
    if (handle && db.GetIntProperty(handle, property, &bytes)) sum += bytes;
  }
  return sum;
}

}  // namespace

uint64_t Store::disk_bytes() const {
  return table_bytes(*parts_->db, parts_->families, rocksdb::DB::Properties::kTotalSstFilesSize) +
         wal_bytes_of(*parts_->db);
}

uint64_t Store::live_bytes() const {
  return table_bytes(*parts_->db, parts_->families, rocksdb::DB::Properties::kLiveSstFilesSize) +
         wal_bytes_of(*parts_->db);
}

Result<uint64_t> Store::rewrite(Rewrite request) {
  const Flushes& flushes = parts_->flushes;
  if (flushes.may_be_in_memory(request.segment)) {
    return fail(Code::busy, "some of the segment is not in table files yet");
  }
  {
    std::lock_guard lock(parts_->mutex);
    if (parts_->paused) return fail(Code::busy, "compactions wait, because one met damage");
  }
  Pace pace(request.bytes_per_s_max, *request.stopping);
  Rewriting rewriting{.segment = request.segment,
                      .is_dead = std::move(request.is_dead),
                      .passed = [&](uint64_t bytes) { pace.passed(bytes); }};
  uint64_t freed_bytes = 0;
  const rocksdb::Status status = rewrite_segment(*parts_->db, parts_->family(Family::events),
                                                 flushes.may_be_writing(request.segment + 1),
                                                 rewriting, *request.stopping, freed_bytes);
  if (status.IsBusy()) return fail(Code::busy, "a compaction has the segment's tables");
  if (status.IsIncomplete() || status.IsShutdownInProgress()) {
    return fail(Code::closed, "the log is closing");
  }
  if (!status.ok()) return std::unexpected(error_of(status, "rewriting a segment"));
  return freed_bytes;
}

}  // namespace strandline
