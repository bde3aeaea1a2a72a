// A protocol that live clients speak: what it makes of a message, and how it words what it tells.
//
// Two implementations: Strandline's own (native_protocol.h) and Pusher's (pusher_protocol.h). What
// a subscription is, and who may have one, is the same in both. *Threads*: its connection's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/live/announcement.h"
#include "server/live/hub.h"
#include "server/live/websocket.h"
#include "server/wire/form.h"

namespace strandline::server {

class LiveConnection;

// What is to be subscribed to.
struct Subscribing {
  std::string channel;  // as frames call it (channel_text)
  Selection select;
  ReadOptions read = {};
  std::optional<ChannelMember> member = {};  // who joins; nothing: it only listens
  bool ephemeral = false;
  bool counts = false;
  bool sees_presence = false;  // is told who comes and leaves
};

// Why a connection ends that its client did not end.
enum class Ending : uint8_t { drained, too_old, not_allowed, binary, silent, by_server };
struct Farewell {
  uint16_t code;
  std::string reason;
};

// What a client is told is wrong: `code` as problems have it.
struct LiveError {
  std::string code;
  std::string message;
};

class LiveProtocol {
 public:
  virtual ~LiveProtocol() = default;
  virtual Wording wording() const = 0;
  virtual void opened(LiveConnection& connection) = 0;
  virtual void message(LiveConnection& connection, std::string_view text) = 0;
  // Sends the first word of a subscription, behind which its events come. `position`: nothing,
  // where it has none (an ephemeral channel).
  virtual void subscribed(LiveConnection& connection, const Subscribing& wanted,
                          std::optional<uint64_t> position, const Available& available,
                          const Hub::Entered& entered) = 0;
  // Prints a subscription's events, as whole frames.
  virtual std::unique_ptr<Form> form(const LiveConnection& connection, std::string channel,
                                     Places places) = 0;
  // Of the answer to the upgrade.
  virtual std::vector<WebSocket::Header> headers(const RequestHead& head) = 0;
  // The text of a frame.
  virtual std::string error(const LiveError& error, std::string_view channel) = 0;
  virtual Farewell farewell(Ending why, std::string_view detail) = 0;
  // Asks whether the client is there: whole frames.
  virtual std::string ping() = 0;
};

}  // namespace strandline::server
