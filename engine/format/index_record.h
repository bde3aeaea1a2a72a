// What the index family holds of a sealed stripe: the types and the subjects of its events, and in
// which of its chunks they are.
//
//   1, stripe u64             -> summary: its sequences, its types and where they are
//   2, stripe u64             -> chunks
//   3, bucket u8, stripe u64  -> terms: 16 bits of a hash each, and where
//
// A *chunk* is a run of a stripe's batches in the order of their keys, of about 32 KiB: what is
// read where a type or a subject may be. A *term* is a type or a subject. Its hash says the bucket
// (7 bits) and which of the bucket's terms it is (16 bits): whoever looks one up reads a chunk now
// and then for nothing, and finds out there. FORMAT.md has the grammar and a worked example.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/api/types.h"
#include "engine/format/keys.h"

namespace strandline {

inline constexpr uint8_t kIndexVersion = 1;
inline constexpr size_t kTermBuckets = 128;

enum class IndexKey : char { summary = 1, chunks = 2, terms = 3 };

std::string index_key(IndexKey kind, StripeId stripe);   // of a summary, or chunks
std::string index_key(uint8_t bucket, StripeId stripe);  // of terms
// Of a summary; false where it is no such key.
bool decode_summary_key(std::string_view key, StripeId& stripe);
// Of terms.
bool decode_terms_key(std::string_view key, uint8_t& bucket, StripeId& stripe);

// In which chunks: ascending; or in so many that looking them up is worth nothing.
struct Postings {
  bool everywhere = false;
  std::vector<uint32_t> chunks = {};  // none where everywhere

  bool operator==(const Postings&) const = default;
};

struct StripeSummary {
  Sequence first;  // [first, next) are its events
  Sequence next;
  // They are too many to be listed: they are terms.
  bool types_are_terms = false;
  std::vector<std::pair<std::string, Postings>> types = {};  // each once, sorted
  std::bitset<kTermBuckets> buckets = {};                    // that have a record
};
std::string encode(const StripeSummary& summary);
bool decode(std::string_view bytes, StripeSummary& summary);

struct IndexChunk {
  StreamId stream;  // of its first batch
  Offset first;
  uint32_t batches;  // at least 1
};
using IndexChunks = std::vector<IndexChunk>;
std::string encode(const IndexChunks& chunks);
bool decode(std::string_view bytes, IndexChunks& chunks);

enum class TermKind : char { type = 't', subject = 's' };
struct Term {
  uint8_t bucket;
  uint16_t rest;
  auto operator<=>(const Term&) const = default;
};
Term term_of(TermKind kind, std::string_view text);

using BucketTerms = std::map<uint16_t, Postings>;  // of one bucket, by the hash's rest
std::string encode(const BucketTerms& terms);
bool decode(std::string_view bytes, BucketTerms& terms);
// Where one of them is; false where the record does not parse so far.
bool find_term(std::string_view bytes, uint16_t rest, Postings& postings);

}  // namespace strandline
