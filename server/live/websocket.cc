// The one source that compiles Beast's WebSocket.
#include "server/live/websocket.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <vector>

namespace strandline::server {
namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;

// Of pongs that a client asks for and does not read: it is not read from meanwhile.
constexpr size_t kOutputBytesMax = 16 << 10;
constexpr size_t kReadBytes = 256;         // of a message, at first
constexpr size_t kKeptBytesMax = 4 << 10;  // of the last message
// RFC 6455, section 5.5.1: a reason has at most 123 bytes.
constexpr size_t kReasonBytesMax = 123;

// What Beast reads from and writes to. Its writes are whole frames, and never wait for the socket.
class Pipe {
 public:
  using executor_type = asio::any_io_executor;

  Pipe(std::unique_ptr<Transport> given, std::string already, std::function<void()> told)
      : transport(std::move(given)),
        input(std::move(already)),
        on_output(std::move(told)),
        room(transport->executor()) {}
  executor_type get_executor() { return transport->executor(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    asio::mutable_buffer into;
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
         ++at) {
      into = *at;
      if (into.size() > 0) break;
    }
    return asio::async_initiate<Token, void(ErrorCode, size_t)>(
        [this](auto handler, asio::mutable_buffer target) {
          start(read(target), std::move(handler));
        },
        token, into);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    std::string bytes;
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
         ++at) {
      const asio::const_buffer part(*at);
      bytes.append(static_cast<const char*>(part.data()), part.size());
    }
    return asio::async_initiate<Token, void(ErrorCode, size_t)>(
        [this](auto handler, std::string text) {
          start(write(std::move(text)), std::move(handler));
        },
        token, std::move(bytes));
  }

  std::unique_ptr<Transport> transport;
  std::string input;   // came before this did
  std::string output;  // to be sent
  std::function<void()> on_output;
  Signal room;
  bool shaken = false;  // the handshake is over: what is written are frames
  bool closing = false;
  SteadyTime heard = std::chrono::steady_clock::now();

 private:
  template <class Handler>
  void start(awaitable<Transferred> step, Handler handler) {
    asio::co_spawn(
        get_executor(), std::move(step),
        [handler = std::move(handler)](std::exception_ptr failure, Transferred done) mutable {
          LogFailure{"a WebSocket's transport"}(failure);
          std::move(handler)(failure ? ErrorCode(asio::error::fault) : done.error, done.bytes);
        });
  }

  awaitable<Transferred> read(asio::mutable_buffer into) {
    if (into.size() == 0) co_return Transferred{};
    if (!input.empty()) {
      const size_t count = asio::buffer_copy(into, asio::buffer(input));
      input.erase(0, count);
      if (input.empty()) std::string().swap(input);
      co_return Transferred{{}, count};
    }
    const Transferred done = co_await transport->read({into, {}});
    heard = std::chrono::steady_clock::now();
    co_return done;
  }

  awaitable<Transferred> write(std::string bytes) {
    if (closing) co_return Transferred{{}, bytes.size()};  // nothing follows a closing frame
    constexpr unsigned char kCloses = 8;                   // the opcode
    if (shaken && !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 15) == kCloses) {
      closing = true;
    }
    output += bytes;
    on_output();
    while (output.size() > kOutputBytesMax) co_await room.wait();
    co_return Transferred{{}, bytes.size()};
  }
};

// The connection closes its transport itself, once what is left in `output` was sent.
template <class Handler>
void async_teardown(beast::role_type, Pipe& pipe, Handler&& handler) {
  asio::post(pipe.get_executor(),
             beast::bind_front_handler(std::forward<Handler>(handler), ErrorCode()));
}
[[maybe_unused]] void teardown(beast::role_type, Pipe&, ErrorCode& error) { error = {}; }
[[maybe_unused]] void beast_close_socket(Pipe& pipe) { pipe.transport->close(); }

}  // namespace

struct WebSocket::Beast {
  Beast(std::unique_ptr<Transport> transport, std::string input, std::function<void()> on_output)
      : stream(std::move(transport), std::move(input), std::move(on_output)) {}
  Pipe& pipe() { return stream.next_layer(); }

  websocket::stream<Pipe, false> stream;
  std::string message;
  bool ended = false;
};

void append_text_frame(std::string& out, std::string_view text) {
  constexpr char kWholeText = '\x81';
  out += kWholeText;
  const auto put = [&](int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(text.size() >> (8 * i));
  };
  if (text.size() < 126) {
    out += static_cast<char>(text.size());
  } else if (text.size() <= 0xffff) {
    out += static_cast<char>(126);
    put(2);
  } else {
    out += static_cast<char>(127);
    put(8);
  }
  out += text;
}

WebSocket::WebSocket(std::unique_ptr<Transport> transport, std::string input,
                     size_t message_bytes_max, std::function<void()> on_output)
    : beast_(
          std::make_unique<Beast>(std::move(transport), std::move(input), std::move(on_output))) {
  // Its timers would be one for each socket: the worker's sweep sees to all of that.
  beast_->stream.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                            websocket::stream_base::none(), false});
  beast_->stream.read_message_max(message_bytes_max);
}

WebSocket::~WebSocket() = default;

awaitable<bool> WebSocket::accept(const RequestHead& head, std::vector<Header> headers) {
  beast::http::request<beast::http::empty_body> request;
  request.version(head.http_1_0 ? 10 : 11);
  request.method_string({head.method.data(), head.method.size()});
  request.target({head.target.data(), head.target.size()});
  for (const Field& field : head.fields) {
    request.insert(beast::string_view(field.name.data(), field.name.size()),
                   beast::string_view(field.value.data(), field.value.size()));
  }
  beast_->stream.set_option(websocket::stream_base::decorator(
      [headers = std::move(headers)](websocket::response_type& response) {
        response.erase(beast::http::field::server);
        for (const Header& header : headers) response.set(header.name, header.value);
      }));
  const auto [error] = co_await beast_->stream.async_accept(request, as_values);
  beast_->pipe().shaken = true;
  if (error) beast_->ended = true;
  co_return !error;
}

awaitable<WebSocket::Message> WebSocket::read() {
  std::string& buffer = beast_->message;
  if (buffer.capacity() > kKeptBytesMax) std::string().swap(buffer);
  size_t size = 0;
  do {
    // As much again as there is: Beast ends it at the largest message.
    if (buffer.size() == size) buffer.resize(std::max(kReadBytes, 2 * size));
    const auto [error, count] = co_await beast_->stream.async_read_some(
        asio::buffer(buffer.data() + size, buffer.size() - size), as_values);
    if (error) {
      beast_->ended = true;
      co_return Message{};
    }
    size += count;
  } while (!beast_->stream.is_message_done());
  co_return Message{.kind = beast_->stream.got_text() ? Message::Kind::text : Message::Kind::binary,
                    .text = std::string_view(buffer).substr(0, size)};
}

// By hand: Beast's own closing waits for the read under way, which waits for it where what is read
// is against the protocol.
void WebSocket::close(uint16_t code, std::string reason) {
  Pipe& pipe = beast_->pipe();
  if (beast_->ended || pipe.closing || !pipe.shaken) return;
  reason.resize(std::min(reason.size(), kReasonBytesMax));
  constexpr char kWholeClose = '\x88';
  pipe.output += kWholeClose;
  pipe.output += static_cast<char>(2 + reason.size());
  pipe.output += static_cast<char>(code >> 8);
  pipe.output += static_cast<char>(code);
  pipe.output += reason;
  pipe.closing = true;
  pipe.on_output();
}

Transport& WebSocket::transport() { return *beast_->pipe().transport; }
std::string& WebSocket::output() { return beast_->pipe().output; }
void WebSocket::sent() { beast_->pipe().room.notify(); }
bool WebSocket::is_closing() const { return beast_->pipe().closing; }
SteadyTime WebSocket::heard() const { return beast_->pipe().heard; }

}  // namespace strandline::server
