#include "engine/store_error.h"

#include <fmt/format.h>
#include <rocksdb/status.h>

#include <string_view>
#include <utility>

#include "engine/access.h"
#include "engine/disk.h"
#include "engine/missing_wal.h"

namespace strandline {

Error error_of(const rocksdb::Status& status, const std::string& doing) {
  const std::string text = status.ToString();
  if (auto locked = locked_error(text, doing)) return std::move(*locked);
  if (const auto why = withheld_in(text)) return inaccessible(doing + ": " + text, *why);
  Code code = Code::io;
  if (status.IsCorruption()) code = Code::corrupt;
  return {.code = code, .message = doing + ": " + text};
}

Error refusal_of(const rocksdb::Status& status, const std::filesystem::path& directory,
                 const std::vector<DamagedTable>& tables) {
  Error error = error_of(status, "opening the store in " + directory.string());
  if (error.code == Code::inaccessible) return error;
  const std::string& text = error.message;
  for (const DamagedTable& table : tables) {
    error.message += fmt::format("; {} ({}) cannot be opened: {}",
                                 (directory / table.file).string(), table.holds, table.why);
  }
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
