// A WebSocket (RFC 6455) over a Transport, by Beast: the handshake, what a client sends, and how it
// ends. What is sent of its own (the answer to the upgrade, pongs, closing frames) is left in
// output(), for the one writer that the connection has: so text frames, which are printed here by
// hand, leave many in one write, and the same bytes serve every socket.
//
// *Bounds*: a message has at most `message_bytes_max`; past it the socket closes with 1009. Against
// the protocol: 1002; text that is not UTF-8: 1007. There is no compression. *Threads*: its
// worker's. *Memory*: about 3 KiB while it is idle. *Lifetime*: outlives its coroutines.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/connection/transport.h"
#include "server/http/request_head.h"

namespace strandline::server {

inline constexpr std::string_view kPingFrame{"\x89\0", 2};

// Of a server: whole, and unmasked.
void append_text_frame(std::string& out, std::string_view text);

class WebSocket {
 public:
  // `input`: what came behind the request already. `on_output`: output() has more.
  WebSocket(std::unique_ptr<Transport> transport, std::string input, size_t message_bytes_max,
            std::function<void()> on_output);
  ~WebSocket();

  // Answers the request; `headers` are names and values of the answer's. False: it was refused.
  struct Header {
    std::string name, value;
  };
  awaitable<bool> accept(const RequestHead& head, std::vector<Header> headers);

  struct Message {
    enum class Kind { text, binary, over };
    Kind kind = Kind::over;
    std::string_view text = {};  // until the next read
  };
  awaitable<Message> read();
  // Sends a closing frame behind what is in output(), once; reads go on until the other side's.
  void close(uint16_t code, std::string reason);

  Transport& transport();
  std::string& output();
  // output() was sent: there is room again.
  void sent();
  // A closing frame is in output(), or was: nothing may follow it.
  bool is_closing() const;
  // When bytes came last.
  SteadyTime heard() const;

 private:
  struct Beast;  // websocket.cc
  std::unique_ptr<Beast> beast_;
};

}  // namespace strandline::server
