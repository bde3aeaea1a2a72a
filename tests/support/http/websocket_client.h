// A WebSocket client that can be as rude as a test likes: frames by hand over a blocking socket.
//
// *Errors*: ConnectionLost when the other side is gone or silent past the deadline. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/support/http/http.h"

namespace strandline::tests {

class WebSocketClient {
 public:
  enum Opcode : unsigned { more = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
  struct Frame {
    unsigned opcode = 0;
    std::string payload = {};
    // Of a closing frame; 0: it has none.
    unsigned code() const;
  };

  // Asks for the upgrade; answer() says what came of it.
  explicit WebSocketClient(Address address, const std::string& target = "/v1/live",
                           const Headers& headers = {});

  const Response& answer() const { return answer_; }
  bool is_open() const { return answer_.status == 101; }

  void send(const std::string& message) { write(frame(text, message)); }
  void write(std::string_view bytes) { client_.write(bytes); }
  // Masked, as a client's is.
  static std::string frame(unsigned opcode, std::string_view payload, bool last = true,
                           bool masked = true);

  // The next frame, as it comes; nothing at the end of the connection.
  std::optional<Frame> next(std::chrono::milliseconds deadline = kDeadline);
  // The next message, with pings answered; throws ConnectionLost at a closing frame.
  Json message(std::chrono::milliseconds deadline = kDeadline);
  // The next message whose `op` (or Pusher's `event`) is this; others are passed over.
  Json message(const std::string& op);
  // Reads to the closing frame; its code. 0: the connection ended without one.
  unsigned closed();

 private:
  HttpClient client_;
  Response answer_;
};

}  // namespace strandline::tests
