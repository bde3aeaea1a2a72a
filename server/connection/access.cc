#include "server/connection/access.h"

#include <algorithm>

#include "server/base/secret.h"
#include "server/connection/service.h"
#include "server/connection/ticket.h"
#include "server/http/authorization.h"
#include "server/http/problem.h"

namespace strandline::server {
namespace {

// What a client is told that shows nothing, or nothing that is good: one answer for all of it.
constexpr char kUnknown[] =
    "what was shown is no key, token or certificate that is good: it may be mistyped, revoked, "
    "rotated or expired";

Response forbidden(const Principal& principal, Action action, const std::string& on) {
  return problem(403, "forbidden",
                 principal.who() + " is not granted " + std::string(name_of(action)) + on);
}

std::string quoted(std::string_view name) {
  return " on \"" + std::string(name.substr(0, 300)) + "\"";
}

// As the log says it of one that is not there.
Response no_such_consumer(std::string_view name) {
  return problem({.code = Code::not_found, .message = "no consumer \"" + std::string(name) + "\""},
                 Asked::changing);
}

std::optional<Response> refuse_stream(const Principal& principal, Action action,
                                      std::string_view stream) {
  if (principal.may(action, stream)) return std::nullopt;
  return forbidden(principal, action, quoted(stream));
}

std::optional<Response> refuse_something(const Principal& principal, Action action) {
  if (principal.may_something(action)) return std::nullopt;
  return forbidden(principal, action, " on anything");
}

std::optional<Response> refuse_selection(const Principal& principal, Action action,
                                         const Selection& select) {
  if (principal.may_select(action, select)) return std::nullopt;
  switch (select.kind) {
    case Selection::Kind::stream:
    case Selection::Kind::list:
      for (const std::string& name : select.names) {
        if (auto refused = refuse_stream(principal, action, name)) return refused;
      }
      break;
    case Selection::Kind::prefix:
      return forbidden(principal, action,
                       " on everything that begins with \"" + select.names.at(0) + "\"");
    case Selection::Kind::all:
      break;
  }
  return forbidden(principal, action, quoted(kAllName));
}

// A named consumer, or a reader that commits positions by itself.
std::optional<Response> refuse_consumer(const Principal& principal, std::string_view name,
                                        const Log& log) {
  if (principal.is_admin()) return std::nullopt;
  if (auto refused = refuse_something(principal, Action::consume)) return refused;
  if (const auto settings = log.consumer_settings(name)) {
    if (may_use(principal, *settings)) return std::nullopt;
    return no_such_consumer(name);
  }
  const auto positions = log.positions_of(name);
  const bool may_all = std::ranges::all_of(positions, [&](const ConsumerPosition& position) {
    return principal.may(Action::consume, position.stream);
  });
  if (may_all && !positions.empty()) return std::nullopt;
  return no_such_consumer(name);
}

// A place of a consumer in a stream: its own consumer's, or one in a stream that it may consume.
std::optional<Response> refuse_position(const Principal& principal, std::string_view consumer,
                                        std::string_view stream, const Log& log) {
  if (!principal.key()) return std::nullopt;
  const auto settings = log.consumer_settings(consumer);
  if (settings && may_use(principal, *settings)) return std::nullopt;
  if (auto refused = refuse_stream(principal, Action::consume, stream)) return refused;
  if (settings) return no_such_consumer(consumer);
  return std::nullopt;
}

// The key whose name is the certificate's.
std::expected<Principal, Response> by_certificate(const ClientCertificate& certificate,
                                                  const ApiKeys& keys, Timestamp now) {
  ApiKeyPointer key = certificate.name.empty() ? nullptr : keys.find(certificate.name);
  if (!key || key->revoked || key->expired(now) || now >= certificate.expires) {
    return std::unexpected(unauthorised(kUnknown));
  }
  return Principal(std::move(key), certificate.expires);
}

std::string_view named_in(const Match& match, std::string_view part) {
  size_t index = 0;
  for (std::string_view path = match.route->path; !path.empty();) {
    const size_t begin = path.find('{');
    if (begin == std::string_view::npos) break;
    const size_t end = path.find('}', begin);
    if (path.substr(begin, end + 1 - begin) == part) return match.names[index];
    path.remove_prefix(end + 1);
    ++index;
  }
  return {};
}

}  // namespace

std::expected<Principal, Response> identify(const Request& request,
                                            const std::optional<std::string>& ticket,
                                            const Service& service) {
  const RequestHead& head = request.head;
  if (!service.is_guarded()) return Principal();
  const ApiKeysPointer keys = service.log.api_keys();
  if (head.has(Header::authorization) && ticket) {
    return std::unexpected(malformed("a ticket and an Authorization header do not go together"));
  }
  const Timestamp now = service.log.now();
  if (ticket) {
    auto principal = read_ticket(
        *ticket, {.keys = *keys, .tokens = service.tokens.get(), .secret = service.ticket_secret},
        now);
    if (!principal) return std::unexpected(unauthorised(principal.error()));
    return std::move(*principal);
  }
  if (!head.has(Header::authorization)) {
    // What is shown on purpose comes before what the connection has.
    if (service.identifies_clients && request.certificate) {
      return by_certificate(*request.certificate, *keys, now);
    }
    return std::unexpected(unauthorised("it needs an API key: send Authorization: Bearer SECRET"));
  }
  const auto shown = parse_authorization(head.field(Header::authorization));
  if (!shown) return std::unexpected(unauthorised(shown.error()));
  std::string digest = digest_of_secret(shown->secret);
  ApiKeyPointer key = keys->find_secret(digest);
  const bool known =
      key && (are_same_bytes(key->digest, digest) || are_same_bytes(key->old_digest, digest));
  const Credential credential = shown->basic ? Credential::basic : Credential::bearer;
  if (known && key->holds(digest, now)) {
    return Principal(std::move(key), std::move(digest), credential);
  }
  if (!known && service.tokens && shown->secret.contains('.')) {
    const auto token = service.tokens->verify(shown->secret, digest, now);
    if (token) return Principal(*token, credential);
  }
  return std::unexpected(unauthorised(kUnknown));
}

std::optional<Response> refuse(const Principal& principal, const Match& match, const Query& query,
                               const Log& log) {
  const Route& route = *match.route;
  if (!principal.key() || !route.needs.an_action()) return std::nullopt;
  const Action action = route.needs.action();
  switch (route.streams) {
    case StreamsIn::nowhere:
      if (!principal.may_everything(action)) return forbidden(principal, action, "");
      return std::nullopt;
    case StreamsIn::path:
      if (action == Action::consume) {
        return refuse_position(principal, named_in(match, "{consumer}"),
                               named_in(match, "{stream}"), log);
      }
      return refuse_stream(principal, action, named_in(match, "{stream}"));
    case StreamsIn::query:
      for (const std::string& stream : query.all("stream")) {
        if (auto refused = refuse_stream(principal, action, stream)) return refused;
      }
      return refuse_something(principal, action);
    case StreamsIn::body:
      if (principal.may_something(route.needs.other())) return std::nullopt;
      return refuse_something(principal, action);
    case StreamsIn::consumer: {
      const std::string_view consumer = named_in(match, "{consumer}");
      if (consumer.empty()) return refuse_something(principal, action);
      return refuse_consumer(principal, consumer, log);
    }
    case StreamsIn::marks:
      return refuse_stream(principal, action, named_in(match, "{consumer}"));
  }
  return forbidden(principal, action, "");
}

std::optional<Response> refuse(const Principal& principal, const AppendMany& request,
                               const Log& log) {
  for (const AppendMany::Part& part : request.parts) {
    if (auto refused = refuse_stream(principal, Action::append, part.stream)) return refused;
  }
  for (const Commit& commit : request.commits) {
    if (auto refused = refuse_position(principal, commit.consumer, commit.stream, log)) {
      return refused;
    }
  }
  for (const Settle& settle : request.settles) {
    if (auto refused = refuse_consumer(principal, settle.consumer, log)) return refused;
  }
  for (const ProcessedId& mark : request.once) {
    if (auto refused = refuse_stream(principal, Action::consume, mark.consumer)) return refused;
  }
  return std::nullopt;
}

std::optional<Response> refuse(const Principal& principal, const Broadcast& request, const Log&) {
  return refuse_selection(
      principal, Action::append,
      request.prefix.empty() ? Selection::all() : Selection::prefix(request.prefix));
}

std::optional<Response> refuse(const Principal& principal, const NewConsumer& request,
                               const Log& log) {
  if (!principal.key()) return std::nullopt;
  for (const Action action : {Action::consume, Action::read}) {
    if (auto refused = refuse_selection(principal, action, request.settings.select)) return refused;
  }
  // The log writes there in its name.
  const std::string& dead_letters = request.settings.dead_letters;
  if (!dead_letters.empty()) {
    if (auto refused = refuse_stream(principal, Action::append, dead_letters)) return refused;
  }
  const auto there = log.consumer_settings(request.name);
  if (!there || may_use(principal, *there)) return std::nullopt;
  return problem(403, "forbidden", "the name \"" + request.name + "\" is taken");
}

bool may_use(const Principal& principal, const ConsumerSettings& settings) {
  return principal.may_select(Action::consume, settings.select) &&
         principal.may_select(Action::read, settings.select);
}

Response unauthorised(std::string why) {
  Response response = problem(401, "unauthorized", std::move(why));
  // RFC 9110, section 11.6.1.
  response.headers =
      "WWW-Authenticate: Bearer realm=\"strandline\"\r\n"
      "WWW-Authenticate: Basic realm=\"strandline\", charset=\"UTF-8\"\r\n";
  return response;
}

Response unauthorised_since(std::string_view reason) {
  return unauthorised("it may not wait any longer: " + std::string(reason));
}

}  // namespace strandline::server
