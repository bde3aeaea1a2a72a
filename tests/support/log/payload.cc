#include "tests/support/log/payload.h"

#include <stdexcept>

namespace strandline::tests {

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a, then a mix, for FNV's low bits are poor
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ull;
  hash ^= hash >> 29;
  return hash * 0x9E3779B97F4A7C15ull;
}

Payload payload(std::string_view stream, std::string_view id) {
  static constexpr std::string_view kTypes[] = {"order.placed", "order.paid", "user.seen"};
  std::string name(stream);
  name.append("/").append(id);
  uint64_t state = hash_of(name);
  Payload made{.type = std::string(kTypes[(state >> 33) % 3]),
               .id = std::string(id),
               .subject = (state >> 40) % 4 == 0 ? "" : "about " + name,
               .data = {}};
  // Mostly small, now and then some kilobytes, as real events are.
  const uint64_t size = (state >> 20) % 16 == 0 ? (state >> 8) % 5000 : (state >> 8) % 200;
  while (made.data.size() < size) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    made.data.push_back(static_cast<char>(state >> 56));
  }
  return made;
}

Payload payload(std::string_view stream, Offset offset) {
  return payload(stream, std::to_string(offset.value));
}

Batch batch(std::string_view stream, const std::vector<std::string>& ids) {
  BatchBuilder builder;
  for (const std::string& id : ids) {
    const Payload made = payload(stream, id);
    const Status added = builder.add(made.event());
    if (!added) throw std::logic_error("a payload was refused: " + added.error().message);
  }
  return builder.finish().value();
}

Batch batch(std::string_view stream, Offset first, uint32_t count) {
  std::vector<std::string> ids;
  for (uint64_t i = 0; i < count; ++i) ids.push_back(std::to_string(first.value + i));
  return batch(stream, ids);
}

Batch batch_of_type(std::string_view type) { return Batch::of({{.type = type}}).value(); }

std::string difference(std::string_view stream, const Event& event) {
  const Payload wanted = payload(stream, event.id());
  const std::string place =
      std::string(stream) + " at " + std::to_string(event.offset.value) + ": ";
  if (event.type() != wanted.type) return place + "type " + std::string(event.type());
  if (event.subject() != wanted.subject) return place + "subject " + std::string(event.subject());
  if (event.form() != DataForm::binary) return place + "the data's form";
  if (event.data() != wanted.data) return place + "other data";
  return {};
}

std::string difference_at_offset(std::string_view stream, const Event& event) {
  if (event.id() != std::to_string(event.offset.value)) {
    return std::string(stream) + " at " + std::to_string(event.offset.value) + ": the event of " +
           std::string(event.id());
  }
  return difference(stream, event);
}

}  // namespace strandline::tests
