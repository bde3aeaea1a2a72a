#include "engine/disk/file_copy.h"

#include <fmt/format.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "engine/base/crc32c.h"
#include "engine/disk/access.h"

namespace strandline {
namespace {

// What is written before the disk is asked to take it, as the store does it (store_options.cc).
constexpr uint64_t kPieceBytes = 256 << 10;

rocksdb::FileSystem& system_of(const std::shared_ptr<void>& file_system) {
  return *static_cast<rocksdb::FileSystem*>(file_system.get());
}

Status told(const rocksdb::IOStatus& status, const std::filesystem::path& path) {
  if (status.ok()) return {};
  const std::string text = status.ToString();
  if (const auto why = withheld_in(text)) return std::unexpected(inaccessible_file(path, *why));
  return fail(status.IsNoSpace() ? Code::disk_full : Code::io, path.string() + ": " + text);
}

const rocksdb::IOOptions kDefaults;

rocksdb::FileOptions file_options() {
  rocksdb::FileOptions options;
  options.strict_bytes_per_sync = true;
  options.allow_fallocate = false;
  return options;
}

}  // namespace

FileCopy::FileCopy(const Options& options, uint64_t bytes_per_second_max,
                   std::function<Status(uint64_t)> on_bytes)
    : file_system_(options.file_system
                       ? options.file_system
                       : std::static_pointer_cast<void>(rocksdb::FileSystem::Default())),
      bytes_per_second_max_(bytes_per_second_max),
      on_bytes_(std::move(on_bytes)) {}

Status FileCopy::took(uint64_t bytes) {
  bytes_ += bytes;
  if (bytes_per_second_max_ > 0) {
    const std::chrono::duration<double> due(static_cast<double>(bytes_) /
                                            static_cast<double>(bytes_per_second_max_));
    std::this_thread::sleep_until(
        begun_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(due));
  }
  return on_bytes_ ? on_bytes_(bytes) : Status();
}

Result<FileCopy::Copied> FileCopy::copy(const std::filesystem::path& from,
                                        const std::filesystem::path& to, uint64_t bytes) {
  rocksdb::FileSystem& files = system_of(file_system_);
  std::unique_ptr<rocksdb::FSSequentialFile> in;
  std::unique_ptr<rocksdb::FSWritableFile> out;
  Status ok = told(files.NewSequentialFile(from.string(), file_options(), &in, nullptr), from);
  if (ok) ok = told(files.NewWritableFile(to.string(), file_options(), &out, nullptr), to);
  if (!ok) return std::unexpected(std::move(ok.error()));
  Copied done;
  std::string scratch(kPieceBytes, '\0');
  while (done.bytes < bytes) {
    rocksdb::Slice piece;
    ok = told(in->Read(std::min(kPieceBytes, bytes - done.bytes), kDefaults, &piece, scratch.data(),
                       nullptr),
              from);
    if (ok && piece.empty()) {
      ok = fail(Code::corrupt,
                fmt::format("{}: it has {} bytes, and not {}", from.string(), done.bytes, bytes));
    }
    if (ok) ok = told(out->Append(piece, kDefaults, nullptr), to);
    if (ok) ok = told(out->RangeSync(done.bytes, piece.size(), kDefaults, nullptr), to);
    if (ok) ok = took(piece.size());
    if (!ok) return std::unexpected(std::move(ok.error()));
    done.crc32c = crc32c({piece.data(), piece.size()}, done.crc32c);
    done.bytes += piece.size();
  }
  ok = told(out->Fsync(kDefaults, nullptr), to);
  if (ok) ok = told(out->Close(kDefaults, nullptr), to);
  if (!ok) return std::unexpected(std::move(ok.error()));
  return done;
}

Result<FileCopy::Copied> FileCopy::checksum(const std::filesystem::path& file) {
  std::unique_ptr<rocksdb::FSSequentialFile> in;
  Status ok = told(
      system_of(file_system_).NewSequentialFile(file.string(), file_options(), &in, nullptr), file);
  if (!ok) return std::unexpected(std::move(ok.error()));
  Copied read;
  std::string scratch(kPieceBytes, '\0');
  while (true) {
    rocksdb::Slice piece;
    ok = told(in->Read(kPieceBytes, kDefaults, &piece, scratch.data(), nullptr), file);
    if (ok && piece.empty()) return read;
    if (ok) ok = took(piece.size());
    if (!ok) return std::unexpected(std::move(ok.error()));
    read.crc32c = crc32c({piece.data(), piece.size()}, read.crc32c);
    read.bytes += piece.size();
  }
}

Result<uint32_t> FileCopy::checksum_of_end(const std::filesystem::path& file, uint64_t file_bytes,
                                           uint64_t bytes) {
  std::unique_ptr<rocksdb::FSRandomAccessFile> in;
  const uint64_t wanted = std::min(file_bytes, bytes);
  std::string scratch(wanted, '\0');
  rocksdb::Slice end;
  Status ok =
      told(system_of(file_system_).NewRandomAccessFile(file.string(), file_options(), &in, nullptr),
           file);
  if (ok) {
    ok =
        told(in->Read(file_bytes - wanted, wanted, kDefaults, &end, scratch.data(), nullptr), file);
  }
  if (!ok) return std::unexpected(std::move(ok.error()));
  return crc32c({end.data(), end.size()});
}

Status FileCopy::write(const std::filesystem::path& file, const std::string& bytes) {
  return told(rocksdb::WriteStringToFile(&system_of(file_system_), bytes, file.string(), true),
              file);
}

Status FileCopy::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  return told(system_of(file_system_).RenameFile(from.string(), to.string(), kDefaults, nullptr),
              to);
}

Status FileCopy::remove_all(const std::filesystem::path& path) {
  rocksdb::FileSystem& files = system_of(file_system_);
  bool is_directory = false;
  if (!files.IsDirectory(path.string(), kDefaults, &is_directory, nullptr).ok()) return {};
  if (!is_directory) return told(files.DeleteFile(path.string(), kDefaults, nullptr), path);
  std::vector<std::string> names;
  Status ok = told(files.GetChildren(path.string(), kDefaults, &names, nullptr), path);
  for (const std::string& name : names) {
    if (ok && name != "." && name != "..") ok = remove_all(path / name);
  }
  return ok ? told(files.DeleteDir(path.string(), kDefaults, nullptr), path) : ok;
}

}  // namespace strandline
