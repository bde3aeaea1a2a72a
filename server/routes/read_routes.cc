// GET /v1/streams/{s}/events and /v1/all/events: a page, or with follow=true history and then live;
// with wait=true of a stream that need not exist yet.
#include <array>

#include "schemas/frame.h"
#include "server/http/media_type.h"
#include "server/routes/handlers.h"
#include "server/routes/page.h"
#include "server/routes/stream_name.h"

namespace strandline::server {
namespace {

// In the order of preference. A page may also be asked for as SSE, which means to follow.
constexpr std::array<std::string_view, 4> kForms = {kJson, kNdjson, schema::kBatchMediaType,
                                                    kEventStream};

struct Plan {
  ReadOptions read;
  Principal principal = {};
  bool follow = false;
  bool wait = false;  // for a stream that does not exist yet
  Places places = Places::offsets;
  std::unique_ptr<Form> form;
};
using Planned = std::expected<Plan, Response>;

Parsed<From> take_from(const Call& call, bool backward) {
  // EventSource sends what it last saw; that wins over the address it was opened with. Other
  // clients, which read other forms, may do as it does.
  const std::string_view last = call.header(Header::last_event_id);
  if (!last.empty()) {
    if (backward) return std::unexpected("Last-Event-ID goes on forward; leave out the direction");
    const auto place = parse_number(last);
    if (!place || *place == UINT64_MAX) {
      return std::unexpected(
          "Last-Event-ID is the id of an event that this server sent: a whole "
          "number in decimal");
    }
    return From::position(*place + 1);
  }
  auto text = call.query.one("from");
  if (!text) return std::unexpected(text.error());
  if (*text) return parse_from(std::move(**text));
  return backward ? From::latest() : From::earliest();
}

Parsed<> take_bounds(const Call& call, Plan& plan) {
  const ServerOptions& options = call.service.options;
  const auto limit = call.query.number("limit");
  if (!limit) return std::unexpected(limit.error());
  const auto direction = call.query.one("direction");
  if (!direction) return std::unexpected(direction.error());
  if (*direction && **direction != "forward" && **direction != "backward") {
    return std::unexpected("direction is forward or backward");
  }
  plan.read.backward = *direction == "backward";
  if (plan.follow) {
    if (*limit) return std::unexpected("limit is a page's; a follower takes what it can");
    if (plan.read.backward) return std::unexpected("a follower reads forward only");
    return {};
  }
  if (plan.read.backward && plan.read.select.kind != Selection::Kind::stream) {
    return std::unexpected("direction=backward reads one stream: /v1/streams/{name}/events");
  }
  if (*limit && (**limit == 0 || **limit > options.page_events_max)) {
    return std::unexpected("limit is from 1 to " + std::to_string(options.page_events_max));
  }
  plan.read.events_max = limit->value_or(options.page_events_default);
  return {};
}

Response not_acceptable(std::span<const std::string_view> offers) {
  std::string detail = "Accept names nothing that there is here, which is:";
  for (const std::string_view offer : offers) detail += " " + std::string(offer);
  return problem(406, "not-acceptable", std::move(detail));
}

std::unique_ptr<Form> make_form(std::string_view type, const Call& call, bool positions,
                                Places places) {
  if (type == kJson) return json_form();
  if (type == kNdjson) return ndjson_form(positions);
  if (type == kEventStream) return sse_form(places, call.service.options.sse_retry_ms);
  return frames_form();
}

Planned plan(const Call& call, Selection select) {
  const auto bad = [](std::string why) { return std::unexpected(malformed(std::move(why))); };
  const auto follow = call.query.flag("follow");
  if (!follow) return bad(follow.error());
  const auto wait = call.query.flag("wait");
  if (!wait) return bad(wait.error());
  const auto positions = call.query.flag("positions");
  if (!positions) return bad(positions.error());

  const std::span<const std::string_view> offers =
      *follow ? std::span(kForms).subspan(1) : std::span(kForms);
  const auto chosen = negotiate(call.header(Header::accept), offers);
  if (!chosen) return std::unexpected(not_acceptable(offers));
  const std::string_view type = offers[*chosen];
  const bool event_stream = type == kEventStream;

  Plan plan{.read = {.select = std::move(select),
                     .types = call.query.list("type"),
                     .subjects = call.query.list("subject")},
            .principal = call.principal,
            .follow = *follow || event_stream,
            .wait = *wait};
  if (plan.wait && !plan.follow) return bad("wait is a follower's: add follow=true");
  if (auto ok = take_bounds(call, plan); !ok) return bad(ok.error());
  auto from = take_from(call, plan.read.backward);
  if (!from) return bad(from.error());
  plan.read.from = *from;
  plan.places =
      plan.read.select.kind == Selection::Kind::stream ? Places::offsets : Places::sequences;
  // In the cursor, so that neither a filter nor a limit tells of streams that it may not read.
  const bool everything = call.principal.may_everything(Action::read);
  if (plan.places == Places::sequences && !everything) {
    plan.read.visible = [principal = call.principal](std::string_view stream) {
      return principal.may(Action::read, stream);
    };
  }
  plan.form = make_form(type, call, *positions, plan.places);
  return plan;
}

// Where the last N are is searched for, unless these are the last of one stream or of all.
boost::asio::thread_pool& pool_for(Service& service, const ReadOptions& read) {
  const bool plain =
      read.filter().empty() && !read.visible &&
      (read.select.kind == Selection::Kind::stream || read.select.kind == Selection::Kind::all);
  return read.from.kind == From::Kind::last && !plain ? service.searching : service.blocking;
}

void read(Call call, Answer answer, Selection select) {
  auto planned = plan(call, std::move(select));
  if (!planned) return answer.now(std::move(planned.error()));
  Service& service = call.service;
  boost::asio::thread_pool& pool = pool_for(service, planned->read);
  if (!planned->follow) {
    return answer.block_in(pool, [&service, plan = std::move(*planned)]() mutable {
      return read_page(service, plan.principal, std::move(plan.read), *plan.form);
    });
  }
  const auto begin = [&service](Plan plan, Answer home, Result<Subscription> subscription) {
    if (!subscription && plan.wait && subscription.error().code == Code::not_found) {
      auto awaiting = AwaitingFollow::start(service.log, std::move(plan.read), std::move(plan.form),
                                            plan.places, std::move(plan.principal));
      if (!awaiting) return home.now(problem(awaiting.error(), Asked::reading));
      return home.follow(std::move(*awaiting));
    }
    if (!subscription) return home.now(problem(subscription.error(), Asked::reading));
    home.follow(std::make_unique<SubscriptionFollow>(std::move(*subscription), std::move(plan.form),
                                                     plan.places, std::move(plan.principal)));
  };
  const From::Kind from = planned->read.from.kind;
  if (from != From::Kind::last && from != From::Kind::time) {
    auto subscription = service.log.subscribe(planned->read);
    return begin(std::move(*planned), std::move(answer), std::move(subscription));
  }
  // Where to begin is looked for on the disk.
  answer.elsewhere_in(pool, [&service, begin, plan = std::move(*planned)](Answer away) mutable {
    auto subscription = service.log.subscribe(plan.read);
    away.at_home([begin, plan = std::move(plan),
                  subscription = std::move(subscription)](Answer home) mutable {
      begin(std::move(plan), std::move(home), std::move(subscription));
    });
  });
}

}  // namespace

void read_events(Call call, Answer answer) {
  if (auto known = call.query.allow(
          {"from", "limit", "type", "subject", "direction", "follow", "positions", "wait"});
      !known) {
    return answer.now(malformed(known.error()));
  }
  if (auto refused = check_read_name(call.service, call.names[0])) {
    return answer.now(std::move(*refused));
  }
  auto select = Selection::stream(call.names[0]);
  read(std::move(call), std::move(answer), std::move(select));
}

void read_all(Call call, Answer answer) {
  if (auto known = call.query.allow({"from", "limit", "type", "subject", "direction", "follow",
                                     "positions", "stream", "prefix"});
      !known) {
    return answer.now(malformed(known.error()));
  }
  auto streams = call.query.all("stream");
  auto prefix = call.query.one("prefix");
  if (!prefix) return answer.now(malformed(prefix.error()));
  if (!streams.empty() && *prefix) {
    return answer.now(malformed("stream and prefix do not go together"));
  }
  for (const std::string& stream : streams) {
    if (auto refused = check_read_name(call.service, stream)) {
      return answer.now(std::move(*refused));
    }
  }
  auto select = !streams.empty()                ? Selection::list(std::move(streams))
                : !prefix->value_or("").empty() ? Selection::prefix(std::move(**prefix))
                                                : Selection::all();
  read(std::move(call), std::move(answer), std::move(select));
}

}  // namespace strandline::server
