#include "tests/support/http/http.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace strandline::tests {

namespace http = boost::beast::http;

namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

int connect_to(const Address& address) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.port)));
  inet_pton(AF_INET, address.host.c_str(), &to.sin_addr);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    ::close(socket);
    throw ConnectionRefused("cannot connect to " + address.url());
  }
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

// OpenSSL writes to a socket so that a peer that is gone raises SIGPIPE, in whatever it is asked to
// do: not in this thread, as long as this is there.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec at_once = {};
    sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_, before_;
};

ssize_t send_tls(SSL* tls, std::string_view bytes) {
  const WithoutSigpipe quiet;
  return SSL_write(tls, bytes.data(), static_cast<int>(bytes.size()));
}

template <class Parser>
void start(Parser& parser) {
  parser.eager(true);
  parser.body_limit(boost::none);
  parser.header_limit(1 << 20);
}

// Feeds what has been received; true if something was taken.
template <class Parser>
bool feed(Parser& parser, std::string& input) {
  if (input.empty()) return false;
  boost::system::error_code error;
  const size_t taken = parser.put(boost::asio::buffer(input), error);
  if (error && error != http::error::need_more)
    throw ConnectionLost("bad HTTP: " + error.message());
  input.erase(0, taken);
  return taken > 0;
}

}  // namespace

HttpClient::HttpClient(Address address) : address_(std::move(address)) { connect(); }

HttpClient::~HttpClient() { disconnect(); }

HttpClient::HttpClient(HttpClient&& other) noexcept
    : address_(other.address_),
      socket_(std::exchange(other.socket_, -1)),
      tls_(std::exchange(other.tls_, nullptr)),
      reusable_(other.reusable_),
      input_(std::move(other.input_)) {}

void HttpClient::connect() {
  socket_ = connect_to(address_);
  if (!address_.tls) return;
  static SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  tls_ = SSL_new(context);
  SSL_set_fd(tls_, socket_);
  if (!address_.certificate.empty()) {
    SSL_use_certificate_file(tls_, address_.certificate.c_str(), SSL_FILETYPE_PEM);
    SSL_use_PrivateKey_file(tls_, address_.key.c_str(), SSL_FILETYPE_PEM);
  }
  const WithoutSigpipe quiet;
  if (SSL_connect(tls_) == 1) return;
  disconnect();
  throw ConnectionLost("no TLS with " + address_.url());
}

void HttpClient::disconnect() {
  if (tls_) SSL_free(std::exchange(tls_, nullptr));
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

std::string HttpClient::request(const std::string& method, const std::string& target,
                                const std::string& body, const Headers& headers) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  if (!body.empty() || method == "POST" || method == "PUT") {
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return text + "\r\n" + body;
}

Response HttpClient::send(const std::string& method, const std::string& target,
                          const std::string& body, const Headers& headers) {
  if (!reusable_) {
    disconnect();
    connect();
    input_.clear();
    reusable_ = true;
  }
  write(request(method, target, body, headers));
  return read_response();
}

void HttpClient::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n =
        tls_ ? send_tls(tls_, bytes) : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) throw ConnectionLost("cannot send to " + address_.url());
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

bool HttpClient::fill(std::chrono::milliseconds deadline) {
  pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
  const bool pending = tls_ && SSL_pending(tls_) > 0;
  if (!pending && poll(&wait, 1, static_cast<int>(deadline.count())) == 0) {
    throw ConnectionLost("nothing from " + address_.url() + " within the deadline");
  }
  char bytes[65536];
  const WithoutSigpipe quiet;
  const ssize_t n =
      tls_ ? SSL_read(tls_, bytes, sizeof bytes) : ::recv(socket_, bytes, sizeof bytes, 0);
  if (n < 0) throw ConnectionLost("the connection to " + address_.url() + " broke");
  input_.append(bytes, static_cast<size_t>(n));
  return n > 0;
}

Response HttpClient::read_response(std::chrono::milliseconds deadline) {
  http::response_parser<http::string_body> parser;
  start(parser);
  while (!parser.is_done()) {
    if (feed(parser, input_)) continue;
    if (!fill(deadline)) {
      boost::system::error_code error;
      if (parser.got_some()) parser.put_eof(error);
      if (!parser.is_done()) throw ConnectionLost("the answer was cut off");
    }
  }
  Response response{.status = parser.get().result_int()};
  for (const auto& field : parser.get()) {
    response.headers[lower(std::string(field.name_string()))] = std::string(field.value());
  }
  response.body = std::move(parser.get().body());
  reusable_ = parser.get().keep_alive();
  return response;
}

bool HttpClient::closed(std::chrono::milliseconds deadline) {
  try {
    return input_.empty() && !fill(deadline);
  } catch (const ConnectionLost& lost) {
    return std::string(lost.what()).ends_with("broke");  // a reset closes as well
  }
}

void HttpClient::shut_down_writing() { ::shutdown(socket_, SHUT_WR); }

struct HttpStream::Parser {
  http::response_parser<http::string_body> http;
  std::string body;  // decoded and not yet taken
};

HttpStream::HttpStream(Address address, const std::string& target, const Headers& headers,
                       const std::string& method)
    : client_(std::move(address)), parser_(std::make_unique<Parser>()) {
  client_.write(HttpClient::request(method, target, {}, headers));
  start(parser_->http);
  while (!parser_->http.is_header_done()) {
    if (!more(kDeadline)) throw ConnectionLost("the answer has no head");
  }
}

HttpStream::~HttpStream() = default;

unsigned HttpStream::status() const { return parser_->http.get().result_int(); }

std::string HttpStream::header(const std::string& name) const {
  return std::string(parser_->http.get()[name]);
}

bool HttpStream::more(std::chrono::milliseconds deadline) {
  if (parser_->http.is_done()) return false;
  if (!feed(parser_->http, client_.input_)) {
    if (!client_.fill(deadline)) {
      boost::system::error_code error;
      if (parser_->http.got_some()) parser_->http.put_eof(error);
      if (!parser_->http.is_done()) throw ConnectionLost("the stream was cut off");
      return false;
    }
    feed(parser_->http, client_.input_);
  }
  parser_->body += std::exchange(parser_->http.get().body(), {});
  return true;
}

std::optional<std::string> HttpStream::line(std::chrono::milliseconds deadline) {
  for (;;) {
    if (const size_t at = parser_->body.find('\n'); at != std::string::npos) {
      std::string first = parser_->body.substr(0, at);
      parser_->body.erase(0, at + 1);
      if (first.ends_with('\r')) first.pop_back();
      return first;
    }
    if (!more(deadline)) return std::nullopt;
  }
}

std::string HttpStream::bytes(size_t count, std::chrono::milliseconds deadline) {
  while (parser_->body.size() < count && more(deadline)) {
  }
  std::string taken = parser_->body.substr(0, count);
  parser_->body.erase(0, taken.size());
  return taken;
}

std::optional<SseBlock> next_block(HttpStream& stream, std::chrono::milliseconds deadline) {
  SseBlock block;
  bool any = false;
  while (const auto line = stream.line(deadline)) {
    if (line->empty()) {
      if (any) return block;
      continue;
    }
    any = true;
    const size_t colon = line->find(':');
    const std::string field = line->substr(0, colon);
    std::string value = colon == std::string::npos ? "" : line->substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (field == "id") {
      block.id = value;
      block.has_id = true;
    } else if (field == "event") {
      block.event = value;
    } else if (field == "data") {
      if (block.has_data) block.data += '\n';
      block.data += value;
      block.has_data = true;
    } else if (field == "retry") {
      block.retry = value;
    } else if (field.empty()) {
      block.comment = value;
    }
  }
  return std::nullopt;
}

SseBlock next_event(HttpStream& stream) {
  for (;;) {
    const auto block = next_block(stream);
    if (!block) throw ConnectionLost("the stream ended where an event was due");
    if (block->has_data) return *block;
  }
}

}  // namespace strandline::tests
