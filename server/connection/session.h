// An HTTP session, the usual kind of connection: a reader and a writer.
//
// The reader parses the next request while earlier appends still wait to be durable; the writer
// sends answers in the order of the requests, as many as are ready in one write. Requests that are
// not appends wait for those before them, and those behind wait for them, so that a connection
// always reads its own writes. A follow is the last request of its connection. *Threads*: all of it
// runs on its worker's one thread. *Limits*: pipeline_max answers and kPipelineBytes of bodies
// under way, output_bytes_max of rendered events. *Lifetime*: kept alive by its coroutines and by
// whoever still owes it an answer.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <deque>
#include <memory>

#include "server/connection/admission.h"
#include "server/connection/answer.h"
#include "server/connection/connection.h"
#include "server/connection/request_reader.h"
#include "server/connection/route.h"
#include "server/connection/transport.h"

namespace strandline::server {

class Worker;

class Session : public Connection, public Answerer, public std::enable_shared_from_this<Session> {
 public:
  // `authorities`: of the address that it came by. They outlive it.
  Session(Worker& worker, Service& service, const Authorities& authorities,
          std::unique_ptr<Transport> transport);

  void start() override;
  void sweep(SteadyTime now) override;
  void drain() override;
  void abort() override;

  void answer(uint64_t number, Response response) override;
  void answer(uint64_t number, std::unique_ptr<Follow> follow) override;
  bool is_awaited(uint64_t number) const override;
  void on_give_up(uint64_t number, std::function<void()> callback) override;

 private:
  // What a request wants of its answer's head.
  struct Manner {
    const Route* route = nullptr;
    bool http_1_0 = false;
    bool keep_alive = true;
    bool head_only = false;
    size_t request_bytes = 0;
    std::string cross_origin = {};  // lines for a page of another origin (origins.h)
    Actor actor = {};
    // For the access log alone, where there is one.
    std::string method = {};
    std::string target = {};
    std::string request_id = {};
    SteadyTime begun = {};
  };
  struct Slot {
    Manner manner;
    bool ready = false;
    std::string text;                // head and body
    std::string large_body;          // of a large answer, which is not copied behind its head
    std::unique_ptr<Follow> follow;  // instead of both
    std::function<void()> give_up;   // of an answer that waits for events
  };

  awaitable<void> read_requests();
  // `route`: null where it was refused.
  Manner manner_of(const Request& request, const Route* route) const;
  Manner manner_of_unreadable() const;
  std::expected<Admitted, Response> take_lease(Admitted admitted);
  // What was answered, for whoever keeps a record of it.
  void tell(const Manner& manner, unsigned status, uint64_t bytes);
  // The rest of a request whose head was looked at: its body is read, and it is handed on; or it is
  // refused. False: there is no next one.
  awaitable<bool> serve(Request request, std::expected<Admitted, Response> admission,
                        Manner manner);
  // Answers a request by its head, and goes on behind its body.
  awaitable<bool> refuse(Request request, Response response, Manner manner);
  awaitable<void> all_answered();
  bool has_room() const;
  uint64_t open_slot(Manner manner);
  void dispatch(Request request, Admitted admitted, uint64_t number);
  void refuse_last(Response response);
  void end_if_not_allowed(SteadyTime now);
  // Of its client's certificate.
  bool is_certificate_over() const;
  Slot* waiting_slot(uint64_t number);
  void set_ready(Slot& slot);

  awaitable<void> write_answers();
  void gather(std::string& out, std::string& large_body);
  awaitable<void> linger();
  void finish();

  // session_follow.cc
  awaitable<void> write_follow(std::unique_ptr<Follow> follow, Manner manner);
  struct Reading;
  awaitable<bool> send(std::string_view bytes, Follow* follow, const Reading* ahead);
  std::shared_ptr<Reading> read_from_disk(std::shared_ptr<Follow> follow, std::string out);
  awaitable<bool> wait_for(const Reading& reading);
  awaitable<bool> wait_for_events(Follow* follow);
  bool is_stopping() const;
  HeadContext head_context(const Manner& manner) const;

  Worker& worker_;
  Service& service_;
  const std::unique_ptr<Transport> transport_;
  Deadlines deadlines_;
  RequestReader reader_;
  asio::cancellation_signal stop_reading_;

  std::deque<Slot> slots_;    // of the requests whose answers have not left, in their order
  uint64_t first_ = 0;        // the number of the first slot
  size_t waiting_ = 0;        // slots not ready
  size_t waiting_bytes_ = 0;  // of their requests' bodies
  Signal answered_;           // the writer's: a slot is ready, or reading is over
  Signal room_;               // the reader's: an answer was given or has left

  // What the client has shown in TLS, if anything.
  std::shared_ptr<const ClientCertificate> certificate_;
  Principal principal_;              // of the request that came last
  AccountPointer account_;           // its
  Account::Lease connection_lease_;  // of that account
  Account::Lease follower_lease_;
  uint64_t sent_ = 0;                      // to a follower
  std::optional<std::string_view> ended_;  // why it may not wait for events any longer
  SteadyTime ended_at_;

  bool reading_over_ = false;
  bool refused_ = false;  // the client may be sending still: let it see the answer before closing
  bool broken_ = false;   // the transport is closed

  Signal wake_;  // the follow's: there is something to read, or a reason to stop
  bool woken_ = false;
  bool following_ = false;
  bool peer_gone_ = false;
};

}  // namespace strandline::server
