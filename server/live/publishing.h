// An event that a live client publishes: into its stream, or, of an ephemeral channel and of a
// client event, to those who are there.
//
// Where the publish has an id, the same one again is answered as the first was, for as long as an
// idempotency key is kept. *Threads*: the connection's; it calls back there.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/log.h"
#include "server/live/announcement.h"
#include "server/live/live_connection.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {

// Nothing: it is kept nowhere.
using Published = std::expected<std::optional<Appended>, LiveError>;

struct Publishing {
  std::string channel;
  std::string_view event;  // CloudEvents' JSON
  std::string id = {};
};
void publish_event(LiveConnection& connection, const Publishing& publishing,
                   std::function<void(LiveConnection&, const Published&)> then);

// What of an event is told where it is not kept. `json`: the event.
LiveEvent live_event(const NewEvent& event, std::string_view json, std::string user = {});

}  // namespace strandline::server
