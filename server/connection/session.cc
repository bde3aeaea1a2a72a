#include "server/connection/session.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include "server/connection/access.h"
#include "server/connection/worker.h"

namespace strandline::server {
namespace {

// Bodies of one connection that the engine has not answered yet. A quarter of what the engine
// itself queues: one eager client alone does not fill that.
constexpr size_t kPipelineBytes = 16 << 20;
// Answers up to this are copied together; a larger body is written from where it is.
constexpr size_t kSmallBytes = 16 << 10;
// One write of answers.
constexpr size_t kWriteBytes = 256 << 10;
// How long a follower whose key has ended may take to be told.
constexpr auto kToldWithin = std::chrono::milliseconds(500);
// How long a refused client may go on sending before its connection is closed.
constexpr auto kLinger = std::chrono::seconds(2);

bool is_pipelined(const Route* route) { return route && route->order == Order::pipelined; }

}  // namespace

Session::Session(Worker& worker, Service& service, const Authorities& authorities,
                 std::unique_ptr<Transport> transport)
    : worker_(worker),
      service_(service),
      transport_(std::move(transport)),
      reader_(*transport_, service, authorities, deadlines_,
              [this] {
                const uint64_t number = open_slot({});
                Slot& slot = *waiting_slot(number);
                slot.text = "HTTP/1.1 100 Continue\r\n\r\n";
                set_ready(slot);
              }),
      answered_(transport_->executor()),
      room_(transport_->executor()),
      wake_(transport_->executor()) {}

void Session::start() {
  const auto self = shared_from_this();
  asio::co_spawn(transport_->executor(), read_requests(),
                 asio::bind_cancellation_slot(stop_reading_.slot(), [self](std::exception_ptr e) {
                   LogFailure{"a session's reader"}(e);
                   if (e) self->abort();
                   self->deadlines_.expect_nothing();
                   self->reading_over_ = true;
                   self->answered_.notify();
                 }));
  asio::co_spawn(transport_->executor(), write_answers(), [self](std::exception_ptr e) {
    LogFailure{"a session's writer"}(e);
    self->finish();
  });
}

void Session::sweep(SteadyTime now) {
  if (now > deadlines_.read) {
    deadlines_.read = SteadyTime::max();
    service_.metrics.timeouts.fetch_add(1, std::memory_order_relaxed);
    stop_reading_.emit(asio::cancellation_type::terminal);
  }
  if (now > deadlines_.write) {
    service_.metrics.timeouts.fetch_add(1, std::memory_order_relaxed);
    abort();
  }
  end_if_not_allowed(now);
  // Whoever waits for events does not read from its socket meanwhile.
  if (!slots_.empty() && slots_.front().give_up && transport_->is_peer_gone()) abort();
}

// Whether whoever waits for events still may: its key may have been revoked, or have expired.
void Session::end_if_not_allowed(SteadyTime now) {
  const bool waits = !slots_.empty() && slots_.front().give_up;
  const bool over = is_certificate_over();
  if (over && deadlines_.reading == Deadlines::Reading::idle && slots_.empty()) return abort();
  if (!following_ && !waits) return;
  if (ended_) {
    // One that does not read is not told.
    if (following_ && now > ended_at_ + kToldWithin) abort();
    return;
  }
  const auto why = over ? std::optional<std::string_view>("certificate-expired")
                        : principal_.ended(*service_.log.api_keys(), service_.log.now());
  if (!why) return;
  ended_ = why;
  ended_at_ = now;
  wake_.notify();
  if (waits) slots_.front().give_up();
}

bool Session::is_certificate_over() const {
  return certificate_ && service_.log.now() >= certificate_->expires;
}

void Session::drain() {
  // A request of which only a part is here has changed nothing yet, and is told so.
  if (deadlines_.reading != Deadlines::Reading::nothing) {
    stop_reading_.emit(asio::cancellation_type::terminal);
  }
  wake_.notify();
  if (!slots_.empty() && slots_.front().give_up) slots_.front().give_up();
}

void Session::abort() {
  broken_ = true;
  deadlines_.write = SteadyTime::max();
  transport_->close();
  answered_.notify();
  room_.notify();
  wake_.notify();
}

void Session::finish() {
  abort();
  first_ += slots_.size();
  const std::deque<Slot> gone = std::exchange(slots_, {});
  for (const Slot& slot : gone) {
    if (slot.give_up) slot.give_up();
  }
  worker_.remove(*this);
}

// --- Reading.

awaitable<void> Session::read_requests() {
  co_await asio::this_coro::throw_if_cancelled(false);
  deadlines_.expect(Deadlines::Reading::handshake, service_.options.handshake_timeout_ms);
  if (co_await transport_->open()) co_return;
  deadlines_.expect_nothing();
  certificate_ = transport_->certificate();
  while (!broken_) {
    if (!has_room()) {
      co_await room_.wait();
      continue;
    }
    if (service_.draining && !reader_.has_input()) co_return;
    auto request = co_await reader_.next();
    if (!request) {
      if (request.error()) refuse_last(std::move(*request.error()));
      co_return;
    }
    if (is_certificate_over()) {
      Manner last = manner_of(*request, nullptr);
      last.keep_alive = false;
      co_await refuse(std::move(*request), unauthorised_since("certificate-expired"),
                      std::move(last));
      co_return;
    }
    request->certificate = certificate_;
    auto admitted = admit(*request, service_);
    if (admitted) admitted = take_lease(std::move(*admitted));
    Manner manner = manner_of(*request, admitted ? admitted->match.route : nullptr);
    if (!co_await serve(std::move(*request), std::move(admitted), std::move(manner))) co_return;
  }
}

awaitable<bool> Session::serve(Request request, std::expected<Admitted, Response> admission,
                               Manner manner) {
  if (!admission) {
    co_return co_await refuse(std::move(request), std::move(admission.error()), std::move(manner));
  }
  Admitted& admitted = *admission;
  if (request.head.framing != Framing::none) {
    auto read = co_await reader_.read_body(request);
    if (!read) {
      if (read.error()) refuse_last(std::move(*read.error()));
      co_return false;
    }
    manner.request_bytes = request.body.size();
    if (auto refused = take_body(admitted, request, service_)) {
      co_await all_answered();
      answer(open_slot(manner), std::move(*refused));
      co_return manner.keep_alive;
    }
  }
  const bool large = manner.request_bytes > kLargeBodyBytes || admitted.packed;
  const bool pipelined = is_pipelined(manner.route) && !large;
  if (!pipelined) co_await all_answered();
  const bool more = manner.keep_alive;
  const uint64_t number = open_slot(std::move(manner));
  dispatch(std::move(request), std::move(admitted), number);
  if (!pipelined && !following_) co_await all_answered();
  if (following_) {
    co_await reader_.watch();
    peer_gone_ = true;
    wake_.notify();
    transport_->cancel();  // the writer may wait for room that never comes
    co_return false;
  }
  co_return more;
}

awaitable<bool> Session::refuse(Request request, Response response, Manner manner) {
  co_await all_answered();
  const bool has_body = request.head.framing != Framing::none;
  if (has_body && (!manner.keep_alive || !reader_.may_skip_body(request.head))) {
    manner.keep_alive = false;
    refused_ = true;
  }
  const bool more = manner.keep_alive;
  answer(open_slot(std::move(manner)), std::move(response));
  if (!more || !has_body) co_return more;
  refused_ = !co_await reader_.skip_body(request.head);
  co_return !refused_;
}

awaitable<void> Session::all_answered() {
  while (waiting_ > 0 && !broken_) co_await room_.wait();
}

bool Session::has_room() const {
  return slots_.size() < service_.options.pipeline_max && waiting_bytes_ < kPipelineBytes;
}

uint64_t Session::open_slot(Manner manner) {
  ++waiting_;
  waiting_bytes_ += manner.request_bytes;
  slots_.push_back({.manner = std::move(manner)});
  return first_ + slots_.size() - 1;
}

void Session::dispatch(Request request, Admitted admitted, uint64_t number) {
  Answer answer(shared_from_this(), worker_.mailbox(), number);
  Match& match = admitted.match;
  if (service_.draining && is_pipelined(match.route)) {
    return answer.now(
        problem({.code = Code::closed, .message = "the server is draining: send this again later"},
                Asked::appending));
  }
  principal_ = admitted.principal;
  ended_ = std::nullopt;
  const Handling handler = match.route->handling;
  const bool packed = admitted.packed;
  const bool large = packed || request.body.size() > kLargeBodyBytes;
  Call call{service_,
            std::move(request),
            *match.route,
            std::move(match.names),
            std::move(admitted.query),
            std::move(admitted.account),
            std::move(admitted.principal)};
  if (!large) return handler(std::move(call), std::move(answer));
  answer.elsewhere(service_, [handler, packed, call = std::move(call)](Answer to) mutable {
    if (packed) {
      if (auto refused = unpack_body(call.request, call.service)) {
        return to.now(std::move(*refused));
      }
      owe_bytes(call.account, call.route, call.request.body.size());
    }
    handler(std::move(call), std::move(to));
  });
}

// Answers a request that could not be read, the last of its connection.
void Session::refuse_last(Response response) {
  refused_ = true;
  answer(open_slot(manner_of_unreadable()), std::move(response));
}

// --- Answering.

Session::Slot* Session::waiting_slot(uint64_t number) {
  // The connection may have gone since.
  if (number < first_ || number - first_ >= slots_.size()) return nullptr;
  return &slots_[number - first_];
}

void Session::set_ready(Slot& slot) {
  slot.ready = true;
  --waiting_;
  waiting_bytes_ -= slot.manner.request_bytes;
  if (&slot == &slots_.front()) answered_.notify();
  room_.notify();
}

HeadContext Session::head_context(const Manner& manner) const {
  return {.http_1_0 = manner.http_1_0, .keep_alive = manner.keep_alive, .date = worker_.date()};
}

void Session::answer(uint64_t number, Response response) {
  Slot* slot = waiting_slot(number);
  if (!slot) return;
  // What came while it waited is not for it any more.
  if (ended_ && slot->give_up) response = unauthorised_since(*ended_);
  service_.metrics.answered(service_.routes.index_of(slot->manner.route), response.status);
  tell(slot->manner, response.status, response.body.size());
  response.headers += slot->manner.cross_origin;
  append_head(slot->text, response, head_context(slot->manner));
  if (slot->manner.head_only) {
    // The head alone, with the length that the body would have.
  } else if (response.body.size() <= kSmallBytes) {
    slot->text += response.body;
  } else {
    slot->large_body = std::move(response.body);
  }
  set_ready(*slot);
}

void Session::answer(uint64_t number, std::unique_ptr<Follow> follow) {
  Slot* slot = waiting_slot(number);
  if (!slot) return;
  auto lease = service_.quotas.open(account_, QuotaKind::followers);
  if (!lease) return answer(number, std::move(lease.error()));
  follower_lease_ = std::move(*lease);
  service_.metrics.answered(service_.routes.index_of(slot->manner.route), 200);
  following_ = true;
  slot->follow = std::move(follow);
  set_ready(*slot);
}

bool Session::is_awaited(uint64_t number) const {
  return !broken_ && number >= first_ && number - first_ < slots_.size() &&
         !transport_->is_peer_gone();
}

void Session::on_give_up(uint64_t number, std::function<void()> callback) {
  if (Slot* slot = waiting_slot(number)) slot->give_up = std::move(callback);
}

// --- Writing.

awaitable<void> Session::write_answers() {
  std::string out;
  std::string large_body;
  while (!broken_) {
    if (slots_.empty() || !slots_.front().ready) {
      if (slots_.empty() && reading_over_) break;
      co_await answered_.wait();
      continue;
    }
    if (slots_.front().follow) {
      auto follow = std::move(slots_.front().follow);
      const Manner manner = slots_.front().manner;
      co_await write_follow(std::move(follow), manner);
      tell(manner, 200, sent_);
      break;
    }
    out.clear();
    large_body.clear();
    gather(out, large_body);
    room_.notify();
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(out), asio::buffer(large_body)};
    deadlines_.write = std::chrono::steady_clock::now() +
                       std::chrono::milliseconds(service_.options.write_timeout_ms);
    const auto [error, count] = co_await transport_->write(buffers);
    deadlines_.write = SteadyTime::max();
    service_.metrics.bytes_out.fetch_add(count, std::memory_order_relaxed);
    if (error) abort();
  }
  stop_reading_.emit(asio::cancellation_type::terminal);
  while (!reading_over_) co_await answered_.wait();
  if ((refused_ || reader_.has_input()) && !broken_) co_await linger();
}

// Takes answers that are ready off the front, until there is enough for one write.
void Session::gather(std::string& out, std::string& large_body) {
  while (!slots_.empty() && slots_.front().ready && !slots_.front().follow &&
         out.size() < kWriteBytes && large_body.empty()) {
    Slot& slot = slots_.front();
    if (out.empty()) {
      out.swap(slot.text);
    } else {
      out += slot.text;
    }
    large_body.swap(slot.large_body);
    slots_.pop_front();
    ++first_;
  }
}

// Closing a socket that has unread input resets it, and the client might lose the answer: so the
// answer's end is sent first, and what the client still sends is dropped for a while.
awaitable<void> Session::linger() {
  co_await transport_->finish_writing();
  deadlines_.write = std::chrono::steady_clock::now() + kLinger;
  std::array<char, 4096> dropped;
  for (;;) {
    const auto [error, count] = co_await transport_->read({asio::buffer(dropped), {}});
    if (error) co_return;
  }
}

}  // namespace strandline::server
