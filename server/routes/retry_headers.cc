#include "server/routes/retry_headers.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/connection/route.h"
#include "server/http/media_type.h"
#include "server/routes/append_body.h"
#include "server/wire/http_binding.h"

namespace strandline::server {
namespace {

Parsed<uint64_t> number_in(const Call& call, Header header) {
  if (const auto number = parse_number(call.header(header))) return *number;
  return std::unexpected(std::string(known(header).name) + " is a whole number from 0 on");
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

// The body's type as far as it says how the body is read; in binary mode all of it is stored.
std::string type_of_body(const Call& call, bool binary) {
  const std::string_view said = call.header(Header::content_type);
  if (binary) return canonical_media_type(said);
  return is_json_body(call) ? std::string(kJson) : MediaType(said).essence();
}

// Two requests that ask for the same have the same, however they are spelt: their headers' case and
// order, percent-encoding, a Content-Encoding, headers that mean nothing here.
std::string fingerprint_of(const Call& call) {
  const bool binary = call.route.takes_binary_mode() && is_binary_event(call);
  Fingerprint fingerprint;
  const auto add_pairs = [&](std::vector<std::pair<std::string, std::string>> pairs) {
    std::ranges::sort(pairs);
    fingerprint.add(std::to_string(pairs.size()));
    for (const auto& [name, value] : pairs) {
      fingerprint.add(name);
      fingerprint.add(value);
    }
  };
  fingerprint.add(call.route.name);
  fingerprint.add(std::to_string(call.names.size()));
  for (const std::string& name : call.names) fingerprint.add(name);
  auto parameters = call.query.parameters();
  // The default means the same where it is left out.
  std::erase(parameters, std::pair<std::string, std::string>("durability", "fsync"));
  add_pairs(std::move(parameters));
  fingerprint.add(type_of_body(call, binary));
  std::vector<std::pair<std::string, std::string>> attributes;
  for (const Field& field : call.request.head.fields) {
    if (!binary || !is_event_attribute(field.name)) continue;
    // A value that cannot be decoded is refused later; an empty one is an absent one.
    std::string value = decode_attribute(field.value).value_or("");
    if (value.empty()) continue;
    attributes.emplace_back(field.name, std::move(value));
    std::ranges::transform(attributes.back().first, attributes.back().first.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 32) : c; });
  }
  add_pairs(std::move(attributes));
  fingerprint.add(call.body());
  return fingerprint.finish();
}

}  // namespace

Parsed<std::optional<Producer>> parse_producer(const Call& call) {
  const RequestHead& head = call.request.head;
  const bool id = head.has(Header::producer_id), epoch = head.has(Header::producer_epoch),
             sequence = head.has(Header::producer_seq);
  if (!id && !epoch && !sequence) return std::nullopt;
  if (!id || !epoch || !sequence) {
    return std::unexpected("Producer-Id, Producer-Epoch and Producer-Seq go together");
  }
  const auto in_epoch = number_in(call, Header::producer_epoch);
  if (!in_epoch) return std::unexpected(in_epoch.error());
  const auto at = number_in(call, Header::producer_seq);
  if (!at) return std::unexpected(at.error());
  return Producer{
      .id = std::string(call.header(Header::producer_id)), .epoch = *in_epoch, .sequence = *at};
}

Parsed<std::optional<Idempotency>> parse_idempotency(const Call& call) {
  if (!call.request.head.has(Header::idempotency_key)) return std::nullopt;
  auto key = quoted_string(call.header(Header::idempotency_key));
  if (!key || key->empty()) {
    return std::unexpected("Idempotency-Key is a string in quotes, such as \"8e03978e\"");
  }
  return Idempotency{.key = std::move(*key), .fingerprint = fingerprint_of(call)};
}

}  // namespace strandline::server
