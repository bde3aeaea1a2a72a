#include "engine/proof/leaf.h"

#include <algorithm>
#include <cstring>

#include "engine/format/rebuilt_batch.h"
#include "engine/proof/merkle.h"

namespace strandline {
namespace {

constexpr uint8_t kEnvelope = 1;
constexpr uint8_t kData = 2;
constexpr char kEventEntry = 1;
constexpr char kGoneEntry = 2;

std::string_view view(const Salt& salt) {
  return {reinterpret_cast<const char*>(salt.data()), salt.size()};
}

void put_be(std::string& out, uint64_t n, size_t bytes) {
  for (size_t i = bytes; i-- > 0;) out += static_cast<char>(n >> (8 * i) & 0xFF);
}

uint64_t get_be(std::string_view bytes) {
  uint64_t n = 0;
  for (const char c : bytes) n = n << 8 | static_cast<uint8_t>(c);
  return n;
}

void put_attribute(std::string& out, std::string_view name, AttributeKind kind,
                   std::string_view text) {
  if (text.empty()) return;
  put_be(out, name.size(), 1);
  out += name;
  put_be(out, static_cast<uint64_t>(kind), 1);
  put_be(out, text.size(), 4);
  out += text;
}

std::string_view content_type_of(const Event& event) {
  const bool plain = event.datacontenttype().empty() && event.form() == DataForm::text;
  return plain ? "text/plain" : event.datacontenttype();
}

}  // namespace

Seed new_seed() {
  Seed seed;
  fill_random(seed.data(), seed.size());
  return seed;
}

EventSalts derive_salts(const Seed& seed, uint32_t place) {
  std::array<char, sizeof(Seed) + 4> bytes;
  std::memcpy(bytes.data(), seed.data(), seed.size());
  for (size_t i = 0; i < 4; ++i) {
    bytes[seed.size() + i] = static_cast<char>(place >> (24 - 8 * i) & 0xFF);
  }
  const Digest both = sha256({bytes.data(), bytes.size()});
  EventSalts salts;
  std::copy_n(both.begin(), kSaltBytes, salts.envelope.begin());
  std::copy_n(both.begin() + kSaltBytes, kSaltBytes, salts.data.begin());
  return salts;
}

Digest envelope_digest(const Event& event, const Salt& salt) {
  static thread_local std::string bytes;
  bytes.assign(1, static_cast<char>(kEnvelope));
  bytes += view(salt);
  const auto text = [&](std::string_view name, std::string_view value) {
    put_attribute(bytes, name, AttributeKind::text, value);
  };
  text("type", event.type());
  text("id", event.id());
  text("source", event.source());
  text("subject", event.subject());
  text("time", event.time());
  text("datacontenttype", content_type_of(event));
  text("dataschema", event.dataschema());
  std::vector<Attribute> others;
  event.for_each_attribute([&](const Attribute& one) {
    // The mark of what was erased is not the client's (rebuilt_batch.h).
    if (one.name != kErasedAttribute) others.push_back(one);
  });
  std::ranges::sort(others, {}, &Attribute::name);
  for (const Attribute& one : others) put_attribute(bytes, one.name, one.kind, one.text);
  return sha256(bytes);
}

Digest data_digest(DataForm form, std::string_view data, const Salt& salt) {
  std::array<char, 2 + kSaltBytes> head;
  head.front() = static_cast<char>(kData);
  std::memcpy(head.data() + 1, salt.data(), salt.size());
  head.back() = static_cast<char>(form);
  return Sha256().add({head.data(), head.size()}).add(data).finish();
}

EventDigests digests_of(const Event& event, const EventSalts& salts) {
  return {.envelope = envelope_digest(event, salts.envelope),
          .data = data_digest(event.form(), event.data(), salts.data)};
}

std::shared_ptr<const BatchDigests> digest_batch(const Batch& batch) {
  auto digests = std::make_shared<BatchDigests>();
  digests->seed = new_seed();
  digests->events.reserve(batch.count());
  const auto* events = batch.root().events();
  for (uint32_t i = 0; i < batch.count(); ++i) {
    const Event event(events->Get(i), Offset(0), Sequence(0), Timestamp{0});
    digests->events.push_back(digests_of(event, derive_salts(digests->seed, i)));
  }
  return digests;
}

namespace {

using EntryBytes = std::array<char, kLeafEntryBytes>;

EntryBytes entry_bytes(Offset offset, Timestamp stored, const EventDigests& digests) {
  EntryBytes entry;
  entry[0] = kEventEntry;
  const auto put = [&](size_t at, uint64_t n) {
    n = __builtin_bswap64(n);
    std::memcpy(entry.data() + at, &n, sizeof n);
  };
  put(1, offset.value);
  put(9, static_cast<uint64_t>(stored.us));
  std::memcpy(entry.data() + 17, digests.envelope.data(), sizeof(Digest));
  std::memcpy(entry.data() + 49, digests.data.data(), sizeof(Digest));
  return entry;
}

}  // namespace

std::string entry_of(Offset offset, Timestamp stored, const EventDigests& digests) {
  const EntryBytes entry = entry_bytes(offset, stored, digests);
  return {entry.data(), entry.size()};
}

Digest leaf_of(Offset offset, Timestamp stored, const EventDigests& digests) {
  const EntryBytes entry = entry_bytes(offset, stored, digests);
  return hash_leaf({entry.data(), entry.size()});
}

std::string entry_of_gone() { return std::string(1, kGoneEntry); }

std::optional<LeafEntry> parse_entry(std::string_view entry) {
  if (entry.size() != kLeafEntryBytes || entry[0] != kEventEntry) return std::nullopt;
  return LeafEntry{.offset = Offset(get_be(entry.substr(1, 8))),
                   .stored = {static_cast<int64_t>(get_be(entry.substr(9, 8)))},
                   .digests = {.envelope = digest_from(entry.substr(17, 32)),
                               .data = digest_from(entry.substr(49, 32))}};
}

}  // namespace strandline
