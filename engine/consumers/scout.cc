#include "engine/consumers/scout.h"

#include <algorithm>
#include <utility>

#include "engine/reading/cursors.h"

namespace strandline {
namespace {

// Read at once: enough for a few fetches, and no more than a reset throws away lightly.
constexpr size_t kAheadMin = 1'024;
// Deliveries in which a filter leaves everything out, about a megabyte each, before a fetch is
// answered empty and asks again.
constexpr int kMovesMax = 8;

// FNV-1a, and a final mix: what it is on disk must not change with the library.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ull;
  return hash ^ (hash >> 32);
}

}  // namespace

bool leaves_out_dead_letters(const Selection& select) {
  return select.kind == Selection::Kind::all ||
         (select.kind == Selection::Kind::prefix &&
          !select.names.at(0).starts_with(kDeadLetterPrefix));
}

ReadOptions reading_of(const ConsumerSettings& settings, uint64_t position) {
  return {.deleted_too = true,
          .io_fails = true,
          .except = settings.dead_letters,
          .no_dead_letters = leaves_out_dead_letters(settings.select),
          .select = settings.select,
          .from = From::position(position)};
}

void take_filter(const ConsumerSettings& settings, ReadOptions& read) {
  read.types = TextFilter(settings.types);
  read.subjects = TextFilter(settings.subjects);
}

Scout::Scout(const LogState& log, SettingsPointer settings, uint64_t position)
    : log_(log), pointer_(std::move(settings)), settings_(*pointer_), read_to_(position) {}

Status Scout::open_cursor_at(uint64_t position) {
  ReadOptions read = reading_of(settings_, position);
  take_filter(settings_, read);
  auto opened = open_cursor(log_, std::move(read));
  if (!opened) return std::unexpected(std::move(opened.error()));
  cursor_ = std::move(opened->cursor);
  return {};
}

Status Scout::read_ahead(size_t want) {
  std::lock_guard reading(reading_);
  for (int moves = 0; moves < kMovesMax;) {
    uint64_t generation, from;
    {
      std::lock_guard lock(mutex_);
      if (candidates_.size() >= want) return {};
      generation = generation_;
      from = read_to_;
    }
    if (!cursor_ || cursor_generation_ != generation) {
      if (auto ok = open_cursor_at(from); !ok) return ok;
      cursor_generation_ = generation;
    }
    Found found;
    bool at_tail = false;
    Status read;
    while (!at_tail && read && moves < kMovesMax && found.candidates.size() < want + kAheadMin) {
      auto delivery = cursor_->next();
      if (!delivery) {
        read = std::unexpected(std::move(delivery.error()));
      } else if (!*delivery) {
        at_tail = true;
      } else if (const auto* events = std::get_if<Events>(&**delivery)) {
        examine(*events, found);
      } else if (auto* gap = std::get_if<Gap>(&**delivery)) {
        found.gaps.push_back(std::move(*gap));
      } else {
        ++moves;
      }
    }
    cursor_->rest();
    std::lock_guard lock(mutex_);
    if (generation_ != generation) continue;  // it was moved meanwhile: read again, there
    candidates_.insert(candidates_.end(), found.candidates.begin(), found.candidates.end());
    std::ranges::move(found.gaps, std::back_inserter(gaps_));
    read_to_ = cursor_->position();
    // What comes before it is given first.
    if (!read) return candidates_.empty() ? read : Status();
    if (at_tail) break;
  }
  cursor_->release();
  return {};
}

void Scout::examine(const Events& events, Found& found) const {
  const bool one_stream = settings_.select.kind == Selection::Kind::stream;
  uint64_t position = one_stream ? events.first().value : events.sequence().value;
  const bool keyed = settings_.mode == ConsumerSettings::Mode::keyed;
  for (const Event& event : events) {
    constexpr size_t kAround = 128;  // what an event takes besides its data
    found.candidates.push_back({.position = position++,
                                .key = keyed ? key_of(event) : 0,
                                .bytes = static_cast<uint32_t>(event.data().size() + kAround)});
  }
}

// Events without the key share the empty one.
uint64_t Scout::key_of(const Event& event) const {
  if (settings_.key.empty() || settings_.key == "subject") return hash_of(event.subject());
  if (settings_.key == "type") return hash_of(event.type());
  if (settings_.key == "source") return hash_of(event.source());
  if (settings_.key == "id") return hash_of(event.id());
  uint64_t key = hash_of({});
  event.for_each_attribute([&](const Attribute& attribute) {
    if (attribute.name == settings_.key) key = hash_of(attribute.text);
  });
  return key;
}

const Scout::Candidate* Scout::peek() {
  std::lock_guard lock(mutex_);
  // A deque's elements stay where they are while others are added at its end.
  return candidates_.empty() ? nullptr : &candidates_.front();
}

void Scout::take() {
  std::lock_guard lock(mutex_);
  candidates_.pop_front();
}

uint64_t Scout::position() {
  std::lock_guard lock(mutex_);
  return candidates_.empty() ? read_to_ : candidates_.front().position;
}

std::vector<Gap> Scout::take_gaps() {
  std::lock_guard lock(mutex_);
  return std::exchange(gaps_, {});
}

void Scout::put_back(std::vector<Gap> gaps) {
  std::lock_guard lock(mutex_);
  gaps_.insert(gaps_.begin(), std::make_move_iterator(gaps.begin()),
               std::make_move_iterator(gaps.end()));
}

void Scout::move_to(uint64_t position) {
  std::lock_guard lock(mutex_);
  candidates_.clear();
  gaps_.clear();
  read_to_ = position;
  ++generation_;
}

}  // namespace strandline
