// A crowd around a server that gets killed: appenders that go on after a reconnect, and followers
// that resume by themselves. Everything they sent, were answered and were shown goes into one
// Ledger.
//
// Every fourth appender counts its events in a position that it moves in the same append, as an
// import does: after any kill the log has as many as it counts. Followers read a stream or all of
// them, and resume by the next offset or, of server-sent events, by the Last-Event-ID.
//
// All know one address, and try it again, by themselves and at once, whenever they have no
// connection. Only who loses a server while the test ends it may: a connection that is lost or
// ended otherwise is a complaint. Appenders wait while a log at rest is looked at.
//
// *Threads*: one a member; the crowd is joined by its destructor.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/log/invariant.h"

namespace strandline::tests {

class Crowd {
 public:
  Crowd(Ledger& ledger, Address address, uint64_t seed, int appenders, int followers);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  void start_appending();
  // Returns once no append is under way.
  void stop_appending();
  // What `end` ends, the members may lose. Nobody appends to the next server before
  // start_appending.
  void end_server(const std::function<void()>& end);
  // Until this many more events were acknowledged than at the time of the call.
  bool wait_for_acknowledged(size_t more) const;
  // Whether every follower has come to the end of what is stored.
  bool followers_are_at_tail(const Stored& stored) const;
  // For the time after the last server.
  void finish();
  // What a member saw that nobody should see.
  std::vector<std::string> complaints() const;
  // What is counted and not there, or there and not counted, in a log at rest.
  std::vector<std::string> miscounts(const Address& address, const Stored& stored) const;

  static const std::vector<std::string>& streams();
  static const std::vector<std::string>& consumers();

 private:
  void append(int member, uint64_t seed);
  // Waits for its turn to append; false once the crowd is to end.
  bool enter();
  void leave();
  void append_to(HttpClient& client, int member, std::mt19937_64& random, uint64_t& number);
  void append_and_count(HttpClient& client, int member, std::mt19937_64& random, uint64_t& number,
                        std::optional<uint64_t>& counted);
  void follow(int member, uint64_t seed);
  // One connection. False once the member has seen what nobody should see.
  bool visit(const std::string& who, const std::function<void()>& talk);
  // One event as a follower was given it: of this stream, by offset, or of any, by sequence.
  void take(const std::string& stream, const std::string& text, const char* place,
            std::atomic<uint64_t>& next);
  void complain(const std::string& what);

  Ledger& ledger_;
  const Address address_;
  std::atomic<uint64_t> ends_ = 0;  // odd while a server is being ended
  std::atomic<bool> finishing_ = false;
  std::atomic<bool> appending_ = false;
  std::vector<std::atomic<uint64_t>> next_;  // of each follower
  mutable std::mutex mutex_;  // guards all below, and changes of appending_ and finishing_
  std::condition_variable changed_;
  int inside_ = 0;  // appenders that may have an append under way
  std::vector<std::string> complaints_;
  std::vector<std::jthread> members_;
};

}  // namespace strandline::tests
