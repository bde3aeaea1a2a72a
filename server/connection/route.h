// A route: a method and a path, who answers it, and what it needs of who asks. The table of all of
// them is route_table.cc; here is what an entry says, and how a request finds its own.
//
// An entry says everything or does not compile: no part of a Route has a default. Access control,
// the metrics' labels and the order of answers read the same entry. A path is split at its slashes
// before it is decoded, so that %2F is part of a name. *Errors*: 404 for a path that is not here,
// 405 with Allow for a method that a path does not take, 400 for a bad escape. HEAD is taken
// wherever GET is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/grant.h"
#include "server/connection/call.h"
#include "server/http/response.h"

namespace strandline::server {

// What a route needs: one action, or, said in so many words, any key at all, or nothing.
class Needs {
 public:
  constexpr Needs(Action action) : kind_(Kind::action), action_(action), other_(action) {}
  // One of two: the body says which, and where.
  static constexpr Needs either(Action action, Action other) {
    Needs needs(action);
    needs.other_ = other;
    return needs;
  }
  static constexpr Needs nothing() { return Needs(Kind::nothing); }
  static constexpr Needs any_key() { return Needs(Kind::any_key); }
  constexpr bool anything() const { return kind_ != Kind::nothing; }
  constexpr bool an_action() const { return kind_ == Kind::action; }
  constexpr Action action() const { return action_; }  // if an_action
  constexpr Action other() const { return other_; }    // the same, unless it is either

 private:
  enum class Kind : uint8_t { nothing, any_key, action };
  constexpr explicit Needs(Kind kind) : kind_(kind) {}
  Kind kind_;
  Action action_ = Action::admin;
  Action other_ = Action::admin;
};

// Where a request names the streams that it is about.
enum class StreamsIn : uint8_t {
  nowhere,  // it is about none
  path,     // {stream}
  query,    // `stream` and `prefix`; where both are absent, every stream: it shows what may be read
  body,     // the body, which its handler reads and has checked (checked.h)
  consumer,  // what the consumer of the path selects; of a list of consumers, what each does
  marks,     // none: it is about the ids that {consumer} has processed, and that name is checked
};

// Whether a connection's next request may begin before this one is answered: those may that go
// through the log's queue, which keeps their order.
enum class Order : uint8_t { alone, pipelined };

// Which of the headers that make a request conditional, or known when it is sent again, mean
// something here. One that does not is refused, where the request may change something: who sent it
// counts on it.
enum class Takes : uint8_t {
  neither,
  idempotency_key,
  all,  // also If-Match and If-None-Match, and a producer's
};

struct Route {
  constexpr Route(std::string_view method, std::string_view path, std::string_view name,
                  Handling handling, Order order, Needs needs, StreamsIn streams, Takes takes)
      : method(method),
        path(path),
        name(name),
        handling(handling),
        order(order),
        needs(needs),
        streams(streams),
        takes(takes) {}

  // Whether ce-* headers are an event's attributes here: CloudEvents' binary mode has one event, so
  // the stream stands in the path.
  constexpr bool takes_binary_mode() const {
    return needs.an_action() && needs.action() == Action::append && streams == StreamsIn::path;
  }

  std::string_view method;
  std::string_view path;  // a part in braces stands for a name: /v1/streams/{stream}
  std::string_view name;  // in metrics
  Handling handling;
  Order order;
  Needs needs;
  StreamsIn streams;
  Takes takes;
};

// GET, HEAD and OPTIONS change nothing (RFC 9110, section 9.2.1); every other method may.
bool is_safe_method(std::string_view method);

struct Match {
  const Route* route;
  std::vector<std::string> names = {};  // the path's parts in braces, decoded
  std::string_view query = {};          // into the target
};

// *Memory*: the routes are borrowed, for the program's life.
class RouteTable {
 public:
  constexpr explicit RouteTable(std::span<const Route> routes) : routes_(routes) {}

  // `target` is the request's, with its query.
  std::expected<Match, Response> match(std::string_view method, std::string_view target) const;
  std::span<const Route> routes() const { return routes_; }
  // A number for each route, from 0; the last, routes().size(), is for what has none.
  size_t index_of(const Route* route) const {
    return route ? static_cast<size_t>(route - routes_.data()) : routes_.size();
  }

 private:
  std::span<const Route> routes_;
};

}  // namespace strandline::server
