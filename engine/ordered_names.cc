#include "engine/ordered_names.h"

#include <filesystem>

namespace strandline {
namespace {

class OrderedNames : public rocksdb::FileSystemWrapper {
 public:
  explicit OrderedNames(std::shared_ptr<rocksdb::FileSystem> under)
      : FileSystemWrapper(std::move(under)) {}
  const char* Name() const override { return "strandline.ordered-names"; }

  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    const std::filesystem::path target(to);
    if (target.filename() == "CURRENT") {
      std::unique_ptr<rocksdb::FSDirectory> directory;
      auto status = NewDirectory(target.parent_path().string(), options, &directory, debug);
      if (status.ok()) status = directory->Fsync(options, debug);
      if (!status.ok()) return status;
    }
    return FileSystemWrapper::RenameFile(from, to, options, debug);
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> with_ordered_names(
    std::shared_ptr<rocksdb::FileSystem> under) {
  return std::make_shared<OrderedNames>(std::move(under));
}

}  // namespace strandline
