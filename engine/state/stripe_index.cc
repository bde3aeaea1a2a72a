#include "engine/state/stripe_index.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "engine/api/batch.h"
#include "engine/format/stored_batch.h"

namespace strandline {
namespace {

// What is read where a match may be. Larger ones make the index smaller, and a match dearer.
constexpr size_t kChunkBytes = 32 << 10;
// A term in more than this share of the chunks is everywhere: a scan of the stripe costs no more.
constexpr size_t kChunksShare = 4;
// Types that are listed by name, for `order.*`; where there are more, they are terms.
constexpr size_t kTypesMax = 256;
constexpr size_t kTypesBytesMax = 8 << 10;

class Maker {
 public:
  void add(const EventKey& key, const StoredBatch& batch) {
    if (chunks_.empty() || chunk_bytes_ >= kChunkBytes) {
      chunks_.push_back({key.stream, key.first, 0});
      chunk_bytes_ = 0;
    }
    ++chunks_.back().batches;
    chunk_bytes_ += batch.value().size();
    for (Part part = batch.first_part();; part = batch.part_after(part)) {
      add(part);
      if (part.first + part.count == batch.next()) return;
    }
  }

  StripeIndex finish(StripeId stripe, Sequence first, Sequence next) {
    StripeIndex index{.stripe = stripe};
    StripeSummary summary{.first = first, .next = next, .types_are_terms = types_are_terms_};
    for (auto& [type, chunks] : types_) {
      summary.types.emplace_back(type, postings_of(std::move(chunks)));
    }
    std::ranges::sort(summary.types, {}, [](const auto& type) { return type.first; });
    auto buckets = make_buckets();
    for (size_t i = 0; i < kTermBuckets; ++i) summary.buckets[i] = !buckets[i].empty();
    index.records.emplace_back(index_key(IndexKey::summary, stripe), encode(summary));
    index.records.emplace_back(index_key(IndexKey::chunks, stripe), encode(chunks_));
    for (size_t i = 0; i < kTermBuckets; ++i) {
      if (buckets[i].empty()) continue;
      index.records.emplace_back(index_key(static_cast<uint8_t>(i), stripe), encode(buckets[i]));
    }
    return index;
  }

 private:
  void add(const Part& part) {
    const auto* events = flatbuffers::GetRoot<schema::Batch>(part.flatbuffer.data())->events();
    for (const auto* event : *events) {
      if (const auto* type = event->type()) add_type({type->c_str(), type->size()});
      const auto* subject = event->subject();
      if (subject && subject->size() > 0) {
        add_term(TermKind::subject, {subject->c_str(), subject->size()}, chunk());
      }
    }
  }

  uint32_t chunk() const { return static_cast<uint32_t>(chunks_.size() - 1); }

  void add_type(std::string_view type) {
    if (types_are_terms_) return add_term(TermKind::type, type, chunk());
    auto found = types_.find(type);
    if (found == types_.end()) {
      types_bytes_ += type.size();
      if (types_.size() == kTypesMax || types_bytes_ > kTypesBytesMax) {
        for (const auto& [name, chunks] : types_) {
          for (const uint32_t one : chunks) add_term(TermKind::type, name, one);
        }
        types_.clear();
        types_are_terms_ = true;
        return add_term(TermKind::type, type, chunk());
      }
      found = types_.try_emplace(std::string(type)).first;
    }
    if (found->second.empty() || found->second.back() != chunk()) found->second.push_back(chunk());
  }

  void add_term(TermKind kind, std::string_view text, uint32_t chunk) {
    const Term term = term_of(kind, text);
    // In the order in which they are laid out.
    terms_.push_back(uint64_t{term.bucket} << 48 | uint64_t{term.rest} << 32 | chunk);
  }

  Postings postings_of(std::vector<uint32_t> chunks) const {
    if (chunks.size() > 1 && chunks.size() * kChunksShare > chunks_.size()) {
      return {.everywhere = true};
    }
    return {.chunks = std::move(chunks)};
  }

  std::array<BucketTerms, kTermBuckets> make_buckets() {
    std::array<BucketTerms, kTermBuckets> buckets;
    std::ranges::sort(terms_);
    const auto repeated = std::ranges::unique(terms_);
    terms_.erase(repeated.begin(), repeated.end());
    for (size_t i = 0; i < terms_.size();) {
      const uint64_t term = terms_[i] >> 32;
      std::vector<uint32_t> chunks;
      for (; i < terms_.size() && terms_[i] >> 32 == term; ++i) {
        chunks.push_back(static_cast<uint32_t>(terms_[i]));
      }
      BucketTerms& bucket = buckets[term >> 16];
      bucket.emplace_hint(bucket.end(), static_cast<uint16_t>(term),
                          postings_of(std::move(chunks)));
    }
    return buckets;
  }

  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, std::vector<uint32_t>, Hash, std::equal_to<>> types_;
  size_t types_bytes_ = 0;
  bool types_are_terms_ = false;
  std::vector<uint64_t> terms_;  // bucket, rest and chunk
  IndexChunks chunks_;
  size_t chunk_bytes_ = 0;
};

// The sequences of a stripe, which the log's own records in it have.
std::optional<std::pair<Sequence, Sequence>> sequences_of(const Store& store, StripeId stripe) {
  StoreIterator it = store.iterate(Family::events);
  EventKey key;
  it.seek(encode(EventKey{stripe, kLogStream, Offset(0)}));
  if (!it.valid() || !decode(it.key(), key)) return std::nullopt;
  if (key.stripe != stripe || key.stream != kLogStream) return std::nullopt;
  const Sequence first(key.first.value);
  it.seek_for_prev(encode(EventKey{stripe, kLogStream, Offset(UINT64_MAX)}));
  if (!it.valid() || !decode(it.key(), key)) return std::nullopt;
  if (StoredBatch::check(key, it.value())) return std::nullopt;
  return std::pair(first, Sequence(StoredBatch(key.stream, it.value()).next().value));
}

}  // namespace

std::optional<StripeIndex> StripeIndex::of(const Store& store, StripeId stripe) {
  const auto sequences = sequences_of(store, stripe);
  if (!sequences) return std::nullopt;
  Maker maker;
  uint64_t events = 0;
  StoreIterator it = store.read_through(Family::events);
  EventKey key;
  std::string value;  // a FlatBuffer is aligned here, and need not be in the store's own memory
  for (it.seek(encode(EventKey{stripe, kLogStream + 1, Offset(0)}));
       it.valid() && decode(it.key(), key) && key.stripe == stripe; it.next()) {
    if (StoredBatch::check(key, it.value())) return std::nullopt;
    value.assign(it.value());
    const StoredBatch batch(key.stream, value);
    maker.add(key, batch);
    events += batch.head().count;
  }
  // All that the log's own records count, or some are missing.
  if (it.damage() || events != sequences->second - sequences->first) return std::nullopt;
  return maker.finish(stripe, sequences->first, sequences->second);
}

}  // namespace strandline
