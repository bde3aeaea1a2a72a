// The events of a consumer group that are not acked: each is waiting, or in flight.
//
// *Waiting* events may be given out at once, or not before a moment (a nack's delay), or in mode
// keyed not before an older one with the same key is gone. Those that have had their attempts are
// *spent*: they wait to be dead-lettered, and not to be given out. *In flight* ones have a member
// and a deadline. A record holds the entries of 64 positions: what an operation touched is written
// in its WriteBatch as it then is, so memory and disk never differ in kind. *Threads*: the
// writer's. *Time*: the clock's elapsed microseconds. A record has what was left of a delay when it
// was written, and when it was to end by the clock, whose microseconds since the epoch lie
// `unix_offset_us` ahead: a delay that is read ends when the clock says, and after what was left at
// the latest. *Memory*: about 120 bytes an entry, 180 in mode keyed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace strandline {

// The longest that an event can be kept from being given out again.
inline constexpr int64_t kDelayMaxUs = int64_t{7} * 24 * 3600 * 1'000'000;

// Why an event is waiting again.
enum class Cause : uint8_t { none, nacked, deadline, left, reopened, replayed };
const char* name_of(Cause cause);

class Unacked {
 public:
  static constexpr uint64_t kBlock = 64;  // positions to a record

  struct Entry {
    uint64_t member = 0;  // that has it, or had it last
    uint64_t key = 0;     // a hash of the event's: keys that collide wait for each other
    int64_t due_us = 0;   // in flight: its deadline; waiting: not before
    uint32_t attempts = 0;
    uint32_t bytes = 0;  // of the event; 0 where it is not known
    Cause cause = Cause::none;
    bool in_flight = false;
  };
  using Entries = std::map<uint64_t, Entry>;

  // `attempts_max`: an event is spent after so many; 0: never.
  Unacked(bool keyed, uint32_t attempts_max) : keyed_(keyed), attempts_max_(attempts_max) {}

  // Adds a waiting event.
  void add(uint64_t position, const Entry& entry, int64_t now_us);
  // It is acked, or dead-lettered.
  void erase(uint64_t position, int64_t now_us);
  // Gives a waiting event to a member: one attempt more.
  void give(uint64_t position, uint64_t member, int64_t deadline_us);
  // Holds an event back for whoever dead-letters it: in flight, and nobody's. No attempt.
  void hold(uint64_t position, int64_t deadline_us);
  void set_attempts_max(uint32_t attempts_max);
  // The event waits again, from `not_before_us` on.
  void put_back(uint64_t position, Cause cause, int64_t not_before_us, int64_t now_us);
  // What its member said when it nacked it; empty: nothing. Told for as long as that is the cause.
  void set_reason(uint64_t position, std::string reason);
  std::string_view reason_of(uint64_t position) const;
  // The event was given to nobody after all: it waits again, with an attempt less.
  void take_back(uint64_t position, int64_t now_us);
  // Its deadline is this from now on. What waits is in flight again, if it may be: false if not.
  bool extend(uint64_t position, int64_t deadline_us);
  // Puts back whatever is past its deadline, and lets go of delays that have passed.
  void expire(int64_t now_us);

  const Entries& entries() const { return entries_; }
  const Entry* find(uint64_t position) const;
  // The first that may be given out now.
  std::optional<uint64_t> next_ready() const;
  // The first that is to be dead-lettered now.
  std::optional<uint64_t> next_spent() const;
  // When the next deadline or delay passes.
  std::optional<int64_t> next_due();
  std::optional<uint64_t> first() const;
  size_t size() const { return entries_.size(); }
  size_t in_flight() const { return in_flight_; }
  size_t in_flight_of(uint64_t member) const;
  size_t redelivered() const { return redelivered_; }
  size_t pending() const { return pending_; }  // given out at least once

  // --- On disk.
  // The records that were touched since the last call, by their first positions' multiples of 64.
  std::vector<uint64_t> take_touched();
  // Empty: the record is to be erased.
  std::string encode_block(uint64_t block, int64_t unix_offset_us, int64_t now_us) const;
  // Adds what a record holds: what was in flight waits again, for `last_us` if that was its last
  // attempt: its member may have outlived the log. False if it does not parse.
  bool load_block(uint64_t block, std::string_view record, int64_t unix_offset_us, int64_t now_us,
                  int64_t last_us);

 private:
  struct Due {
    int64_t at_us;
    uint64_t position;
    bool operator>(const Due& other) const { return at_us > other.at_us; }
  };

  void touch(uint64_t position);
  bool is_spent(const Entry& entry) const;
  void rest(uint64_t position);                              // neither ready nor spent
  bool may_go(uint64_t position, const Entry& entry) const;  // as far as its key goes
  // A waiting event is ready, or is awaited, or neither while its key is held.
  void wait(uint64_t position, const Entry& entry, int64_t now_us);
  // It is in flight from here on, with this member.
  void take_off(uint64_t position, Entry& entry, uint64_t member);
  void land(Entry& entry);  // it is not any more
  void next_of_key(uint64_t key, int64_t now_us);
  void await(uint64_t position, int64_t at_us);
  bool is_current(const Due& due) const;

  const bool keyed_;
  uint32_t attempts_max_;
  Entries entries_;
  std::set<uint64_t> ready_;
  std::set<uint64_t> spent_;
  std::set<std::pair<uint64_t, uint64_t>> by_key_;  // key, position
  std::unordered_multiset<uint64_t> held_keys_;     // of those in flight
  // Moments to come; those that no longer hold stay until they are met.
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::vector<uint64_t> touched_;
  std::unordered_map<uint64_t, std::string> reasons_;
  size_t in_flight_ = 0;
  std::unordered_map<uint64_t, size_t> in_flight_of_;  // by member
  size_t redelivered_ = 0;
  size_t pending_ = 0;
};

}  // namespace strandline
