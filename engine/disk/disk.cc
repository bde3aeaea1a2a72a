#include "engine/disk/disk.h"

#include <rocksdb/file_system.h>

#include "engine/base/mutation.h"
#include "engine/disk/access.h"

namespace strandline {
namespace {

rocksdb::FileSystem& fs_of(const std::shared_ptr<void>& file_system) {
  return *static_cast<rocksdb::FileSystem*>(file_system.get());
}

Status status_of(const rocksdb::IOStatus& status, const std::filesystem::path& path) {
  if (status.ok()) return {};
  if (const auto why = withheld_in(status.ToString())) {
    return std::unexpected(inaccessible_file(path, *why));
  }
  return fail(Code::io, path.string() + ": " + status.ToString());
}

const rocksdb::IOOptions kIo;

}  // namespace

Disk::Disk(const Options& options)
    : file_system_(options.file_system
                       ? options.file_system
                       : std::static_pointer_cast<void>(rocksdb::FileSystem::Default())) {}

Result<bool> Disk::exists(const std::filesystem::path& path) const {
  auto status = fs_of(file_system_).FileExists(path.string(), kIo, nullptr);
  if (status.IsNotFound()) {
    // RocksDB says so of what it may not look at, too.
    uint64_t bytes = 0;
    status = fs_of(file_system_).GetFileSize(path.string(), kIo, &bytes, nullptr);
    if (!status.ok() && !withheld_in(status.ToString())) return false;
  }
  if (auto ok = status_of(status, path); !ok) return std::unexpected(std::move(ok.error()));
  return true;
}

Result<bool> Disk::is_directory(const std::filesystem::path& path) const {
  bool is = false;
  const auto status = fs_of(file_system_).IsDirectory(path.string(), kIo, &is, nullptr);
  if (status.ok()) return is;
  if (!withheld_in(status.ToString())) return false;
  return std::unexpected(status_of(status, path).error());
}

Result<std::vector<std::string>> Disk::list(const std::filesystem::path& directory) const {
  std::vector<std::string> names;
  const auto status = fs_of(file_system_).GetChildren(directory.string(), kIo, &names, nullptr);
  if (auto ok = status_of(status, directory); !ok) return std::unexpected(std::move(ok.error()));
  std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
  return names;
}

Result<std::string> Disk::read(const std::filesystem::path& file) const {
  std::string bytes;
  const auto status = rocksdb::ReadFileToString(&fs_of(file_system_), file.string(), &bytes);
  if (auto ok = status_of(status, file); !ok) return std::unexpected(std::move(ok.error()));
  return bytes;
}

Result<uint64_t> Disk::size(const std::filesystem::path& file) const {
  uint64_t bytes = 0;
  const auto status = fs_of(file_system_).GetFileSize(file.string(), kIo, &bytes, nullptr);
  if (status.ok()) return bytes;
  if (!withheld_in(status.ToString())) return 0;
  return std::unexpected(status_of(status, file).error());
}

Status Disk::sync_directory(const std::filesystem::path& directory) const {
  if (mutated(Mutation::directory_sync_missing)) return {};
  std::unique_ptr<rocksdb::FSDirectory> opened;
  auto status = fs_of(file_system_).NewDirectory(directory.string(), kIo, &opened, nullptr);
  if (status.ok()) status = opened->Fsync(kIo, nullptr);
  return status_of(status, directory);
}

Status Disk::create_directory(const std::filesystem::path& directory) const {
  return status_of(fs_of(file_system_).CreateDirIfMissing(directory.string(), kIo, nullptr),
                   directory);
}

std::optional<Error> locked_error(std::string_view status, std::string_view what) {
  // The texts of its posix file system (7.8.3).
  if (status.find("lock file") == status.npos && status.find("lock hold by") == status.npos) {
    return std::nullopt;
  }
  return Error{.code = Code::locked,
               .message = std::string(what) +
                          ": another process (or another log in this one) owns this directory, "
                          "and one at a time may write to it"};
}

Result<std::shared_ptr<void>> Disk::lock(const std::filesystem::path& file) const {
  // It knows the locks of this process by their names.
  std::error_code error;
  const auto directory = std::filesystem::canonical(file.parent_path(), error);
  const auto path = error ? file : directory / file.filename();
  rocksdb::FileLock* held = nullptr;
  const auto status = fs_of(file_system_).LockFile(path.string(), kIo, &held, nullptr);
  if (auto locked = locked_error(status.ToString(), file.parent_path().string())) {
    return std::unexpected(std::move(*locked));
  }
  if (auto ok = status_of(status, file); !ok) return std::unexpected(std::move(ok.error()));
  return std::shared_ptr<void>(held, [file_system = file_system_](void* lock) {
    // A process that ends lets go of it as well.
    (void)fs_of(file_system).UnlockFile(static_cast<rocksdb::FileLock*>(lock), kIo, nullptr);
  });
}

Status Disk::remove(const std::filesystem::path& file) const {
  return status_of(fs_of(file_system_).DeleteFile(file.string(), kIo, nullptr), file);
}

Status Disk::replace(const std::filesystem::path& file, std::string_view bytes) const {
  const std::string temporary = file.string() + ".tmp";
  std::unique_ptr<rocksdb::FSWritableFile> out;
  rocksdb::FileSystem& fs = fs_of(file_system_);
  auto status = fs.NewWritableFile(temporary, rocksdb::FileOptions(), &out, nullptr);
  if (status.ok()) status = out->Append(rocksdb::Slice(bytes.data(), bytes.size()), kIo, nullptr);
  if (status.ok()) status = out->Fsync(kIo, nullptr);
  if (status.ok()) status = out->Close(kIo, nullptr);
  if (auto ok = status_of(status, temporary); !ok) return ok;
  if (auto ok = status_of(fs.RenameFile(temporary, file.string(), kIo, nullptr), file); !ok) {
    return ok;
  }
  return sync_directory(file.parent_path());
}

Status Disk::overwrite(const std::filesystem::path& file, uint64_t at,
                       std::string_view bytes) const {
  std::unique_ptr<rocksdb::FSRandomRWFile> out;
  auto status =
      fs_of(file_system_).NewRandomRWFile(file.string(), rocksdb::FileOptions(), &out, nullptr);
  if (status.ok()) {
    status = out->Write(at, rocksdb::Slice(bytes.data(), bytes.size()), kIo, nullptr);
  }
  if (status.ok()) status = out->Fsync(kIo, nullptr);
  if (status.ok()) status = out->Close(kIo, nullptr);
  return status_of(status, file);
}

Status Disk::truncate(const std::filesystem::path& file, uint64_t bytes) const {
  // FileSystem::Truncate is not there for the operating system's own.
  std::unique_ptr<rocksdb::FSWritableFile> out;
  auto status =
      fs_of(file_system_).ReopenWritableFile(file.string(), rocksdb::FileOptions(), &out, nullptr);
  if (status.ok()) status = out->Truncate(bytes, kIo, nullptr);
  if (status.ok()) status = out->Fsync(kIo, nullptr);
  if (status.ok()) status = out->Close(kIo, nullptr);
  return status_of(status, file);
}

}  // namespace strandline
