#include "bench/payload.h"

#include <cstdio>
#include <cstring>

#include "engine/base/check.h"

namespace strandline::bench {

uint64_t mixed(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

std::string payload(uint64_t number) {
  static constexpr char kLetters[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  static constexpr const char* kStatus[] = {"placed", "paid", "packed", "shipped"};
  const uint64_t bits = mixed(number);
  char head[kPayloadBytes];
  const int written = std::snprintf(
      head, sizeof head,
      R"({"order":%llu,"customer":"c-%06llx","status":"%s","total":%llu.%02llu,"currency":"EUR",)"
      R"("items":[{"sku":"%05llu","count":%llu}],"token":")",
      static_cast<unsigned long long>(number), static_cast<unsigned long long>(bits & 0xffffff),
      kStatus[bits >> 62], static_cast<unsigned long long>(bits >> 24 & 0x3ff),
      static_cast<unsigned long long>((bits >> 34) % 100),
      static_cast<unsigned long long>((bits >> 40) % 100'000),
      static_cast<unsigned long long>(1 + (bits >> 60)));
  std::string data(head, static_cast<size_t>(written));
  uint64_t random = 0;
  for (size_t i = 0; i < 80; ++i) {
    if (i % 10 == 0) random = mixed(bits + i);
    data += kLetters[random & 63];
    random >>= 6;
  }
  data += R"(","note":")";
  static constexpr char kNote[] =
      "leave it with the neighbours, please, if there is nobody at home, and ring twice";
  const size_t left = kPayloadBytes - data.size() - 2;
  CHECK_LE(left, sizeof kNote - 1);
  data.append(kNote, left);
  data += "\"}";
  CHECK_EQ(data.size(), kPayloadBytes);
  return data;
}

const char* event_type(uint64_t number) {
  static constexpr const char* kTypes[] = {"order.placed", "order.paid", "order.packed",
                                           "order.shipped"};
  return kTypes[number % 4];
}

Batch batch_of(uint64_t first, uint32_t count, DataForm form) {
  BatchBuilder builder;
  for (uint64_t number = first; number < first + count; ++number) {
    const std::string data = payload(number);
    const Status added =
        builder.add(NewEvent{.type = event_type(number), .form = form, .data = data});
    CHECK_TRUE(added.has_value());
  }
  Result<Batch> batch = builder.finish();
  CHECK_TRUE(batch.has_value());
  return std::move(*batch);
}

std::vector<Batch> batches(size_t how_many, uint32_t events_each, DataForm form) {
  std::vector<Batch> made;
  made.reserve(how_many);
  for (size_t i = 0; i < how_many; ++i)
    made.push_back(batch_of(i * events_each, events_each, form));
  return made;
}

uint64_t sum_words(std::string_view bytes) {
  uint64_t sum = 0;
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= bytes.size(); at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    sum += word;
  }
  for (; at < bytes.size(); ++at) sum += static_cast<uint8_t>(bytes[at]);
  return sum;
}

}  // namespace strandline::bench
