#include "engine/store/store_error.h"

#include <rocksdb/status.h>

#include <string_view>
#include <utility>

#include "engine/disk/access.h"
#include "engine/disk/disk.h"

namespace strandline {

Error error_of(const rocksdb::Status& status, const std::string& doing) {
  const std::string text = status.ToString();
  if (auto locked = locked_error(text, doing)) return std::move(*locked);
  if (const auto why = withheld_in(text)) return inaccessible(doing + ": " + text, *why);
  Code code = Code::io;
  if (status.IsCorruption()) code = Code::corrupt;
  return {.code = code, .message = doing + ": " + text};
}

}  // namespace strandline
