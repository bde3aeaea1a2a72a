#include "engine/proof/batch_leaves.h"

#include <algorithm>
#include <cstring>

namespace strandline {
namespace {

constexpr size_t kSaltsBytes = 2 * kSaltBytes;
constexpr uint8_t kEnvelopeKept = 1;
constexpr uint8_t kDataKept = 2;

Seed seed_from(std::string_view bytes) {
  Seed seed;
  std::memcpy(seed.data(), bytes.data(), seed.size());
  return seed;
}

template <class Visit>  // void(part, its number)
void for_each_part(const StoredBatch& batch, Visit visit) {
  size_t number = 0;
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    visit(part, number++);
    if (part.first + part.count == batch.next()) return;
  }
}

void put_digest(std::string& out, const Digest& digest) { out += bytes_of(digest); }

// What the field says of each event.
struct KeptDigests {
  std::optional<Digest> envelope;
  std::optional<Digest> data;
};
std::vector<KeptDigests> kept_digests(const StoredBatch& batch) {
  std::vector<KeptDigests> kept(batch.head().count);
  std::string_view bytes = batch.field(BatchField::digests).value_or(std::string_view());
  constexpr size_t kHeadBytes = 5;
  const auto take = [&] {
    const Digest digest = digest_from(bytes.substr(0, sizeof(Digest)));
    bytes.remove_prefix(sizeof(Digest));
    return digest;
  };
  while (bytes.size() >= kHeadBytes) {
    const auto place = get_le<uint32_t>(bytes, 0);
    const auto which = static_cast<uint8_t>(bytes[4]);
    bytes.remove_prefix(kHeadBytes);
    const size_t digests = (which & kEnvelopeKept ? 1 : 0) + (which & kDataKept ? 1 : 0);
    if (place >= kept.size() || bytes.size() < digests * sizeof(Digest)) break;
    if (which & kEnvelopeKept) kept[place].envelope = take();
    if (which & kDataKept) kept[place].data = take();
  }
  return kept;
}

}  // namespace

std::optional<std::vector<EventSalts>> salts_of(const StoredBatch& batch,
                                                const std::optional<Seed>& kept) {
  const uint32_t count = batch.head().count;
  std::vector<EventSalts> salts(count);
  if (const auto field = batch.field(BatchField::salts)) {
    if (field->size() != count * kSaltsBytes) return std::nullopt;
    for (uint32_t i = 0; i < count; ++i) {
      const std::string_view both = field->substr(i * kSaltsBytes, kSaltsBytes);
      std::memcpy(salts[i].envelope.data(), both.data(), kSaltBytes);
      std::memcpy(salts[i].data.data(), both.data() + kSaltBytes, kSaltBytes);
    }
    return salts;
  }
  if (const auto field = batch.field(BatchField::seeds)) {
    bool whole = true;
    for_each_part(batch, [&](const Part& part, size_t number) {
      if (field->size() < (number + 1) * sizeof(Seed)) {
        whole = false;
        return;
      }
      const Seed seed = seed_from(field->substr(number * sizeof(Seed), sizeof(Seed)));
      for (uint32_t i = 0; i < part.count; ++i) {
        salts[part.first - batch.first() + i] = derive_salts(seed, i);
      }
    });
    return whole ? std::optional(std::move(salts)) : std::nullopt;
  }
  if (!kept) return std::nullopt;
  for (uint32_t i = 0; i < count; ++i) salts[i] = derive_salts(*kept, i);
  return salts;
}

DigestsOfBatch digests_of(const StoredBatch& batch, const std::optional<Seed>& kept) {
  DigestsOfBatch digests(batch.head().count);
  const auto salts = salts_of(batch, kept);
  if (!salts) return digests;
  const std::vector<KeptDigests> left = kept_digests(batch);
  for_each_part(batch, [&](const Part& part, size_t) {
    const uint64_t begin = part.first - batch.first();
    const auto* events =
        part.gone ? nullptr : flatbuffers::GetRoot<schema::Batch>(part.flatbuffer.data())->events();
    for (uint32_t i = 0; i < part.count; ++i) {
      const KeptDigests& stands = left[begin + i];
      auto& out = digests[begin + i];
      if (stands.envelope && stands.data) {
        out = EventDigests{*stands.envelope, *stands.data};
        continue;
      }
      if (!events) continue;
      const Event event(events->Get(i), part.first + i, part.sequence + i, batch.head().stored);
      out = digests_of(event, (*salts)[begin + i]);
      if (stands.envelope) out->envelope = *stands.envelope;
      if (stands.data) out->data = *stands.data;
    }
  });
  return digests;
}

BatchFields fields_without(const StoredBatch& batch, std::span<const Loss> losses,
                           const std::optional<Seed>& kept) {
  auto salts = salts_of(batch, kept);
  if (!salts) return {};
  const DigestsOfBatch digests = digests_of(batch, kept);
  std::vector<KeptDigests> left = kept_digests(batch);
  for (const Loss& loss : losses) {
    for (uint32_t i = 0; i < loss.count; ++i) {
      const uint64_t place = loss.first - batch.first() + i;
      if (!digests[place]) continue;
      left[place].data = digests[place]->data;
      (*salts)[place].data = {};
      if (loss.data_only) continue;
      left[place].envelope = digests[place]->envelope;
      (*salts)[place].envelope = {};
    }
  }
  std::string all_salts, all_digests;
  for (uint32_t i = 0; i < salts->size(); ++i) {
    const auto put = [&](const Salt& salt) {
      all_salts.append(reinterpret_cast<const char*>(salt.data()), salt.size());
    };
    put((*salts)[i].envelope);
    put((*salts)[i].data);
    const KeptDigests& stands = left[i];
    if (!stands.envelope && !stands.data) continue;
    put_le<uint32_t>(all_digests, i);
    all_digests +=
        static_cast<char>((stands.envelope ? kEnvelopeKept : 0) | (stands.data ? kDataKept : 0));
    if (stands.envelope) put_digest(all_digests, *stands.envelope);
    if (stands.data) put_digest(all_digests, *stands.data);
  }
  return {{BatchField::salts, std::move(all_salts)}, {BatchField::digests, std::move(all_digests)}};
}

}  // namespace strandline
