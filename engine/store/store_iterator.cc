// StoreIterator: RocksDB's, in this project's words (store.h).
#include <rocksdb/iterator.h>

#include "engine/base/mutation.h"
#include "engine/store/store.h"

namespace strandline {
namespace {

std::string_view bytes_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace

StoreIterator::StoreIterator(std::unique_ptr<rocksdb::Iterator> iterator)
    : iterator_(std::move(iterator)) {}
StoreIterator::StoreIterator(StoreIterator&&) noexcept = default;
StoreIterator& StoreIterator::operator=(StoreIterator&&) noexcept = default;
StoreIterator::~StoreIterator() = default;
void StoreIterator::seek(std::string_view key) { iterator_->Seek({key.data(), key.size()}); }
void StoreIterator::seek_for_prev(std::string_view key) {
  iterator_->SeekForPrev({key.data(), key.size()});
}
void StoreIterator::seek_to_first() { iterator_->SeekToFirst(); }
void StoreIterator::next() { iterator_->Next(); }
bool StoreIterator::valid() const { return iterator_->Valid(); }
std::string_view StoreIterator::key() const { return bytes_of(iterator_->key()); }
std::string_view StoreIterator::value() const { return bytes_of(iterator_->value()); }
std::optional<std::string> StoreIterator::damage() const {
  const rocksdb::Status status = iterator_->status();
  if (status.ok() || mutated(Mutation::iterator_status_ignored)) return std::nullopt;
  return status.ToString();
}
bool StoreIterator::io_failed() const { return iterator_->status().IsIOError(); }

}  // namespace strandline
