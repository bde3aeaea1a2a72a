// A short, busy life of a log on a recorded disk: appends of every kind, many in flight at once,
// positions, rolls, drops, truncations, readers, and producers that send again. All it sends, is
// answered and is shown goes into the disk's recording as notes, in order with what the disk did;
// an Account is what such notes come to at some instant, and says whether a log keeps INV.
//
// The seed decides what is done; how the engine's threads take turns it does not. *Threads*: one;
// answers come on the engine's.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>

#include "engine/log.h"
#include "tests/support/disk/recorded_disk.h"
#include "tests/support/log/invariant.h"

namespace strandline::tests {

// An append that named a producer, and so may be sent again, in any later life.
struct Produced {
  std::string append;  // its number
  std::string stream;
  std::vector<std::string> ids;
  Producer producer;
};

class Exercise {
 public:
  // `name` tells its events from those of other lives on the same disk.
  Exercise(std::shared_ptr<RecordedDisk> disk, uint64_t seed, std::string name);
  ~Exercise();

  // The error of Log::open.
  Status open();
  void steps(int count);
  // Waits until everything sent is answered.
  void settle();
  void close();

  Log& log() { return *log_; }
  // Sends these again, in this order, and waits: each has to be there once after it is answered.
  void send_again(const std::vector<Produced>& appends);
  // Notes that a reader was shown all of this.
  void note_shown(const Stored& stored);
  const std::vector<std::string>& warnings() const { return warnings_; }

  static std::filesystem::path directory() { return "/disk/log"; }
  static Options options(const std::shared_ptr<RecordedDisk>& disk);

 private:
  struct Answered {
    std::string append;
    std::vector<Appended> parts;
  };

  void step();
  void append(size_t parts, bool commits, Durability durability);
  void send_again();
  void note_acknowledged(const Answered& answered);
  void note_sent_again(const Produced& produced, Result<Appended> result);
  void produce(const std::string& number, AppendMany::Part& part,
               const std::vector<std::string>& ids, std::vector<std::string>& words);
  std::vector<std::string> new_ids();
  std::string any_stream();
  void show();
  void roll();
  void drop();
  void truncate();

  const std::shared_ptr<RecordedDisk> disk_;
  const std::string name_;
  std::mt19937_64 random_;
  std::unique_ptr<Log> log_;
  std::optional<Subscription> reader_;
  uint64_t appends_ = 0, ids_ = 0;
  std::vector<Produced> produced_;
  std::map<std::string, Producer> producers_;  // by stream: what is sent next
  // What each stream's start may become when a segment is dropped, as of its sealing.
  std::map<uint64_t, std::map<std::string, uint64_t>> sealed_tails_;

  std::mutex mutex_;  // guards all below
  std::condition_variable settled_;
  size_t in_flight_ = 0;
  std::vector<Answered> accepted_;         // and not known to be durable
  std::map<std::string, uint64_t> tails_;  // acknowledged
  std::vector<std::string> warnings_;
};

class Account {
 public:
  Account(const Recording& recording, size_t instant);

  // What breaks INV, in words; empty if it holds.
  std::vector<std::string> violations(const Stored& stored) const;
  size_t acknowledged_events() const { return ledger_.acknowledged_events(); }
  // Appends that were sent after a write of the WAL, or its fsync, had failed.
  size_t sent_too_late() const { return too_late_; }
  // In the order in which they were sent, without what was refused.
  const std::vector<Produced>& produced() const { return produced_; }

 private:
  void take(const std::vector<std::string>& words);

  struct Sent {
    std::vector<Ledger::Ticket> tickets;
    std::vector<std::pair<std::string, std::string>> first_ids;  // of each part, with its stream
    std::vector<std::string> ids;                                // of the last part
    bool too_late = false;                                       // see sent_too_late()
  };
  Ledger ledger_;
  std::map<std::string, Sent> sent_;  // by append
  std::vector<Produced> produced_;
  std::vector<std::string> wrong_;  // answers that nothing explains
  bool wal_failed_ = false;         // in the life that is noted now
  size_t too_late_ = 0;
  std::map<std::string, uint64_t> start_max_;  // by stream: what was removed on purpose
};

}  // namespace strandline::tests
