// What is live of a server: its hub, the rules of its channels, and the application whose key and
// secret its clients may show.
//
// *Threads*: any; only the hub changes. *Ownership*: the server's; it outlives the workers.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/server_options.h"
#include "server/live/awaited.h"
#include "server/live/channel_rules.h"
#include "server/live/hub.h"

namespace strandline::server {

// Who signs channel tokens: the backend of a page, which has the secret. None, if `secret` is
// empty.
struct LiveApp {
  std::string id;
  std::string key;
  std::string secret;
  bool exists() const { return !secret.empty(); }
};

// In lower case.
std::string hex_of(std::string_view bytes);

struct Live {
  // `options` are valid: parse_live has read them.
  Live(Log& log, const ServerOptions& options);

  const ChannelRules rules;
  const LiveApp app;
  const std::string callback;  // a URL that is asked; empty: nobody is
  Hub hub;
  Awaited awaited;
  // Where the callback is waited for: apart, for a backend may be slow. Null: there is none.
  const std::unique_ptr<boost::asio::thread_pool> asking;
};

// Whether the options of live channels can be read; a sentence, if not.
std::optional<std::string> fault_in_live(const ServerOptions& options);

}  // namespace strandline::server
