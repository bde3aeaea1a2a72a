#include "server/connection/socket_transport.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "server/http/forwarded.h"

namespace strandline::server {

namespace {

std::string peer_of(const StreamSocket& socket) {
  ErrorCode error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return "unknown";  // it is gone already
  char text[INET6_ADDRSTRLEN] = {};
  if (endpoint.protocol().family() == AF_INET) {
    sockaddr_in address;
    std::memcpy(&address, endpoint.data(), sizeof address);
    return inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  }
  if (endpoint.protocol().family() != AF_INET6) return std::string(kUnixPeer);
  sockaddr_in6 v6;
  std::memcpy(&v6, endpoint.data(), sizeof v6);
  IpAddress address;
  std::memcpy(address.data(), &v6.sin6_addr, address.size());
  return render_ip_address(address);
}

}  // namespace

SocketTransport::SocketTransport(StreamSocket socket)
    : socket_(std::move(socket)), peer_(peer_of(socket_)) {
  ErrorCode ignored;
  // A Unix socket has neither of the two, and refuses them.
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  // Only what is written synchronously looks at this: a follower that would block is told so.
  socket_.non_blocking(true, ignored);
}

awaitable<Transferred> SocketTransport::read(std::array<asio::mutable_buffer, 2> into) {
  const auto [error, count] = co_await socket_.async_read_some(into, as_values);
  co_return Transferred{error, count};
}

awaitable<Transferred> SocketTransport::write(std::array<asio::const_buffer, 2> bytes) {
  const auto [error, count] = co_await asio::async_write(socket_, bytes, as_values);
  co_return Transferred{error, count};
}

Transferred SocketTransport::write_now(std::string_view bytes) {
  Transferred sent{};
  sent.bytes = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), sent.error);
  if (sent.error == asio::error::try_again) sent.error = asio::error::would_block;
  return sent;
}

awaitable<ErrorCode> SocketTransport::wait_writable() {
  const auto [error] = co_await socket_.async_wait(StreamSocket::wait_write, as_values);
  co_return error;
}

awaitable<void> SocketTransport::finish_writing() {
  ErrorCode ignored;
  socket_.shutdown(StreamSocket::shutdown_send, ignored);
  co_return;
}

bool SocketTransport::is_peer_gone() const {
  pollfd peer{.fd = socket_.native_handle(), .events = POLLRDHUP};
  return ::poll(&peer, 1, 0) > 0 && (peer.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void SocketTransport::bound_unsent(int bytes) {
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

void SocketTransport::cancel() {
  ErrorCode ignored;
  socket_.cancel(ignored);
}

void SocketTransport::close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

}  // namespace strandline::server
