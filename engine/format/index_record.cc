#include "engine/format/index_record.h"

#include <limits>

#include "engine/base/varint.h"

namespace strandline {
namespace {

constexpr size_t kSummaryKeyBytes = 9;
constexpr size_t kTermsKeyBytes = 10;
constexpr size_t kSummaryHeadBytes = 2 + 2 * sizeof(uint64_t) + kTermBuckets / 8;

// A number that fits, in no more bytes than it takes: what is decoded is written again as it was.
template <class T>
bool take_number(std::string_view& bytes, T& number) {
  const std::string_view before = bytes;
  const auto taken = take_varint(bytes);
  if (!taken || *taken > std::numeric_limits<T>::max()) return false;
  const size_t length = before.size() - bytes.size();
  if (length > 1 && before[length - 1] == 0) return false;
  number = static_cast<T>(*taken);
  return true;
}

// The distance to the one before, from 1, twice; and 1 more if another follows. A first distance
// of 0 is everywhere.
void put_postings(std::string& out, const Postings& postings) {
  if (postings.everywhere) return put_varint(out, 0);
  uint64_t before = 0;  // one past the chunk before
  for (size_t i = 0; i < postings.chunks.size(); ++i) {
    const uint64_t distance = postings.chunks[i] + 1 - before;
    put_varint(out, distance << 1 | (i + 1 < postings.chunks.size() ? 1 : 0));
    before = postings.chunks[i] + uint64_t{1};
  }
}

bool take_postings(std::string_view& bytes, Postings& postings) {
  postings.everywhere = false;
  postings.chunks.clear();  // keeps its memory: many are passed over
  uint64_t before = 0;
  while (true) {
    uint64_t number;
    if (!take_number(bytes, number)) return false;
    const uint64_t distance = number >> 1;
    if (number == 0 && postings.chunks.empty()) return postings.everywhere = true;
    if (distance == 0 || distance > UINT32_MAX || before + distance > UINT32_MAX) return false;
    before += distance;
    postings.chunks.push_back(static_cast<uint32_t>(before - 1));
    if (!(number & 1)) return true;
  }
}

// FNV-1a, and murmur's final mix: what it is on disk must not change with a library.
uint64_t hash_of_term(TermKind kind, std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325ull;
  const auto add = [&](char c) { hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ull; };
  add(static_cast<char>(kind));
  for (const char c : text) add(c);
  hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCDull;
  hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53ull;
  return hash ^ (hash >> 33);
}

}  // namespace

std::string index_key(IndexKey kind, StripeId stripe) {
  std::string out(1, static_cast<char>(kind));
  put_be64(out, stripe.value);
  return out;
}
std::string index_key(uint8_t bucket, StripeId stripe) {
  std::string out{static_cast<char>(IndexKey::terms), static_cast<char>(bucket)};
  put_be64(out, stripe.value);
  return out;
}
bool decode_summary_key(std::string_view key, StripeId& stripe) {
  if (key.size() != kSummaryKeyBytes || key[0] != static_cast<char>(IndexKey::summary)) {
    return false;
  }
  stripe = StripeId(get_be64(key, 1));
  return true;
}
bool decode_terms_key(std::string_view key, uint8_t& bucket, StripeId& stripe) {
  if (key.size() != kTermsKeyBytes || key[0] != static_cast<char>(IndexKey::terms)) return false;
  bucket = static_cast<uint8_t>(key[1]);
  stripe = StripeId(get_be64(key, 2));
  return bucket < kTermBuckets;
}

std::string encode(const StripeSummary& summary) {
  std::string out;
  put_le<uint8_t>(out, kIndexVersion);
  put_le<uint8_t>(out, summary.types_are_terms ? 1 : 0);
  put_le<uint64_t>(out, summary.first.value);
  put_le<uint64_t>(out, summary.next.value);
  for (size_t i = 0; i < kTermBuckets; i += 8) {
    uint8_t bits = 0;
    for (size_t bit = 0; bit < 8; ++bit)
      bits |= static_cast<uint8_t>(summary.buckets[i + bit] << bit);
    put_le(out, bits);
  }
  for (const auto& [type, postings] : summary.types) {
    put_varint(out, type.size());
    out += type;
    put_postings(out, postings);
  }
  return out;
}
bool decode(std::string_view bytes, StripeSummary& summary) {
  if (bytes.size() < kSummaryHeadBytes || get_le<uint8_t>(bytes, 0) != kIndexVersion) return false;
  const auto flags = get_le<uint8_t>(bytes, 1);
  if (flags > 1) return false;
  summary = {.first = Sequence(get_le<uint64_t>(bytes, 2)),
             .next = Sequence(get_le<uint64_t>(bytes, 10)),
             .types_are_terms = flags == 1};
  if (summary.first >= summary.next) return false;
  for (size_t i = 0; i < kTermBuckets; ++i) {
    summary.buckets[i] = (static_cast<uint8_t>(bytes[18 + i / 8]) >> i % 8 & 1) != 0;
  }
  bytes.remove_prefix(kSummaryHeadBytes);
  while (!bytes.empty()) {
    size_t size;
    if (!take_number(bytes, size) || size > bytes.size()) return false;
    std::string type(bytes.substr(0, size));
    bytes.remove_prefix(size);
    if (!summary.types.empty() && summary.types.back().first >= type) return false;
    summary.types.emplace_back(std::move(type), Postings());
    if (!take_postings(bytes, summary.types.back().second)) return false;
  }
  return summary.types.empty() || !summary.types_are_terms;
}

// Of each chunk the distance of its stream from the one before's; its offset; its batches.
std::string encode(const IndexChunks& chunks) {
  std::string out;
  uint64_t stream = 0;
  for (const IndexChunk& chunk : chunks) {
    put_varint(out, chunk.stream.value - stream);
    put_varint(out, chunk.first.value);
    put_varint(out, chunk.batches);
    stream = chunk.stream.value;
  }
  return out;
}
bool decode(std::string_view bytes, IndexChunks& chunks) {
  chunks.clear();
  uint64_t stream = 0;
  while (!bytes.empty()) {
    uint64_t distance, first;
    uint32_t batches;
    if (!take_number(bytes, distance) || !take_number(bytes, first) ||
        !take_number(bytes, batches) || batches == 0 || distance > UINT64_MAX - stream) {
      return false;
    }
    stream += distance;
    const IndexChunk chunk{StreamId(stream), Offset(first), batches};
    if (!chunks.empty() && distance == 0 && first <= chunks.back().first.value) return false;
    chunks.push_back(chunk);
  }
  return true;
}

Term term_of(TermKind kind, std::string_view text) {
  const uint64_t hash = hash_of_term(kind, text);
  return {static_cast<uint8_t>(hash >> 57), static_cast<uint16_t>(hash >> 41)};
}

// Of each term the distance from one past the one before, and its postings.
std::string encode(const BucketTerms& terms) {
  std::string out;
  uint64_t next = 0;
  for (const auto& [rest, postings] : terms) {
    put_varint(out, rest - next);
    put_postings(out, postings);
    next = rest + uint64_t{1};
  }
  return out;
}

namespace {

bool take_term(std::string_view& bytes, uint64_t& next, Postings& postings) {
  uint64_t distance;
  if (!take_number(bytes, distance) || distance > UINT16_MAX || next + distance > UINT16_MAX) {
    return false;
  }
  next += distance + 1;
  return take_postings(bytes, postings);
}

}  // namespace

bool decode(std::string_view bytes, BucketTerms& terms) {
  terms.clear();
  for (uint64_t next = 0; !bytes.empty();) {
    Postings postings;
    if (!take_term(bytes, next, postings)) return false;
    terms.emplace_hint(terms.end(), static_cast<uint16_t>(next - 1), std::move(postings));
  }
  return true;
}

bool find_term(std::string_view bytes, uint16_t rest, Postings& postings) {
  for (uint64_t next = 0; !bytes.empty();) {
    if (!take_term(bytes, next, postings)) return false;
    if (next > rest) {
      if (next - 1 != rest) break;
      return true;
    }
  }
  postings = {};
  return true;
}

}  // namespace strandline
