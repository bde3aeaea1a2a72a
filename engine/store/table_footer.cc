#include "engine/store/table_footer.h"

#include <rocksdb/table.h>

#include <optional>
#include <string_view>

#include "engine/base/varint.h"
#include "engine/format/keys.h"

namespace strandline {
namespace {

// Of format_version 5: the checksum's type, two handles, version u32, magic u64.
constexpr size_t kFooterBytes = 53;
constexpr uint64_t kMagic = 0x88e241b785f4cff7;
constexpr uint32_t kVersion = 5;

struct Handle {
  uint64_t at, bytes;
};
// Nothing if it reaches out of the table.
std::optional<Handle> take_handle(std::string_view& bytes, uint64_t table_bytes) {
  const auto at = take_varint(bytes);
  const auto length = at ? take_varint(bytes) : std::nullopt;
  if (!length || *at > table_bytes || *length > table_bytes - *at) return std::nullopt;
  return Handle{*at, *length};
}

}  // namespace

const char* wrong_in_footer(const ReadTable& read, uint64_t table_bytes) {
  if (table_bytes < kFooterBytes) return nullptr;
  const std::string footer = read(table_bytes - kFooterBytes, kFooterBytes);
  if (footer.size() != kFooterBytes) return nullptr;
  // Where RocksDB only wants a table's properties it takes any magic number, and for one that it
  // does not know its blocks have no checksums.
  if (get_le<uint64_t>(footer, kFooterBytes - 8) != kMagic || footer[0] != rocksdb::kXXH3 ||
      get_le<uint32_t>(footer, kFooterBytes - 12) != kVersion) {
    return "its footer names another format than tables have";
  }
  std::string_view handles = std::string_view(footer).substr(1);
  const auto names_at = take_handle(handles, table_bytes);
  const auto index = names_at ? take_handle(handles, table_bytes) : std::nullopt;
  // The first is small: it names four or five blocks.
  constexpr uint64_t kNamesBytesMax = 64 << 10;
  // RocksDB would ask for as much memory, in a thread of its own.
  if (!index || names_at->bytes > kNamesBytesMax) return "its footer points out of it";
  const std::string names = read(names_at->at, names_at->bytes);
  constexpr std::string_view kProperties = "rocksdb.properties";
  const size_t name = names.find(kProperties);
  if (name == names.npos) return nullptr;
  std::string_view named = std::string_view(names).substr(name + kProperties.size());
  const auto properties = take_handle(named, table_bytes);
  if (!properties || properties->bytes < 4) return nullptr;
  // A block's last word: how many restart points it has, and in its top bit whether an index of
  // hashes follows.
  const std::string last = read(properties->at + properties->bytes - 4, 4);
  constexpr uint32_t kHashIndex = 1u << 31;
  if (last.size() == 4 && (get_le<uint32_t>(last, 0) & kHashIndex) != 0) {
    return "its properties are damaged";
  }
  return nullptr;
}

}  // namespace strandline
