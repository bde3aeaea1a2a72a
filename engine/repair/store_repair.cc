#include "engine/repair/store_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/repair/lenient_store.h"
#include "engine/repair/missing_wal.h"
#include "engine/repair/wal_end.h"
#include "engine/store/store_error.h"

namespace strandline {
namespace {

StoreContents look_at(const ClosedStore& store) {
  return read_leniently(store.directory(), store.database(), store.families());
}

}  // namespace

Result<TakenOut> take_out_damage(const Disk& disk, const ClosedStore& store) {
  const std::filesystem::path& directory = store.directory();
  // What an attempt left that came to nothing is not what is damaged now.
  if (!is_repairing(directory)) finish_repair(directory);
  const StoreContents contents = look_at(store);
  if (!contents.status.ok()) {
    Error error = error_of(contents.status, "opening the store in " + directory.string());
    return std::unexpected(refusal_of(store, std::move(error), {}));
  }
  auto tables = find_damaged_tables(directory, store.database(), store.families(), contents, true);
  if (!tables) return std::unexpected(std::move(tables.error()));
  if (auto ok = take_out(directory, store.database(), store.families(), *tables); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  auto lost = salvage_wals(disk, directory);
  if (!lost) return std::unexpected(std::move(lost.error()));
  if (auto ok = repair_wals(disk, directory); !ok) return std::unexpected(std::move(ok.error()));
  auto missing = note_missing_wals(directory, contents.missing_wals);
  if (!missing) return std::unexpected(std::move(missing.error()));
  TakenOut taken_out{.tables = std::move(*tables), .lost = std::move(*lost)};
  std::ranges::move(*missing, std::back_inserter(taken_out.lost));
  for (const DamagedTable& table : taken_out.tables) {
    taken_out.lost.push_back(
        fmt::format("{} ({}): {}", (directory / table.file).string(), table.holds, table.why));
  }
  return taken_out;
}

Error refusal_of(const ClosedStore& store, Error error, std::vector<DamagedTable> tables) {
  if (error.code == Code::inaccessible || error.code == Code::disk_full) return error;
  const std::filesystem::path& directory = store.directory();
  if (tables.empty()) {
    auto found =
        find_damaged_tables(directory, store.database(), store.families(), look_at(store), false);
    if (!found) return std::move(found.error());
    tables = std::move(*found);
  }
  for (const DamagedTable& table : tables) {
    error.message += fmt::format("; {} ({}) cannot be opened: {}",
                                 (directory / table.file).string(), table.holds, table.why);
  }
  const std::string& text = error.message;
  if (const auto wal = wal_named_in(text, directory)) error.message += " It is " + wal->string();
  if (text.find("sequentially reading") != std::string::npos) {
    error.message += fmt::format("; {} names it", (directory / "CURRENT").string());
  }
  if (!tables.empty()) {
    error.code = Code::corrupt;
    error.message +=
        ". Opening it all the same (accept_loss) takes these out, and puts back every batch of "
        "events in them that is whole";
  }
  return error;
}

}  // namespace strandline
