#include "engine/repair/wal_end.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "engine/disk/access.h"
#include "engine/format/keys.h"
#include "engine/repair/damaged_tables.h"
#include "engine/repair/wal_salvage.h"
#include "engine/store/wal_records.h"

namespace strandline {
namespace {

// In the order in which they were written.
Result<std::vector<std::filesystem::path>> wal_files(const Disk& disk,
                                                     const std::filesystem::path& directory) {
  auto names = disk.list(directory);
  if (!names) return std::unexpected(std::move(names.error()));
  std::erase_if(*names, [](const std::string& name) { return !name.ends_with(".log"); });
  // Their names are numbers, padded with zeros.
  std::ranges::sort(*names);
  std::vector<std::filesystem::path> files;
  for (const std::string& name : *names) files.push_back(directory / name);
  return files;
}

struct Scan {
  size_t whole = 0;                   // up to the end of the last whole batch
  size_t good = 0;                    // up to the end of the last whole physical record
  std::optional<uint64_t> next = {};  // the sequence number after that batch's, if there is one
  bool foreign = false;               // the next is whole, and another file's
};

// `least`: no batch has a lower sequence number, for older files have gone that far. RocksDB would
// end the process by an assertion.
Scan scan(std::string_view bytes, std::string_view sign, uint64_t least) {
  Scan scan;
  std::string head;                 // of a batch: its first record may hold less than its span
  std::string batch;                // but for the beginning of a long one: its end has the stamp
  std::optional<bool> all_stamped;  // a build stamps all its batches, or none
  while (true) {
    const size_t at = scan.good = past_trailer(bytes, scan.good);
    const auto record = record_at(bytes, at);
    if (!record) return scan;
    scan.good = record->end;
    if (record->begins()) {
      head.clear();
      batch.clear();
    } else if (batch.size() > kStampBytes) {
      batch.erase(0, batch.size() - kStampBytes);
    }
    batch += record->payload;
    if (head.size() < kSpanBytes) head += record->payload.substr(0, kSpanBytes - head.size());
    if (!record->ends()) continue;
    const auto span = span_of(head);
    const bool marked = stamp_of(batch, sign).has_value();
    if (!marked && !all_stamped && !sign.empty() && bytes.find(sign) != bytes.npos) {
      all_stamped = true;
    }
    if (all_stamped.value_or(marked) != marked || !span || span->sequence < least) {
      scan.foreign = true;
      return scan;
    }
    all_stamped = marked;
    scan.whole = scan.good;
    scan.next = least = span->next();
  }
}

// Whether a whole record behind `at` knows that what stood there was durable. `next` is the
// sequence number that is missing, or none if it is the file's first: an older file says nothing
// about that one, for it may be one that was done with and came back.
bool was_durable(std::string_view bytes, std::string_view sign, size_t at,
                 std::optional<uint64_t> next) {
  if (sign.empty()) return false;
  // Records do not say where the next one begins once one is lost, but where each may end.
  for (size_t found = at; (found = bytes.find(sign, found)) != bytes.npos; ++found) {
    const size_t end = found + sign.size();
    size_t begin = std::max(at, (end - 1) / kLogBlockBytes * kLogBlockBytes);
    for (; begin + kLogHeadBytes + kStampBytes <= end; ++begin) {
      if (begin + kLogHeadBytes + get_le<uint16_t>(bytes, begin + 4) != end) continue;
      const auto record = record_at(bytes, begin);
      const auto mark = record && record->ends() ? stamp_of(record->payload, sign) : std::nullopt;
      if (mark && mark->durable >= next.value_or(mark->before + 1)) return true;
    }
  }
  return false;
}

// What the stamps of this store's WALs end with; nothing if it has lost its identity. One that
// cannot be read is an error: without the stamps what was durable would pass for a torn end.
Result<std::string> sign_of_store(const Disk& disk, const std::filesystem::path& directory) {
  const auto file = directory / "IDENTITY";
  const auto there = disk.exists(file);
  if (!there) return std::unexpected(there.error());
  if (!*there) return std::string();
  const auto bytes = disk.read(file);
  if (!bytes) return std::unexpected(bytes.error());
  return sign_of(*bytes);
}

Error damaged(const std::filesystem::path& file, size_t at, const char* why) {
  return {.code = Code::corrupt,
          .message = fmt::format("{}: damaged at byte {}: {}", file.string(), at, why)};
}

// A record that says it belongs to a log that is written over (types 5 to 8). RocksDB takes it for
// the end.
bool is_of_recycled_log(std::string_view bytes, size_t at) {
  constexpr size_t kTypeAt = kLogHeadBytes - 1;
  if (at + kTypeAt >= bytes.size()) return false;
  const auto type = static_cast<uint8_t>(bytes[at + kTypeAt]);
  return type >= 5 && type <= 8;
}

// Those that hold anything: RocksDB may have made an empty one after the last that does, and an
// owner removes them.
Result<std::vector<std::filesystem::path>> written_files(const Disk& disk,
                                                         const std::filesystem::path& directory) {
  auto files = wal_files(disk, directory);
  if (!files) return files;
  std::vector<std::filesystem::path> written;
  for (auto& file : *files) {
    auto bytes = disk.size(file);
    if (!bytes) return std::unexpected(std::move(bytes.error()));
    if (*bytes > 0) written.push_back(std::move(file));
  }
  return written;
}

enum class For { telling, following, repairing };

Result<WalEnds> look(const Disk& disk, const std::filesystem::path& directory, For purpose) {
  const bool repair = purpose == For::repairing;
  WalEnds ends;
  auto written = written_files(disk, directory);
  if (!written) return std::unexpected(std::move(written.error()));
  const auto sign = sign_of_store(disk, directory);
  if (!sign) return std::unexpected(sign.error());
  uint64_t least = 0;
  for (const auto& file : *written) {
    ends.bytes += disk.size(file).value_or(0);
    ends.newest = file.string();
    const bool newest = file == written->back();
    const auto bytes = disk.read(file);
    // Its owner may have removed it by now: its contents are in a table.
    const auto there = bytes || purpose != For::following ? true : disk.exists(file);
    if (there && !*there) continue;
    if (!bytes) return std::unexpected(bytes.error());
    const Scan found = scan(*bytes, *sign, least);
    least = found.next.value_or(least);
    if (found.whole == bytes->size()) continue;
    if (purpose == For::following && is_of_recycled_log(*bytes, found.good)) {
      return std::unexpected(
          damaged(file, found.whole, "a record of a kind that no log of this has"));
    }
    if (repair && !newest) {
      // It was fsynced before the next was begun (Store::flush).
      return std::unexpected(damaged(file, found.whole, "a newer WAL file holds events"));
    }
    // RocksDB would end the process by an assertion.
    if (purpose != For::telling && found.foreign) {
      return std::unexpected(
          damaged(file, found.whole, "what stands there belongs to another file"));
    }
    if (!repair && !newest) continue;
    ends.torn_bytes = bytes->size() - found.whole;
    ends.torn_at = fmt::format("{} from byte {} on", file.string(), found.whole);
    if (!repair) continue;
    if (was_durable(*bytes, *sign, found.good, found.next)) {
      return std::unexpected(
          damaged(file, found.whole, "what stands behind it knows that this was durable"));
    }
    if (!is_torn(*bytes, found.good)) {
      return std::unexpected(
          damaged(file, found.whole, "no write that was cut off ends like this"));
    }
    if (auto ok = disk.truncate(file, found.whole); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
  }
  return ends;
}

}  // namespace

Result<WalEnds> inspect_wals(const Disk& disk, const std::filesystem::path& store_directory) {
  return look(disk, store_directory, For::telling);
}

Result<WalEnds> inspect_wals_to_follow(const Disk& disk,
                                       const std::filesystem::path& store_directory) {
  return look(disk, store_directory, For::following);
}

Result<WalEnds> repair_wals(const Disk& disk, const std::filesystem::path& store_directory) {
  return look(disk, store_directory, For::repairing);
}

Result<std::vector<std::string>> salvage_wals(const Disk& disk,
                                              const std::filesystem::path& store_directory) {
  std::vector<std::string> lost;
  auto written = written_files(disk, store_directory);
  if (!written) return std::unexpected(std::move(written.error()));
  const auto sign = sign_of_store(disk, store_directory);
  if (!sign) return std::unexpected(sign.error());
  uint64_t least = 0;
  for (const auto& file : *written) {
    auto bytes = disk.read(file);
    if (!bytes) return std::unexpected(std::move(bytes.error()));
    const Scan found = scan(*bytes, *sign, least);
    const uint64_t before = std::exchange(least, found.next.value_or(least));
    if (found.whole == bytes->size()) continue;
    if (file == written->back() && !found.foreign && is_torn(*bytes, found.good) &&
        !was_durable(*bytes, *sign, found.good, found.next)) {
      continue;  // repair_wals cuts it off
    }
    const SalvagedWal salvaged = salvage_wal(*bytes, *sign, before);
    least = std::max(least, salvaged.next);
    // Records may be among what is lost: they are made again from the events.
    auto aside = keep_aside(store_directory, file.filename().string(), Aside::records, *bytes);
    if (aside) aside = begin_repair(store_directory);
    if (!aside) return std::unexpected(std::move(aside.error()));
    if (auto ok = disk.replace(file, salvaged.bytes); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
    std::string holes;
    for (const auto& [from, to] : salvaged.holes) {
      holes += fmt::format("{}[{}, {})", holes.empty() ? "" : ", ", from, to);
    }
    lost.push_back(
        fmt::format("{}: bytes {} are damaged, and what they held is lost; {} groups of "
                    "changes before and behind them are whole",
                    file.string(), holes, salvaged.batches));
  }
  return lost;
}

Status sync_wals(const Disk& disk, const std::filesystem::path& store_directory) {
  auto files = wal_files(disk, store_directory);
  if (!files) return std::unexpected(std::move(files.error()));
  auto paths = std::move(*files);
  paths.push_back(store_directory);  // the entries of the files themselves
  for (const auto& path : paths) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) continue;  // its contents are in a table file by now
    if (descriptor < 0 && is_withheld(errno))
      return std::unexpected(inaccessible_file(path, errno));
    if (descriptor < 0) {
      return fail(Code::io, fmt::format("{}: {}", path.string(), std::strerror(errno)));
    }
    const bool ok = fsync(descriptor) == 0;
    const int error = errno;
    close(descriptor);
    if (!ok) return fail(Code::io, fmt::format("{}: {}", path.string(), std::strerror(error)));
  }
  return {};
}

}  // namespace strandline
