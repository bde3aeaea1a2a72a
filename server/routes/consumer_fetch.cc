// POST /v1/consumers/{c}/fetch: what a member is to handle next, waited for if need be.
//
//   {"epoch":n, "max":10, "bytes":n, "wait_ms":0, "ack":[...], "nack":[...], "extend":[...],
//    "return":[...]}
//
// No thread waits: a poll asks, and asks again when something has come, when what others have is
// due, or when there was more to look at; it answers empty when its time is over. What is given
// to a client that has gone meanwhile goes back at once.
#include <array>
#include <boost/asio/steady_timer.hpp>

#include "schemas/frame.h"
#include "server/http/media_type.h"
#include "server/routes/consumer_take.h"
#include "server/routes/handlers.h"
#include "server/routes/json_body.h"
#include "server/wire/form.h"
#include "server/wire/settle_json.h"

namespace strandline::server {
namespace {

// Of who names no number: little enough to be done before its deadline.
constexpr uint64_t kFetchEventsDefault = 10;
constexpr uint64_t kWaitMaxMs = 60'000;
// For so long a poll goes on past its time, to search behind events that a filter leaves out.
constexpr auto kSearchOn = std::chrono::seconds(1);
constexpr std::array<std::string_view, 3> kGivenForms = {kJson, kNdjson, schema::kBatchMediaType};

struct FetchPlan {
  Fetch fetch;
  std::string_view type;
  Places places = Places::offsets;
  bool group = false;
};

Parsed<> read_fetch(JsonFields& fields, Fetch& fetch) {
  const auto epoch = fields.number("epoch");
  if (!epoch) return std::unexpected(epoch.error());
  const auto max = fields.number("max");
  if (!max) return std::unexpected(max.error());
  const auto bytes = fields.number("bytes");
  if (!bytes) return std::unexpected(bytes.error());
  const auto wait_ms = fields.number("wait_ms");
  if (!wait_ms) return std::unexpected(wait_ms.error());
  if (wait_ms->value_or(0) > kWaitMaxMs) {
    return std::unexpected("\"wait_ms\" is at most " + std::to_string(kWaitMaxMs));
  }
  fetch.epoch = epoch->value_or(0);
  fetch.events_max = max->value_or(kFetchEventsDefault);
  fetch.bytes_max = bytes->value_or(fetch.bytes_max);
  fetch.wait = std::chrono::milliseconds(wait_ms->value_or(0));
  Settle settle;
  if (auto ok = read_settle(fields, settle); !ok) return ok;
  if (!settle.acks.empty() || !settle.nacks.empty() || !settle.extends.empty() ||
      !settle.returns.empty()) {
    fetch.settle = std::move(settle);
  }
  return {};
}

std::expected<FetchPlan, Response> plan_fetch(const Call& call) {
  const auto chosen = negotiate(call.header(Header::accept), kGivenForms);
  if (!chosen) {
    return std::unexpected(problem(406, "not-acceptable",
                                   "Accept names nothing that there is here, which is: "
                                   "application/json, application/x-ndjson, "
                                   "application/vnd.strandline.batch"));
  }
  auto fields =
      take_object(call, {"epoch", "max", "bytes", "wait_ms", "ack", "nack", "extend", "return"});
  if (!fields) return std::unexpected(std::move(fields.error()));
  FetchPlan plan{.fetch = {.consumer = call.names[0]}, .type = kGivenForms[*chosen]};
  if (auto ok = read_fetch(*fields, plan.fetch); !ok) {
    return std::unexpected(not_valid(ok.error()));
  }
  const auto settings = call.service.log.consumer_settings(call.names[0]);
  if (!settings) return std::unexpected(problem(settings.error(), Asked::changing));
  const bool one = settings->select.kind == Selection::Kind::stream;
  plan.places = one ? Places::offsets : Places::sequences;
  plan.group = settings->is_consumer_group();
  return plan;
}

// The answer's body, from what was given.
std::string render_taken(const Taken& taken, std::string_view type, Places places) {
  const auto form = type == kJson     ? given_json_form(places)
                    : type == kNdjson ? given_ndjson_form(places)
                                      : frames_form();
  std::string out;
  form->open_page(out);
  for (const Gap& gap : taken.fetched.gaps) form->gap(out, gap);
  size_t at = 0;
  for (const Events& run : taken.fetched.runs) {
    form->attempt(taken.fetched.given[at].attempt);
    form->events(out, run, 0, SIZE_MAX);
    at += run.count();
  }
  form->close_page(out, 0, {});
  return out;
}

class Poll : public std::enable_shared_from_this<Poll> {
 public:
  Poll(Service& service, FetchPlan plan, Answer answer)
      : service_(service),
        plan_(std::move(plan)),
        answer_(std::move(answer)),
        mailbox_(answer_->mailbox()),
        timer_(mailbox_.context()),
        joins_(plan_.fetch.epoch == 0),
        deadline_(std::chrono::steady_clock::now() + plan_.fetch.wait),
        wait_(service.log.consumer_wait(plan_.fetch.consumer)) {}

  void start() {
    answer_->on_give_up([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->give_up();
    });
    given_up_ = service_.draining;
    ask();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void ask() {
    woken_ = false;
    // Before asking, so that nothing is missed.
    wait_.on_ready([weak = weak_from_this(), &mailbox = mailbox_] {
      mailbox.put([weak] {
        if (const auto self = weak.lock()) self->wake();
      });
    });
    asking_ = true;
    take(
        service_, mailbox_, plan_.fetch,
        [type = plan_.type, places = plan_.places](Taken& taken) {
          taken.text = render_taken(taken, type, places);
        },
        [self = shared_from_this()](Result<Taken> taken) { self->arrived(std::move(taken)); });
  }

  void wake() {
    woken_ = true;
    if (asking_ || !answer_) return;
    timer_.cancel();
    // For a client that has gone nothing is fetched.
    if (answer_->is_awaited()) return ask();
    finish_empty();
  }

  // The client has gone, or the server drains.
  void give_up() {
    given_up_ = true;
    if (!asking_ && answer_) finish_empty();
  }

  void arrived(Result<Taken> taken) {
    asking_ = false;
    if (!taken) return failed(taken.error());
    const Assignment& assignment = taken->assignment;
    if (assignment.settled) settled_ = assignment.settled;
    plan_.fetch.settle.reset();
    plan_.fetch.epoch = assignment.epoch;
    if (!taken->fetched.empty()) return finish_with(*taken);
    empty_ = std::move(taken->text);
    full_ = assignment.full;
    if (given_up_) return finish_empty();
    const auto now = Clock::now();
    if (assignment.more && now < deadline_ + kSearchOn) return ask();
    if (now >= deadline_) return finish_empty();
    if (woken_) return ask();
    timer_.expires_at(std::min(deadline_, steady_due(assignment).value_or(deadline_)));
    timer_.async_wait([self = shared_from_this()](const ErrorCode& error) {
      if (!error && !self->asking_ && self->answer_) self->ask();
    });
  }

  void failed(const Error& error) {
    // What was settled is settled; what is wrong now is still wrong when it is asked again.
    if (settled_) return finish_empty();
    finish(problem(error, Asked::changing));
  }

  void finish_with(const Taken& taken) {
    if (!answer_->is_awaited()) {
      if (plan_.group) {
        give_back(service_, taken.assignment, joins_);
      } else if (!taken.fetched.runs.empty()) {
        take_again();
      }
    }
    finish(print(taken.text));
  }

  void finish_empty() {
    if (!answer_->is_awaited() && joins_ && plan_.fetch.epoch != 0) {
      leave_later(service_, plan_.fetch.consumer, plan_.fetch.epoch);
    }
    if (full_ && !settled_) {
      return finish(problem(service_.log.full_of(plan_.fetch.consumer), Asked::changing));
    }
    finish(print(empty_));
  }

  // An exclusive consumer's reader has gone on without what it was given: it has to join again,
  // unless it, or another, has done so by now.
  void take_again() {
    const uint64_t epoch = plan_.fetch.epoch;
    boost::asio::post(service_.blocking, [&service = service_, name = plan_.fetch.consumer, epoch] {
      if (service.log.is_fenced(name, epoch)) return;
      // Nobody has seen what was given: it uses up no attempt.
      [[maybe_unused]] const Status untried = service.log.leave(name, epoch, true);
      if (const auto joined = service.log.join(name)) {
        [[maybe_unused]] const Status left = service.log.leave(name, joined->epoch);
      }
    });
  }

  Response print(const std::string& text) const {
    const std::string epoch = std::to_string(plan_.fetch.epoch);
    Response response{.content_type = plan_.type, .headers = "Strandline-Epoch: " + epoch + "\r\n"};
    if (plan_.type != kJson) {
      response.body = text;
      return response;
    }
    response.body = "{\"epoch\":" + epoch + ",";
    response.body += text.empty() ? "\"events\":[],\"gaps\":[]" : text;
    if (settled_) {
      response.body += ",\"settled\":";
      render_settled(response.body, *settled_);
    }
    response.body += "}\n";
    return response;
  }

  void finish(Response response) {
    wait_.disarm();
    timer_.cancel();
    Answer answer = std::move(*answer_);
    answer_.reset();
    answer.now(std::move(response));
  }

  Service& service_;
  FetchPlan plan_;
  std::optional<Answer> answer_;  // until it is given
  Mailbox& mailbox_;
  boost::asio::steady_timer timer_;
  const bool joins_;
  const SteadyTime deadline_;
  ConsumerWait wait_;
  bool asking_ = false;
  bool woken_ = false;  // since it was asked
  bool given_up_ = false;
  bool full_ = false;
  std::optional<Settled> settled_;
  std::string empty_;  // the body of an answer without events
};

}  // namespace

void fetch_consumer(Call call, Answer answer) {
  auto plan = plan_fetch(call);
  if (!plan) return answer.now(std::move(plan.error()));
  Service& service = call.service;
  answer.at_home([&service, plan = std::move(*plan)](Answer home) mutable {
    std::make_shared<Poll>(service, std::move(plan), std::move(home))->start();
  });
}

}  // namespace strandline::server
