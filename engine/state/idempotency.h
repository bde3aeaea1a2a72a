// Idempotency keys (the IETF's draft-ietf-httpapi-idempotency-key-header): a request that is sent
// again with the key of an answered one gets that answer, for as long as it is kept (expiring.h).
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/api/error.h"
#include "engine/state/streams.h"

namespace strandline {

struct Idempotency;
struct Outcome;

// The keys of requests that are not answered yet, from when they are submitted. *Threads*: any.
class KeysInFlight {
 public:
  Status enter(const Idempotency& request);  // or in_flight, or reused
  void leave(const std::string& key);

 private:
  std::mutex mutex_;                                           // guards fingerprints_
  std::unordered_map<std::string, std::string> fingerprints_;  // by key
};

Error reused_key(const std::string& key);

// What is kept of an answer: stored time i64, fingerprint bytes u8, parts u32, the fingerprint,
// then of each part: stream u64, first offset u64, sequence u64, count u32.
std::string encode_answer(const Streams& streams, std::string_view fingerprint,
                          const Outcome& outcome);
// False for what does not parse.
bool decode_answer(const Streams& streams, std::string_view bytes, std::string_view& fingerprint,
                   Outcome& outcome);

}  // namespace strandline
