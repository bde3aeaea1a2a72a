#include "engine/wal_end.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "engine/crc32c.h"
#include "engine/keys.h"

namespace strandline {
namespace {

constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeadBytes = 7;

std::vector<std::filesystem::path> wal_files(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".log") files.push_back(entry.path());
  }
  // Their names are numbers, padded with zeros.
  std::ranges::sort(files);
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

Result<WalEnds> look_at_wals(const std::filesystem::path& store_directory) {
  WalEnds ends;
  const auto files = wal_files(store_directory);
  const auto size_of = [](const std::filesystem::path& file) -> uint64_t {
    std::error_code gone;  // by its owner, meanwhile: then it holds nothing to replay
    const auto bytes = std::filesystem::file_size(file, gone);
    return gone ? 0 : bytes;
  };
  for (const auto& file : files) ends.bytes += size_of(file);
  // The newest that holds anything: RocksDB may have made an empty one after it.
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    std::ifstream in(*file, std::ios::binary);
    std::string bytes(size_of(*file), '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<size_t>(in.gcount()));
    if (bytes.empty()) continue;
    ends.torn_bytes = bytes.size() - whole_bytes(bytes);
    break;
  }
  return ends;
}

Status sync_wals(const std::filesystem::path& store_directory) {
  auto paths = wal_files(store_directory);
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
