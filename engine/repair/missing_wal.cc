#include "engine/repair/missing_wal.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "engine/repair/damaged_tables.h"

namespace strandline {

namespace fs = std::filesystem;

std::optional<fs::path> wal_named_in(std::string_view refusal, const fs::path& store_directory) {
  constexpr std::string_view kWal = "WAL with log number: ";
  const size_t at = refusal.find(kWal);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string number(refusal.substr(at + kWal.size()));
  return store_directory / fmt::format("{:06}.log", std::strtoull(number.c_str(), nullptr, 10));
}

Result<std::vector<std::string>> note_missing_wals(const fs::path& store_directory,
                                                   const std::vector<fs::path>& wals) {
  std::vector<std::string> told;
  for (const fs::path& file : wals) {
    auto ok = keep_aside(store_directory, file.filename().string(), Aside::records, "");
    if (ok) ok = begin_repair(store_directory);
    if (!ok) return std::unexpected(std::move(ok.error()));
    told.push_back(file.string() + " is missing: what it held and no table holds is lost");
  }
  return told;
}

}  // namespace strandline
