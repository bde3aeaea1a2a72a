#include "server/retry_headers.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace strandline::server {
namespace {

constexpr std::string_view kProducerId = "Producer-Id";
constexpr std::string_view kProducerEpoch = "Producer-Epoch";
constexpr std::string_view kProducerSeq = "Producer-Seq";
constexpr std::string_view kIdempotencyKey = "Idempotency-Key";

// The value of one that occurs at most once.
Parsed<std::optional<std::string_view>> one_header(const Call& call, std::string_view name) {
  std::optional<std::string_view> value;
  for (const Field& field : call.request.head.fields) {
    if (!same_ignoring_case(field.name, name)) continue;
    if (value) return std::unexpected(std::string(name) + " is there twice");
    value = field.value;
  }
  return value;
}

Parsed<uint64_t> number_in(std::string_view name, std::string_view value) {
  if (const auto number = parse_number(value)) return *number;
  return std::unexpected(std::string(name) + " is a whole number from 0 on");
}

// What is between the quotes; backslashes stand only before quotes and backslashes.
std::optional<std::string> quoted_string(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] < 0x20 || text[i] > 0x7E || text[i] == '"') return std::nullopt;
    if (text[i] == '\\') {
      if (++i == text.size() || (text[i] != '"' && text[i] != '\\')) return std::nullopt;
    }
    out += text[i];
  }
  return out;
}

// SHA-256, of pieces that are told apart by their lengths.
class Fingerprint {
 public:
  Fingerprint() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void add(std::string_view piece) {
    const uint64_t size = piece.size();
    EVP_DigestUpdate(context_.get(), &size, sizeof size);
    EVP_DigestUpdate(context_.get(), piece.data(), piece.size());
  }
  std::string finish() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes, &size);
    return {reinterpret_cast<const char*>(bytes), size};
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
};

std::string fingerprint_of(const Call& call) {
  const RequestHead& head = call.request.head;
  Fingerprint fingerprint;
  for (const std::string_view piece : {head.method, head.target, call.header("Content-Type")}) {
    fingerprint.add(piece);
  }
  for (const Field& field : head.fields) {
    // In CloudEvents' binary mode they are the event.
    if (field.name.size() < 3 || !same_ignoring_case(field.name.substr(0, 3), "ce-")) continue;
    fingerprint.add(field.name);
    fingerprint.add(field.value);
  }
  fingerprint.add(call.body());
  return fingerprint.finish();
}

}  // namespace

Parsed<std::optional<Producer>> parse_producer(const Call& call) {
  const auto id = one_header(call, kProducerId);
  if (!id) return std::unexpected(id.error());
  const auto epoch = one_header(call, kProducerEpoch);
  if (!epoch) return std::unexpected(epoch.error());
  const auto sequence = one_header(call, kProducerSeq);
  if (!sequence) return std::unexpected(sequence.error());
  if (!*id && !*epoch && !*sequence) return std::nullopt;
  if (!*id || !*epoch || !*sequence) {
    return std::unexpected("Producer-Id, Producer-Epoch and Producer-Seq go together");
  }
  const auto in_epoch = number_in(kProducerEpoch, **epoch);
  if (!in_epoch) return std::unexpected(in_epoch.error());
  const auto at = number_in(kProducerSeq, **sequence);
  if (!at) return std::unexpected(at.error());
  return Producer{.id = std::string(**id), .epoch = *in_epoch, .sequence = *at};
}

Parsed<std::optional<Idempotency>> parse_idempotency(const Call& call) {
  const auto said = one_header(call, kIdempotencyKey);
  if (!said) return std::unexpected(said.error());
  if (!*said) return std::nullopt;
  auto key = quoted_string(**said);
  if (!key || key->empty()) {
    return std::unexpected("Idempotency-Key is a string in quotes, such as \"8e03978e\"");
  }
  return Idempotency{.key = std::move(*key), .fingerprint = fingerprint_of(call)};
}

Parsed<> allow_retry_headers(const Call& call, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : {kProducerId, kProducerEpoch, kProducerSeq, kIdempotencyKey}) {
    if (std::ranges::find(names, name) != names.end()) continue;
    const auto there = one_header(call, name);
    if (there && !*there) continue;
    return std::unexpected(std::string(name) + " means nothing here" +
                           (name == kIdempotencyKey ? ""
                                                    : "; /v1/append has a \"producer\" in each of "
                                                      "its \"appends\""));
  }
  return {};
}

}  // namespace strandline::server
