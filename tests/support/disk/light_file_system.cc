#include "tests/support/disk/light_file_system.h"

#include <rocksdb/file_system.h>

namespace strandline::tests {

namespace {

class LightFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;
  void SetPreallocationBlockSize(size_t) override {}
  void PrepareWrite(size_t, size_t, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {}
};

class LightFileSystem : public rocksdb::FileSystemWrapper {
 public:
  LightFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "strandline.light"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    auto status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    if (status.ok()) *file = std::make_unique<LightFile>(std::move(*file));
    return status;
  }
};

}  // namespace

std::shared_ptr<void> light_file_system() {
  return std::static_pointer_cast<rocksdb::FileSystem>(std::make_shared<LightFileSystem>());
}

}  // namespace strandline::tests
