// What the live connections of one server have in common: who is connected, who subscribes to what,
// who is in a presence channel; and what is told to all of them.
//
// *Threads*: any; one mutex, under which nothing waits. What is told goes to each connection's own
// thread, through its worker's mailbox: one task a worker. A thread of the hub's own says who has
// left when the grace is over, and writes down who came and went in `$channels`, as many events in
// one append as have come together. *Errors*: what cannot be written there (a full disk) is left
// out, and logged. *Lifetime*: outlives the workers; stop() before they end.
//
// Invariants: a connection is in `connections_` from add to remove; a channel is in `channels_` as
// long as it has a seat or a user; a user's `left` comes after its `joined`.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/log.h"
#include "server/base/mailbox.h"
#include "server/live/announcement.h"
#include "server/live/presence.h"

namespace strandline::server {

// The types of the events of `$channels`.
inline constexpr char kChannelsStarted[] = "strandline.channels.started";
inline constexpr char kChannelOccupied[] = "strandline.channel.occupied";
inline constexpr char kChannelVacated[] = "strandline.channel.vacated";
inline constexpr char kMemberJoined[] = "strandline.member.joined";
inline constexpr char kMemberLeft[] = "strandline.member.left";

// A live connection, as the hub knows it.
class Hearer {
 public:
  virtual ~Hearer() = default;
  // On its own thread.
  virtual void hear(const std::string& channel, const AnnouncementPointer& announcement) = 0;
  virtual void end(uint16_t code, const std::string& reason) = 0;
};
using HearerPointer = std::weak_ptr<Hearer>;

struct Seat {
  HearerPointer hearer;
  Mailbox* mailbox = nullptr;
};

// Of the channel on which a connection hears what is told to it alone, or to its user.
inline constexpr char kPersonal[] = "";

class Hub {
 public:
  struct Timing {
    std::chrono::milliseconds grace{3'000};   // until a user without a connection has left
    std::chrono::milliseconds counting{500};  // between two counts of subscribers
  };
  Hub(Log& log, Timing timing);
  ~Hub();

  // Writes down who was there when the server last ended without saying so. Before all else.
  void recover();
  void start();
  void stop();

  // --- Connections. A number for each, which is not used again, and a name that nobody guesses.
  struct Named {
    uint64_t number;
    std::string name;  // DIGITS.DIGITS
  };
  Named add(Seat seat);
  void remove(uint64_t connection);
  void set_user(uint64_t connection, const std::string& user);

  // --- Subscriptions.
  struct Entered {
    std::vector<ChannelMember> members = {};  // of a presence channel: with the one that came
    uint64_t subscribers = 0;
  };
  // `member`: who it is, where it joins.
  Entered enter(uint64_t connection, const std::string& channel, const ChannelMember* member,
                bool is_counted);
  void leave(uint64_t connection, const std::string& channel);

  // --- Telling. Each answers how many connections it goes to.
  size_t tell(const std::string& channel, AnnouncementPointer announcement,
              uint64_t except = kNobody);
  size_t tell_user(const std::string& user, AnnouncementPointer announcement);
  size_t tell_connection(std::string_view name, AnnouncementPointer announcement);
  size_t end_user(const std::string& user, uint16_t code, const std::string& reason);
  size_t end_connection(std::string_view name, uint16_t code, const std::string& reason);

  // --- Looking.
  struct ChannelInfo {
    std::string name;
    uint64_t subscribers = 0;
    uint64_t members = 0;
  };
  // In byte order, behind `after`; those that `visible` lets through.
  std::vector<ChannelInfo> channels(std::string_view prefix, std::string_view after, size_t limit,
                                    const std::function<bool(std::string_view)>& visible) const;
  ChannelInfo channel(const std::string& name) const;
  std::vector<ChannelMember> members(const std::string& channel) const;
  struct ConnectionInfo {
    std::string name;
    std::string user = {};
    Timestamp since = {};
    std::vector<std::string> channels = {};
  };
  // In the order of their numbers; all of them, or those in a channel.
  std::vector<ConnectionInfo> connections(const std::string* channel, uint64_t after,
                                          size_t limit) const;
  std::optional<ConnectionInfo> connection(std::string_view name) const;
  // kNobody, if there is none of that name.
  uint64_t number_of(const std::string& name) const;
  size_t connection_count() const;
  size_t subscription_count() const;

  static constexpr uint64_t kNobody = 0;

 private:
  struct Connection {
    Seat seat;
    ConnectionInfo info;
    std::set<std::string> channels = {};
  };
  struct Channel {
    std::map<uint64_t, Seat> seats = {};
    Presence presence = {};
    bool is_counted = false;  // subscribers are told how many they are
  };
  using Channels = std::map<std::string, Channel, std::less<>>;
  struct Note {
    std::string type, channel, details;  // details: members of a JSON object
  };

  Channel* find(std::string_view channel);
  const Channel* find(std::string_view channel) const;
  void leave_locked(uint64_t connection, const std::string& channel);
  void forget_if_empty(Channels::iterator at);
  void note(std::string type, std::string channel, std::string details);
  size_t tell_locked(const std::string& channel, const std::map<uint64_t, Seat>& seats,
                     const AnnouncementPointer& announcement, uint64_t except);
  template <class Task>
  static void give(const std::vector<Seat>& seats, Task task);
  void run();
  void expire(SteadyTime now);
  void count(SteadyTime now);
  void write(std::vector<Note> notes);

  Log& log_;
  const Timing timing_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  bool stopping_ = false;
  uint64_t last_number_ = kNobody;
  std::map<uint64_t, Connection> connections_;
  std::unordered_map<std::string, uint64_t> by_name_;
  std::map<std::string, std::set<uint64_t>, std::less<>> by_user_;
  Channels channels_;
  size_t subscriptions_ = 0;
  std::set<std::pair<SteadyTime, std::string>> leaving_;  // channels, when to look at them
  std::set<std::string> recount_;
  SteadyTime counted_ = {};
  std::vector<Note> notes_;

  bool begun_ = false;  // the thread's: the run's first note is written
  std::thread thread_;
};

}  // namespace strandline::server
