// POST /v1/consumers/{c}/events: a member that is streamed to, for as long as its connection lasts.
//
// Not GET, for joining changes what other members get: a page of any site can have a browser GET.
// It joins at the beginning, says its epoch, and leaves at the end, so that others have what it did
// not ack at once. A group's member has at most `window` events in flight; its acks come by other
// requests. An exclusive one is a subscription from the committed position, and ends when a newer
// epoch takes over.
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "schemas/frame.h"
#include "server/http/media_type.h"
#include "server/routes/consumer_take.h"
#include "server/routes/handlers.h"

namespace strandline::server {
namespace {

constexpr uint64_t kWindowDefault = 100;
constexpr uint64_t kWindowMax = 10'000;
// Until a member asks again whom the log had no room for.
constexpr auto kBusyPause = std::chrono::milliseconds(50);
constexpr std::array<std::string_view, 3> kMemberForms = {kNdjson, schema::kBatchMediaType,
                                                          kEventStream};

std::string epoch_header(uint64_t epoch) {
  return "Strandline-Epoch: " + std::to_string(epoch) + "\r\n";
}

// A member, and what it is given: state of a session's thread that outlives the session while the
// log still owes it something.
class Member : public std::enable_shared_from_this<Member> {
 public:
  Member(Service& service, Mailbox& mailbox, std::string consumer, Joined joined, size_t window)
      : service_(service),
        mailbox_(mailbox),
        consumer_(std::move(consumer)),
        joined_(joined),
        window_(window),
        wait_(service.log.consumer_wait(consumer_)),
        timer_(mailbox.context()) {}

  const Joined& joined() const { return joined_; }

  // What has come, if something has; otherwise it is asked for.
  std::optional<Result<Taken>> take_arrived() {
    if (arrived_) return std::exchange(arrived_, std::nullopt);
    if (!asking_) ask();
    return std::nullopt;
  }

  void on_ready(std::function<void()> callback) {
    if (arrived_) return callback();
    callback_ = std::move(callback);
  }

  // Nobody wants more of it.
  void leave() {
    left_ = true;
    callback_ = nullptr;
    wait_.disarm();
    timer_.cancel();
    if (!asking_) leave_later(service_, consumer_, joined_.epoch);
  }

 private:
  void ask() {
    woken_ = false;
    timer_.cancel();
    wait_.on_ready([weak = weak_from_this(), &mailbox = mailbox_] {
      mailbox.put([weak] {
        if (const auto self = weak.lock()) self->wake();
      });
    });
    asking_ = true;
    take(service_, mailbox_,
         {.consumer = consumer_, .epoch = joined_.epoch, .events_max = window_, .window = window_},
         nullptr,
         [self = shared_from_this()](Result<Taken> taken) { self->arrive(std::move(taken)); });
  }

  void ask_at(SteadyTime due) {
    timer_.expires_at(due);
    timer_.async_wait([self = shared_from_this()](const ErrorCode& error) {
      if (!error && !self->asking_ && !self->arrived_ && !self->left_) self->ask();
    });
  }

  void wake() {
    woken_ = true;
    if (!asking_ && !arrived_ && !left_) ask();
  }

  void arrive(Result<Taken> taken) {
    asking_ = false;
    // What was given to it goes to others.
    if (left_) return leave_later(service_, consumer_, joined_.epoch);
    if (!taken && taken.error().code == Code::busy) {
      return ask_at(std::chrono::steady_clock::now() + kBusyPause);
    }
    if (taken && taken->fetched.empty()) {
      if (woken_ || taken->assignment.more) return ask();
      const auto due = steady_due(taken->assignment);
      if (due) ask_at(*due);
      return;
    }
    arrived_ = std::move(taken);
    if (auto callback = std::exchange(callback_, nullptr)) callback();
  }

  Service& service_;
  Mailbox& mailbox_;
  const std::string consumer_;
  const Joined joined_;
  const size_t window_;
  ConsumerWait wait_;
  boost::asio::steady_timer timer_;  // until what others have is due
  std::function<void()> callback_;
  std::optional<Result<Taken>> arrived_;
  bool asking_ = false;
  bool woken_ = false;  // since it asked
  bool left_ = false;
};

class MemberFollow : public Follow {
 public:
  MemberFollow(std::shared_ptr<Member> member, std::unique_ptr<Form> form)
      : member_(std::move(member)), form_(std::move(form)) {}
  ~MemberFollow() override { member_->leave(); }

  std::string_view media_type() const override { return form_->media_type(); }
  std::string headers() const override { return epoch_header(member_->joined().epoch); }

  void open(std::string& out) override {
    const Joined& joined = member_->joined();
    form_->open_stream(out, joined.position);
    form_->joined(out, joined.epoch, joined.position);
  }

  Filled fill(std::string& out, size_t bytes_max) override {
    while (out.size() < bytes_max) {
      if (!fetched_) {
        auto taken = member_->take_arrived();
        if (!taken) return Filled::nothing_left;
        if (!*taken) return end(out, taken->error());
        begin(out, std::move((*taken)->fetched));
      }
      if (print(out, bytes_max)) fetched_.reset();
    }
    return Filled::more;
  }

  void keepalive(std::string& out) override { form_->keepalive(out, member_->joined().position); }
  void say_ended(std::string& out, std::string_view reason) override { form_->ended(out, reason); }
  void rest() override {}
  void on_ready(std::function<void()> callback) override { member_->on_ready(std::move(callback)); }

 private:
  Filled end(std::string& out, const Error& error) {
    // It was reset, or deleted: who joins again goes on from there, or is told.
    if (error.code == Code::fenced || error.code == Code::not_found) {
      form_->fenced(out, member_->joined().epoch);
    }
    return Filled::closed;
  }

  void begin(std::string& out, Fetched fetched) {
    for (const Gap& gap : fetched.gaps) form_->gap(out, gap);
    fetched_.emplace(std::move(fetched));
    run_ = given_ = printed_ = 0;
  }

  // Whether all of it has been printed.
  bool print(std::string& out, size_t bytes_max) {
    while (run_ < fetched_->runs.size()) {
      const Events& events = fetched_->runs[run_];
      form_->attempt(fetched_->given[given_].attempt);
      printed_ = form_->events(out, events, printed_, bytes_max);
      if (printed_ < events.count()) return false;
      given_ += events.count();
      printed_ = 0;
      ++run_;
      if (out.size() >= bytes_max) break;
    }
    return run_ == fetched_->runs.size();
  }

  const std::shared_ptr<Member> member_;
  const std::unique_ptr<Form> form_;
  std::optional<Fetched> fetched_;  // not yet printed to its end
  size_t run_ = 0;                  // of its runs, the one that is next
  size_t given_ = 0;                // events of the runs before
  uint32_t printed_ = 0;            // events of that run
};

class ExclusiveFollow : public SubscriptionFollow {
 public:
  ExclusiveFollow(Service& service, std::string consumer, Joined joined, Subscription subscription,
                  std::unique_ptr<Form> form, Places places)
      // Who may use a consumer may read all of it.
      : SubscriptionFollow(std::move(subscription), std::move(form), places, Principal()),
        service_(service),
        consumer_(std::move(consumer)),
        joined_(joined),
        wait_(service.log.consumer_wait(consumer_)) {}
  ~ExclusiveFollow() override { leave_later(service_, consumer_, joined_.epoch); }

  std::string headers() const override { return epoch_header(joined_.epoch); }

  void open(std::string& out) override {
    SubscriptionFollow::open(out);
    form_->joined(out, joined_.epoch, joined_.position);
    form_->attempt(1);
  }

  Filled fill(std::string& out, size_t bytes_max) override {
    if (is_fenced()) {
      form_->fenced(out, joined_.epoch);
      return Filled::closed;
    }
    return SubscriptionFollow::fill(out, bytes_max);
  }

  // Where the attempt at its first event is counted, too.
  Filled fill_from_disk(std::string& out, size_t bytes_max) override {
    const Filled filled = SubscriptionFollow::fill_from_disk(out, bytes_max);
    if (filled == Filled::closed && is_fenced()) form_->fenced(out, joined_.epoch);
    return filled;
  }

  void on_ready(std::function<void()> callback) override {
    // Armed first, so that no newer epoch is missed.
    wait_.on_change(callback);
    if (is_fenced()) return callback();
    SubscriptionFollow::on_ready(std::move(callback));
  }

 private:
  bool is_fenced() const { return service_.log.is_fenced(consumer_, joined_.epoch); }

  Service& service_;
  const std::string consumer_;
  const Joined joined_;
  ConsumerWait wait_;
};

struct MemberPlan {
  std::string consumer;
  bool group = false;
  size_t window = kWindowDefault;
  Places places = Places::offsets;
  std::unique_ptr<Form> form;
};

std::expected<MemberPlan, Response> plan_member(const Call& call) {
  if (auto known = call.query.allow({"window"}); !known) {
    return std::unexpected(malformed(known.error()));
  }
  if (!call.body().empty()) {
    return std::unexpected(malformed("a member's stream is asked for without a body"));
  }
  const auto window = call.query.number("window");
  if (!window) return std::unexpected(malformed(window.error()));
  if (*window && (**window == 0 || **window > kWindowMax)) {
    return std::unexpected(malformed("window is from 1 to " + std::to_string(kWindowMax)));
  }
  const auto chosen = negotiate(call.header(Header::accept), kMemberForms);
  if (!chosen) {
    return std::unexpected(problem(406, "not-acceptable",
                                   "Accept names nothing that there is here, which is: "
                                   "application/x-ndjson, application/vnd.strandline.batch, "
                                   "text/event-stream"));
  }
  const auto settings = call.service.log.consumer_settings(call.names[0]);
  if (!settings) return std::unexpected(problem(settings.error(), Asked::changing));
  const bool one = settings->select.kind == Selection::Kind::stream;
  MemberPlan plan{.consumer = call.names[0],
                  .group = settings->is_consumer_group(),
                  .window = window->value_or(kWindowDefault),
                  .places = one ? Places::offsets : Places::sequences};
  const std::string_view type = kMemberForms[*chosen];
  plan.form = type == kNdjson ? given_ndjson_form(plan.places)
              : type == kEventStream
                  ? given_sse_form(plan.places, call.service.options.sse_retry_ms)
                  : frames_form();
  return plan;
}

// Joins. Runs in the pool, because it waits for the log.
struct Membership {
  Joined joined;
  std::optional<Subscription> subscription;  // of an exclusive one
};

Result<Membership> become_member(Log& log, const MemberPlan& plan) {
  auto joined = log.join(plan.consumer);
  if (!joined) return std::unexpected(std::move(joined.error()));
  Membership membership{.joined = *joined};
  if (plan.group) return membership;
  auto subscription = log.subscribe_exclusive(plan.consumer, joined->epoch);
  if (!subscription) return std::unexpected(std::move(subscription.error()));
  membership.subscription.emplace(std::move(*subscription));
  return membership;
}

void follow_as_member(Service& service, MemberPlan plan, Membership membership, Answer answer) {
  std::unique_ptr<Follow> follow;
  if (plan.group) {
    auto member = std::make_shared<Member>(service, answer.mailbox(), std::move(plan.consumer),
                                           membership.joined, plan.window);
    follow = std::make_unique<MemberFollow>(std::move(member), std::move(plan.form));
  } else {
    follow = std::make_unique<ExclusiveFollow>(service, std::move(plan.consumer), membership.joined,
                                               std::move(*membership.subscription),
                                               std::move(plan.form), plan.places);
  }
  answer.follow(std::move(follow));
}

}  // namespace

void read_consumer(Call call, Answer answer) {
  auto plan = plan_member(call);
  if (!plan) return answer.now(std::move(plan.error()));
  Service& service = call.service;
  boost::asio::post(
      service.blocking, [&service, plan = std::move(*plan), answer = std::move(answer)]() mutable {
        auto membership = become_member(service.log, plan);
        Mailbox& mailbox = answer.mailbox();
        mailbox.put([&service, plan = std::move(plan), membership = std::move(membership),
                     answer = std::move(answer)]() mutable {
          if (!membership) return answer.now(problem(membership.error(), Asked::changing));
          follow_as_member(service, std::move(plan), std::move(*membership), std::move(answer));
        });
      });
}

}  // namespace strandline::server
