#include "tests/support/log/reader.h"

#include <stdexcept>

#include "tests/support/log/payload.h"
#include "tests/support/process/deadline.h"

namespace strandline::tests {

void Transcript::add(const Delivery& delivery) {
  if (const auto* run = std::get_if<Events>(&delivery)) {
    for (const Event event : *run) {
      events.push_back({.stream = std::string(run->stream()),
                        .offset = event.offset.value,
                        .sequence = event.sequence.value,
                        .stored_us = event.stored.us,
                        .type = std::string(event.type()),
                        .id = std::string(event.id()),
                        .difference = tests::difference(run->stream(), event)});
    }
  } else if (const auto* gap = std::get_if<Gap>(&delivery)) {
    gaps.push_back({*gap, events.size()});
  } else if (std::holds_alternative<Moved>(delivery)) {
    ++moves;
  } else if (std::holds_alternative<CaughtUp>(delivery)) {
    ++caught_up;
  } else if (const auto* behind = std::get_if<FellBehind>(&delivery)) {
    fell_behind.push_back(behind->lag);
  }
}

std::vector<uint64_t> Transcript::offsets() const {
  std::vector<uint64_t> all;
  for (const Seen& seen : events) all.push_back(seen.offset);
  return all;
}

std::vector<uint64_t> Transcript::sequences() const {
  std::vector<uint64_t> all;
  for (const Seen& seen : events) all.push_back(seen.sequence);
  return all;
}

std::vector<std::string> Transcript::ids() const {
  std::vector<std::string> all;
  for (const Seen& seen : events) all.push_back(seen.id);
  return all;
}

Transcript read_all(Cursor& cursor) {
  Transcript transcript;
  for (;;) {
    const auto delivery = cursor.next();
    if (!delivery) throw std::runtime_error("cursor: " + delivery.error().message);
    if (!*delivery) break;
    transcript.add(**delivery);
  }
  transcript.position = cursor.position();
  return transcript;
}

Transcript read_all(const Log& log, ReadOptions options) {
  auto cursor = log.read(std::move(options));
  if (!cursor) throw std::runtime_error("read: " + cursor.error().message);
  return read_all(**cursor);
}

Transcript drain(Subscription& subscription) {
  Transcript transcript;
  for (;;) {
    const auto delivery = subscription.try_next();
    if (!delivery) throw std::runtime_error("try_next: " + delivery.error().message);
    if (!*delivery) break;
    transcript.add(**delivery);
  }
  transcript.position = subscription.position();
  return transcript;
}

Delivery await(Subscription& subscription) {
  auto delivery = subscription.next_for(kDeadline);
  if (!delivery) throw std::runtime_error("next_for: " + delivery.error().message);
  if (!*delivery) throw std::runtime_error("nothing was delivered within the deadline");
  return std::move(**delivery);
}

Transcript await_events(Subscription& subscription, size_t events) {
  Transcript transcript;
  while (transcript.events.size() < events) transcript.add(await(subscription));
  transcript.position = subscription.position();
  return transcript;
}

}  // namespace strandline::tests
