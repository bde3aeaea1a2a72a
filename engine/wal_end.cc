#include "engine/wal_end.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "engine/crc32c.h"
#include "engine/keys.h"

namespace strandline {
namespace {

constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeadBytes = 7;

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

// How RocksDB disguises a checksum of bytes that contain checksums.
uint32_t unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xA282EAD8u;
  return (rotated >> 17) | (rotated << 15);
}

// The number of bytes up to the end of the last whole logical record.
size_t whole_bytes(std::string_view bytes) {
  size_t whole = 0;
  for (size_t at = 0; at + kHeadBytes <= bytes.size();) {
    const size_t left_in_block = kBlockBytes - at % kBlockBytes;
    if (left_in_block < kHeadBytes) {  // a block's last few bytes are zeros
      at += left_in_block;
      continue;
    }
    const size_t length = get_le<uint16_t>(bytes, at + 4);
    const uint8_t type = uint8_t(bytes[at + 6]);
    const size_t end = at + kHeadBytes + length;
    if (type == 0 || length + kHeadBytes > left_in_block || end > bytes.size()) break;
    // The checksum covers the type and the payload.
    const std::string_view covered = bytes.substr(at + 6, 1 + length);
    if (crc32c(covered) != unmask(get_le<uint32_t>(bytes, at))) break;
    at = end;
    constexpr uint8_t kFull = 1, kLast = 4;
    if (type == kFull || type == kLast || type > 4) whole = at;
  }
  return whole;
}

}  // namespace

Result<WalEnds> look_at_wals(const Disk& disk, const std::filesystem::path& store_directory) {
  WalEnds ends;
  const auto files = wal_files(disk, store_directory);
  if (!files) return std::unexpected(files.error());
  for (const auto& file : *files) ends.bytes += disk.size(file);
  // The newest that holds anything: RocksDB may have made an empty one after it.
  for (auto file = files->rbegin(); file != files->rend(); ++file) {
    if (disk.size(*file) == 0) continue;  // or removed by its owner, meanwhile
    const auto bytes = disk.read(*file);
    if (!bytes) return std::unexpected(bytes.error());
    ends.torn_bytes = bytes->size() - whole_bytes(*bytes);
    break;
  }
  return ends;
}

Status sync_wals(const Disk& disk, const std::filesystem::path& store_directory) {
  auto files = wal_files(disk, store_directory);
  if (!files) return std::unexpected(std::move(files.error()));
  auto paths = std::move(*files);
  paths.push_back(store_directory);  // the entries of the files themselves
  for (const auto& path : paths) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) continue;  // its contents are in a table file by now
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
