#include "server/connection/tls_transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <ctime>

#include "server/base/openssl_error.h"
#include "server/connection/tls_files.h"
#include "server/http/problem.h"

namespace strandline::server {
namespace {

// One read hands on at most about this much, so that others on its thread have their turn.
constexpr size_t kTurnBytes = 256 << 10;
// RFC 8446, section 5.1: the first byte of a record that shakes hands.
constexpr char kHandshake = 22;

// --- The socket, as OpenSSL is to see it. (Its own kind raises SIGPIPE.)

int descriptor_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio)));
}

int send_bytes(BIO* bio, const char* bytes, int count) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent =
      ::send(descriptor_of(bio), bytes, static_cast<size_t>(count), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int receive_bytes(BIO* bio, char* into, int count) {
  BIO_clear_retry_flags(bio);
  errno = 0;
  const ssize_t got = ::recv(descriptor_of(bio), into, static_cast<size_t>(count), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO* bio_over(int descriptor) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(made, send_bytes);
    BIO_meth_set_read(made, receive_bytes);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  BIO* bio = BIO_new(method);
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(descriptor)));
  BIO_set_init(bio, 1);
  return bio;
}

int int_of(size_t bytes) { return static_cast<int>(std::min<size_t>(bytes, 1 << 30)); }

}  // namespace

TlsTransport::TlsTransport(StreamSocket socket, SslPointer ssl)
    : SocketTransport(std::move(socket)), ssl_(std::move(ssl)) {
  BIO* bio = bio_over(this->socket().native_handle());
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

ErrorCode TlsTransport::failure(int result) {
  const int system = errno;
  wanted_ = SSL_get_error(ssl_.get(), result);
  switch (wanted_) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return asio::error::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return asio::error::eof;
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      if (system == 0) return asio::error::eof;  // without TLS' own word for it
      return {system, boost::system::system_category()};
    default:
      broken_ = true;
      return asio::error::connection_aborted;
  }
}

awaitable<ErrorCode> TlsTransport::wait_readable() {
  const auto [error] = co_await socket().async_wait(StreamSocket::wait_read, as_values);
  co_return error;
}

awaitable<ErrorCode> TlsTransport::wait_for(int wanted) {
  // Whoever was cancelled between two waits is not told by the next one.
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) co_return asio::error::operation_aborted;
  // (g++ 12 awaits both sides of a ?: that awaits.)
  if (wanted == SSL_ERROR_WANT_WRITE) co_return co_await SocketTransport::wait_writable();
  co_return co_await wait_readable();
}

// --- The handshake.

awaitable<ErrorCode> TlsTransport::open() {
  if (const ErrorCode error = co_await wait_for(SSL_ERROR_WANT_READ)) co_return error;
  char first = 0;
  const ssize_t seen = ::recv(socket().native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (seen == 1 && first != kHandshake && first >= 'A' && first <= 'Z') {
    co_await refuse_clear();
    co_return asio::error::connection_aborted;
  }
  const ErrorCode error = co_await shake_hands();
  open_ = !error;
  if (open_) certificate_ = shown_certificate(ssl_.get());
  co_return error;
}

awaitable<ErrorCode> TlsTransport::shake_hands() {
  for (;;) {
    if (!socket().is_open()) co_return asio::error::operation_aborted;
    ERR_clear_error();
    const int result = SSL_accept(ssl_.get());
    if (result == 1) co_return ErrorCode();
    const ErrorCode error = failure(result);
    if (error != asio::error::would_block) {
      if (wanted_ == SSL_ERROR_SSL) spdlog::debug("a TLS handshake failed: {}", openssl_reason());
      co_return error;
    }
    if (const ErrorCode ended = co_await wait_for(wanted_)) co_return ended;
  }
}

awaitable<void> TlsTransport::refuse_clear() {
  Response response =
      problem(400, "malformed",
              "this request came in clear, and this address speaks TLS: its URL begins with "
              "https://");
  response.close = true;
  std::string text;
  append_head(text, response, {.keep_alive = false, .date = http_date(std::time(nullptr))});
  text += response.body;
  co_await SocketTransport::write({asio::buffer(text), {}});
  co_await SocketTransport::finish_writing();
  // Closing with unread input would reset the connection, and the answer might be lost.
  std::array<char, 4096> dropped;
  for (size_t total = 0; total < kTurnBytes;) {
    const auto [error, count] = co_await SocketTransport::read({asio::buffer(dropped), {}});
    if (error) co_return;
    total += count;
  }
}

// --- Bytes.

Transferred TlsTransport::read_now(std::array<asio::mutable_buffer, 2> into) {
  if (broken_ || !socket().is_open()) return {asio::error::operation_aborted, 0};
  size_t total = 0;
  for (asio::mutable_buffer& buffer : into) {
    while (buffer.size() > 0) {
      ERR_clear_error();
      const int count = SSL_read(ssl_.get(), buffer.data(), int_of(buffer.size()));
      if (count <= 0) {
        const ErrorCode error = failure(count);
        if (total > 0) return {{}, total};  // an error comes again
        return {error, 0};
      }
      buffer += static_cast<size_t>(count);
      total += static_cast<size_t>(count);
      if (total >= kTurnBytes || SSL_has_pending(ssl_.get()) == 0) return {{}, total};
    }
  }
  return {{}, total};
}

awaitable<Transferred> TlsTransport::read(std::array<asio::mutable_buffer, 2> into) {
  bool waited = false;
  for (;;) {
    const Transferred got = read_now(into);
    if (got.error != asio::error::would_block) {
      // As after any read: what else this thread has to do comes first.
      if (!waited) co_await asio::post(executor(), asio::use_awaitable);
      co_return got;
    }
    waited = true;
    if (const ErrorCode error = co_await wait_for(wanted_)) co_return Transferred{error, 0};
  }
}

Transferred TlsTransport::write_now(std::string_view bytes) {
  if (broken_ || !socket().is_open()) return {asio::error::operation_aborted, 0};
  if (bytes.empty()) return {{}, 0};
  ERR_clear_error();
  const int count = SSL_write(ssl_.get(), bytes.data(), int_of(bytes.size()));
  if (count > 0) return {{}, static_cast<size_t>(count)};
  const ErrorCode error = failure(count);
  wanted_to_write_ = wanted_;
  return {error, 0};
}

// To write may mean to read first: the rest of a message in which the other side changes its keys.
awaitable<ErrorCode> TlsTransport::wait_writable() {
  return wait_for(wanted_to_write_ == SSL_ERROR_WANT_READ ? SSL_ERROR_WANT_READ
                                                          : SSL_ERROR_WANT_WRITE);
}

awaitable<Transferred> TlsTransport::write(std::array<asio::const_buffer, 2> bytes) {
  Transferred sent{};
  for (const asio::const_buffer& buffer : bytes) {
    std::string_view left(static_cast<const char*>(buffer.data()), buffer.size());
    while (!left.empty()) {
      const auto [error, count] = write_now(left);
      left.remove_prefix(count);
      sent.bytes += count;
      if (!error) continue;
      sent.error = error;
      if (error == asio::error::would_block) sent.error = co_await wait_writable();
      if (sent.error) co_return sent;
    }
  }
  co_return sent;
}

// --- The end.

bool TlsTransport::say_end() {
  if (!open_ || broken_ || !socket().is_open()) return true;
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  if (result >= 0) return true;
  const ErrorCode error = failure(result);
  ERR_clear_error();
  return error != asio::error::would_block;
}

awaitable<void> TlsTransport::finish_writing() {
  while (!say_end()) {
    if (co_await wait_for(wanted_)) co_return;
  }
  co_await SocketTransport::finish_writing();
}

void TlsTransport::close() {
  if (!socket().is_open()) return;
  say_end();
  SocketTransport::close();
}

}  // namespace strandline::server
