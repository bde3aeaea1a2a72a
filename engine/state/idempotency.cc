#include "engine/state/idempotency.h"

#include <fmt/format.h>

#include "engine/state/commit_group.h"

namespace strandline {
namespace {

constexpr size_t kAnswerHeadBytes = 13;
constexpr size_t kAnswerPartBytes = 28;

}  // namespace

Error reused_key(const std::string& key) {
  return {.code = Code::reused,
          .message = fmt::format("the idempotency key \"{}\" stands for another request", key)};
}

Status KeysInFlight::enter(const Idempotency& request) {
  std::lock_guard lock(mutex_);
  const auto [at, fresh] = fingerprints_.emplace(request.key, request.fingerprint);
  if (fresh) return {};
  if (at->second != request.fingerprint) return std::unexpected(reused_key(request.key));
  return fail(Code::in_flight,
              fmt::format("the request with the idempotency key \"{}\" is not answered yet: try "
                          "again shortly",
                          request.key));
}

void KeysInFlight::leave(const std::string& key) {
  std::lock_guard lock(mutex_);
  fingerprints_.erase(key);
}

std::string encode_answer(const Streams& streams, std::string_view fingerprint,
                          const Outcome& outcome) {
  std::string out;
  out.reserve(kAnswerHeadBytes + fingerprint.size() + kAnswerPartBytes * outcome.appended.size());
  // One append is stored at one time.
  put_le<int64_t>(out, outcome.appended.empty() ? 0 : outcome.appended.front().stored.us);
  put_le<uint8_t>(out, static_cast<uint8_t>(fingerprint.size()));
  put_le<uint32_t>(out, static_cast<uint32_t>(outcome.appended.size()));
  out.append(fingerprint);
  for (const Appended& part : outcome.appended) {
    put_le<uint64_t>(out, streams.find(part.stream)->id.value);
    put_le<uint64_t>(out, part.first.value);
    put_le<uint64_t>(out, part.sequence.value);
    put_le<uint32_t>(out, static_cast<uint32_t>(part.next - part.first));
  }
  return out;
}

bool decode_answer(const Streams& streams, std::string_view bytes, std::string_view& fingerprint,
                   Outcome& outcome) {
  if (bytes.size() < kAnswerHeadBytes) return false;
  const Timestamp stored{get_le<int64_t>(bytes, 0)};
  const size_t hashed = get_le<uint8_t>(bytes, 8), parts = get_le<uint32_t>(bytes, 9);
  if (bytes.size() != kAnswerHeadBytes + hashed + kAnswerPartBytes * parts) return false;
  fingerprint = bytes.substr(kAnswerHeadBytes, hashed);
  outcome = {.retried = true};
  outcome.appended.reserve(parts);
  for (size_t at = kAnswerHeadBytes + hashed; at < bytes.size(); at += kAnswerPartBytes) {
    const Stream* stream = streams.find(StreamId(get_le<uint64_t>(bytes, at)));
    if (!stream) return false;
    const Offset first(get_le<uint64_t>(bytes, at + 8));
    outcome.appended.push_back({.stream = std::string(stream->name),
                                .first = first,
                                .next = first + get_le<uint32_t>(bytes, at + 24),
                                .sequence = Sequence(get_le<uint64_t>(bytes, at + 16)),
                                .stored = stored,
                                .durability = Durability::fsync,
                                .retried = true});
  }
  return true;
}

}  // namespace strandline
