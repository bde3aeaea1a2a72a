#include "server/routes/following.h"

namespace strandline::server {
namespace {

// A follower that says of which incarnation of the log its places are.
class PlacedFollow : public SubscriptionFollow {
 public:
  PlacedFollow(Subscription subscription, std::unique_ptr<Form> form, Places places,
               Principal principal, std::string headers)
      : SubscriptionFollow(std::move(subscription), std::move(form), places, std::move(principal)),
        headers_(std::move(headers)) {}
  std::string headers() const override { return headers_; }

 private:
  const std::string headers_;
};

}  // namespace

std::string_view take_suffix(std::string_view& text) {
  const size_t at = text.find('@');
  if (at == text.npos) return {};
  const std::string_view suffix = text.substr(at + 1);
  text = text.substr(0, at);
  return suffix;
}

Parsed<From> take_from(const Call& call, bool backward, const From& fallback) {
  // EventSource sends what it last saw; that wins over the address it was opened with. Other
  // clients, which read other forms, may do as it does.
  std::string_view last = call.header(Header::last_event_id);
  take_suffix(last);
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
  if (*text) {
    std::string_view place = **text;
    take_suffix(place);
    return parse_from(std::string(place));
  }
  return fallback;
}

Parsed<bool> take_names(const Call& call, bool event_stream) {
  const auto names = call.query.one("names");
  if (!names) return std::unexpected(names.error());
  if (!*names) return true;
  if (**names != "on" && **names != "off") return std::unexpected("names is on or off");
  if (!event_stream) {
    return std::unexpected("names is of server-sent events: ask for Accept: text/event-stream");
  }
  return **names == "on";
}

namespace {

void begin_following(Service& service, Following following, Answer home,
                     Result<Subscription> subscription) {
  if (!subscription && following.wait && subscription.error().code == Code::not_found) {
    auto awaiting =
        AwaitingFollow::start(service.log, std::move(following.read), std::move(following.form),
                              following.places, std::move(following.principal));
    if (!awaiting) return home.now(problem(awaiting.error(), Asked::reading));
    return home.follow(std::move(*awaiting));
  }
  if (!subscription) return home.now(problem(subscription.error(), Asked::reading));
  home.follow(std::make_unique<SubscriptionFollow>(std::move(*subscription),
                                                   std::move(following.form), following.places,
                                                   std::move(following.principal)));
}

}  // namespace

void follow(Service& service, Answer answer, Following following, boost::asio::thread_pool& pool) {
  const From::Kind from = following.read.from.kind;
  if (from != From::Kind::last && from != From::Kind::time) {
    auto subscription = service.log.subscribe(following.read);
    return begin_following(service, std::move(following), std::move(answer),
                           std::move(subscription));
  }
  answer.elsewhere_in(pool, [&service, following = std::move(following)](Answer away) mutable {
    auto subscription = service.log.subscribe(following.read);
    away.at_home([&service, following = std::move(following),
                  subscription = std::move(subscription)](Answer home) mutable {
      begin_following(service, std::move(following), std::move(home), std::move(subscription));
    });
  });
}

}  // namespace strandline::server
