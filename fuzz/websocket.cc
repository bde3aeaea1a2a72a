// Frames from a client: a WebSocket over bytes in memory. How they are cut into reads must not
// matter: the messages, and what the server sends of its own, must be the same. Two bytes choose.
#include "server/live/websocket.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "engine/api/event_rules.h"
#include "engine/base/check.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "tests/support/http/memory_transport.h"

namespace strandline::server {
namespace {

constexpr size_t kMessageBytesMax = 1'000;

struct Heard {
  std::vector<std::string> messages = {};
  std::string sent = {};
  bool over = false;
};

RequestHead upgrade_head() {
  static constexpr std::string_view kText =
      "GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  auto head = parse_head(kText, {});
  CHECK_TRUE(head.has_value());
  return std::move(*head);
}

awaitable<void> hear_all(WebSocket& socket, RequestHead head, Heard& heard) {
  const bool accepted = co_await socket.accept(head, {});
  CHECK_TRUE(accepted);
  heard.sent += std::exchange(socket.output(), {});
  socket.sent();
  for (;;) {
    const WebSocket::Message message = co_await socket.read();
    heard.sent += std::exchange(socket.output(), {});
    socket.sent();
    if (message.kind == WebSocket::Message::Kind::over) break;
    CHECK_LE(message.text.size(), kMessageBytesMax);
    if (message.kind == WebSocket::Message::Kind::text) CHECK_TRUE(is_utf8(message.text));
    heard.messages.emplace_back(message.text);
  }
  heard.over = true;
}

Heard hear(std::span<const std::string_view> pieces) {
  asio::io_context context(1);
  Heard heard;
  WebSocket socket(std::make_unique<tests::MemoryTransport>(context.get_executor(), pieces), {},
                   kMessageBytesMax, [] {});
  asio::co_spawn(context, hear_all(socket, upgrade_head(), heard), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
  CHECK_TRUE(heard.over);
  return heard;
}

}  // namespace
}  // namespace strandline::server

FUZZ_TARGET(websocket) {
  using namespace strandline::server;
  strandline::fuzz::Input input(bytes);
  const size_t first = input.byte(), second = input.byte();
  const std::string_view text = input.rest().substr(0, 8 << 10);
  const Heard whole = hear(std::span(&text, 1));
  const std::string_view behind = text.substr(std::min(first, text.size()));
  const std::array<std::string_view, 3> pieces = {text.substr(0, first), behind.substr(0, second),
                                                  behind.substr(std::min(second, behind.size()))};
  const Heard cut = hear(pieces);
  CHECK_EQ(cut.messages.size(), whole.messages.size());
  for (size_t i = 0; i < cut.messages.size(); ++i) CHECK_EQ(cut.messages[i], whole.messages[i]);
  CHECK_EQ(cut.sent, whole.sent);
}
