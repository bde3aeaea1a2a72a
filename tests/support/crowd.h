// A crowd around a server that gets killed: appenders that go on after a reconnect, and followers
// that resume by themselves. Everything they sent, were answered and were shown goes into one
// Ledger.
//
// Every fourth appender counts its events in a position that it moves in the same append, as an
// import does: after any kill the log has as many as it counts. Followers read a stream or all of
// them, and resume by the next offset or, of server-sent events, by the Last-Event-ID.
//
// *Threads*: one a member; the crowd is joined by its destructor. A member whose server is gone
// waits for the address of the next one (`serve`), so a server may come back on another port.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/invariant.h"

namespace strandline::tests {

class Crowd {
 public:
  Crowd(Ledger& ledger, uint64_t seed, int appenders, int followers);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  // A server is there from now on; wakes those who wait for one.
  void serve(const Address& address);
  // Until this many more events were acknowledged than at the time of the call.
  bool wait_for_acknowledged(size_t more) const;
  // No new appends; followers end once they have read what is there.
  void finish();
  // What a member saw that nobody should see.
  std::vector<std::string> complaints() const;
  // What is counted and not there, or there and not counted, in a log at rest.
  std::vector<std::string> miscounts(const Address& address, const Stored& stored) const;

  static const std::vector<std::string>& streams();
  static const std::vector<std::string>& consumers();

 private:
  // The server after the one of this generation; none once the crowd is to end.
  std::optional<Address> next_server(uint64_t& generation);
  void append(int member, uint64_t seed);
  void append_to(HttpClient& client, int member, std::mt19937_64& random, uint64_t& number);
  void append_and_count(HttpClient& client, int member, std::mt19937_64& random, uint64_t& number,
                        std::optional<uint64_t>& counted);
  void follow(int member, uint64_t seed);
  void follow_all(int member, uint64_t seed);
  // One event as a follower was given it: of this stream, by offset, or of any, by sequence.
  void take(const std::string& stream, const std::string& text, const char* place, uint64_t& next);
  void complain(const std::string& what);

  Ledger& ledger_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable served_;
  Address address_;
  uint64_t generation_ = 0;
  bool finishing_ = false;
  std::vector<std::string> complaints_;
  std::vector<std::jthread> members_;
};

}  // namespace strandline::tests
