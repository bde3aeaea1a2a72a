#include "bench/bare_rocksdb.h"

#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>

#include "bench/payload.h"
#include "bench/process.h"
#include "engine/format/keys.h"
#include "engine/format/stored_batch.h"
#include "engine/store/store_options.h"

namespace strandline::bench {
namespace {

const std::atomic<uint64_t> kFirstLive{0};  // nothing is ever dropped here
constexpr size_t kStoredCountAt = 4;        // where a stored batch says how many events it has

void must_be_ok(const rocksdb::Status& status) {
  if (!status.ok()) throw Failure("bare RocksDB: " + status.ToString());
}

rocksdb::Options bare_options(const std::filesystem::path& directory) {
  const Options log;
  rocksdb::Options options(database_options(log, directory), events_options(log, &kFirstLive));
  // One family: there is no second log file whose tracking could raise an alarm.
  options.track_and_verify_wals_in_manifest = false;
  // The log flushes by its own count; the loop leaves it to RocksDB, at the same number of bytes.
  options.write_buffer_size = kFlushBytes;
  return options;
}

// Where in a log's directory RocksDB lives.
std::filesystem::path database_below(const std::filesystem::path& directory) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (file.path().filename() == "CURRENT") return file.path().parent_path();
  }
  throw Failure("no database below " + directory.string());
}

}  // namespace

BareWriter::BareWriter(const std::filesystem::path& directory) {
  rocksdb::DB* db = nullptr;
  must_be_ok(rocksdb::DB::Open(bare_options(directory), directory.string(), &db));
  db_.reset(db);
}

double BareWriter::append(std::span<const Batch> batches, uint32_t streams, uint32_t group_batches,
                          double seconds) {
  static constexpr std::array<char, kStoredHeadBytes + kPartHeadBytes> kPrefix{};
  const uint64_t segment_bytes_max = Options().segment_bytes_max;
  const uint64_t stripe_bytes_max = Options().stripe_bytes_max;
  std::vector<uint64_t> next_offsets(streams, 0);
  rocksdb::WriteOptions durable;
  durable.sync = true;
  rocksdb::WriteBatch group;
  uint64_t events = 0, bytes = 0, n = 0;
  const double begin = now_s();
  double now = begin;
  for (; now - begin < seconds; now = now_s()) {
    group.Clear();
    for (uint32_t i = 0; i < group_batches; ++i, ++n) {
      const Batch& batch = batches[n % batches.size()];
      const uint64_t stream = n % streams;
      const SegmentId segment(1 + bytes / segment_bytes_max);
      const uint64_t stripe = bytes % segment_bytes_max / stripe_bytes_max;
      const std::string key = encode(EventKey{.stripe = first_stripe(segment) + stripe,
                                              .stream = StreamId(stream + 1),
                                              .first = Offset(next_offsets[stream])});
      const rocksdb::Slice key_part(key);
      const rocksdb::Slice value_parts[] = {{kPrefix.data(), kPrefix.size()},
                                            {batch.bytes().data(), batch.bytes().size()}};
      must_be_ok(group.Put(db_->DefaultColumnFamily(), rocksdb::SliceParts(&key_part, 1),
                           rocksdb::SliceParts(value_parts, 2)));
      next_offsets[stream] += batch.count();
      events += batch.count();
      bytes += batch.bytes().size();
    }
    must_be_ok(db_->Write(durable, &group));
  }
  return static_cast<double>(events) / (now - begin);
}

BareReader::BareReader(const std::filesystem::path& directory) {
  const std::string database = database_below(directory).string();
  const Options log;
  std::vector<std::string> names;
  const rocksdb::DBOptions options = database_options(log, database);
  must_be_ok(rocksdb::DB::ListColumnFamilies(options, database, &names));
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const std::string& name : names) {
    descriptors.emplace_back(name, events_options(log, &kFirstLive));
  }
  rocksdb::DB* db = nullptr;
  must_be_ok(rocksdb::DB::OpenForReadOnly(options, database, descriptors, &families_, &db));
  db_.reset(db);
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    if (family->GetName() == "events") events_.reset(db_->NewIterator({}, family));
  }
  if (!events_) throw Failure("no family of events in " + database);
  for (StripeId stripe(0);; stripe += 1) {
    events_->Seek(encode(EventKey{.stripe = stripe}));
    if (!events_->Valid()) break;
    const rocksdb::Slice key = events_->key();
    stripe = StripeId(get_be64({key.data(), key.size()}, 0));
    stripes_.push_back(stripe);
  }
  must_be_ok(events_->status());
}

BareReader::~BareReader() {
  events_.reset();
  for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family);
}

BareReader::Scanned BareReader::scan(uint64_t stream) {
  Scanned scanned;
  for (const StripeId stripe : stripes_) {
    const std::string first = encode(EventKey{.stripe = stripe, .stream = StreamId(stream)});
    const rocksdb::Slice of_stream(first.data(), 2 * sizeof(uint64_t));
    for (events_->Seek(first); events_->Valid() && events_->key().starts_with(of_stream);
         events_->Next()) {
      take(events_->value(), scanned);
    }
    must_be_ok(events_->status());
  }
  return scanned;
}

BareReader::Scanned BareReader::scan_all() {
  Scanned scanned;
  EventKey key;
  for (events_->SeekToFirst(); events_->Valid(); events_->Next()) {
    if (!decode({events_->key().data(), events_->key().size()}, key)) break;
    if (key.stream != kLogStream) take(events_->value(), scanned);
  }
  must_be_ok(events_->status());
  return scanned;
}

void BareReader::take(const rocksdb::Slice& value, Scanned& scanned) {
  scanned.events += get_le<uint32_t>({value.data(), value.size()}, kStoredCountAt);
  scanned.bytes += value.size();
  scanned.sum += sum_words({value.data(), value.size()});
}

}  // namespace strandline::bench
