// One client over one WebSocket, with many subscriptions: what every live protocol stands on.
//
// A *subscription* is a cursor: nothing is queued for it, and what the socket does not take stays
// in the log. One buffer of output_bytes_max is filled from all subscriptions in turn, sent, and
// filled again; what takes the disk is read and printed in the pool `history`, so that one that
// reads history holds up no other. What stands in no stream (answers, presence, events of ephemeral
// channels) waits in a queue of at most kLiveQueueBytesMax: past it a client that does not read is
// told that it has lost some. *Ends*: when its key does, after live_life_ms, when nothing has come
// for twice live_ping_ms, and when the server drains. *Threads*: its worker's, but for post().
// *Lifetime*: kept alive by its coroutines.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/connection/connection.h"
#include "server/connection/follow.h"
#include "server/connection/principal.h"
#include "server/connection/quotas.h"
#include "server/connection/service.h"
#include "server/connection/upgrade.h"
#include "server/http/request.h"
#include "server/live/channel_rules.h"
#include "server/live/hub.h"
#include "server/live/live.h"
#include "server/live/live_protocol.h"
#include "server/live/websocket.h"

namespace strandline::server {

// What stands in no stream and waits for the socket.
inline constexpr size_t kLiveQueueBytesMax = 256 << 10;
// How long a socket that is to be closed may go on sending.
inline constexpr auto kLiveLinger = std::chrono::seconds(1);

class LiveConnection : public Connection,
                       public Hearer,
                       public std::enable_shared_from_this<LiveConnection> {
 public:
  // Who it is, and by what it came.
  struct Client {
    Principal principal = {};  // nobody, where it shows the application's key
    AccountPointer account = nullptr;
    bool by_app_key = false;
  };
  // `request`: the upgrade, which it answers.
  LiveConnection(Service& service, Live& live, Upgraded upgraded, Request request, Client client,
                 std::unique_ptr<LiveProtocol> protocol);
  ~LiveConnection() override;

  void start() override;
  void sweep(SteadyTime now) override;
  void drain() override;
  void abort() override;
  void hear(const std::string& channel, const AnnouncementPointer& announcement) override;
  void end(uint16_t code, const std::string& reason) override;

  // --- For its protocol.
  Service& service() { return service_; }
  Live& live() { return live_; }
  const Client& client() const { return client_; }
  uint64_t number() const { return name_.number; }
  const std::string& name() const { return name_.name; }
  const std::string& user() const { return user_; }
  void be_user(std::string user);

  void send(std::string_view frame);  // its text
  // Reads on from there, once it has told that it is subscribed. The protocol has asked whether it
  // may.
  void subscribe(Subscribing wanted);
  bool is_subscribed(std::string_view channel) const;
  // Null: it has not joined.
  const ChannelMember* member_of(std::string_view channel) const;
  size_t subscriptions() const { return subscriptions_.size(); }
  // False: it was not subscribed.
  bool unsubscribe(std::string_view channel);
  // Runs a task on its thread, from any, if it is still there then.
  using Task = std::move_only_function<void(LiveConnection&)>;
  std::function<void(Task)> poster();

 private:
  // One channel of the client's.
  struct Subscription {
    Subscribing wanted;
    std::shared_ptr<Follow> follow = {};  // null: none yet, or the channel is ephemeral
    Account::Lease lease = {};
    bool removed = false;
    uint64_t awaited = 0;      // a stream that is not there yet (awaited.h)
    std::string arrived = {};  // read from the disk, and printed next
    Follow::Filled filled = Follow::Filled::more;
  };
  using SubscriptionPointer = std::shared_ptr<Subscription>;

  awaitable<void> read_messages();
  awaitable<void> keep_rate();
  awaitable<void> write_frames();
  awaitable<bool> send_all(std::string_view bytes);
  void finish();

  void attach(const SubscriptionPointer& one, std::optional<uint64_t> position);
  void begin_follow(const SubscriptionPointer& one, Result<strandline::Subscription> found);
  void let_go(Subscription& one);
  void await_stream(const SubscriptionPointer& one);
  void refuse(const Subscription& subscription, const Error& error);
  void gather(std::string& out);
  void fill_from(const SubscriptionPointer& subscription, std::string& out);
  void read_from_disk(const SubscriptionPointer& subscription);
  void wait_for_events(const SubscriptionPointer& subscription);
  void end_if_not_allowed();

  Service& service_;
  // Where access control began since, who has an application's key alone comes anew.
  const bool began_guarded_ = service_.is_guarded();
  Live& live_;
  Worker& worker_;
  const Client client_;
  std::unique_ptr<Request> request_;  // until it is answered
  const std::unique_ptr<LiveProtocol> protocol_;
  WebSocket socket_;
  Account::Lease lease_;
  Hub::Named name_ = {Hub::kNobody, {}};
  std::string user_;

  std::map<std::string, SubscriptionPointer, std::less<>> subscriptions_;
  std::deque<SubscriptionPointer> ready_;  // something to print, or perhaps
  std::string queue_;                      // frames that stand in no stream
  uint64_t lost_ = 0;                      // of these, for want of room

  Signal wake_;  // the writer's
  Signal turn_;  // the reader's: it may take another message
  TokenBucket frames_;
  bool warned_ = false;  // that it sends too many
  bool open_ = false;    // the handshake is over
  bool closing_ = false;
  bool broken_ = false;
  bool reading_over_ = false;
  SteadyTime begun_, until_, close_by_ = SteadyTime::max();
  SteadyTime certificate_until_, pinged_;
};

}  // namespace strandline::server
