// A connection's bytes over a socket, TCP or Unix, in clear.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <string>

#include "server/connection/transport.h"

namespace strandline::server {

using StreamSocket = asio::generic::stream_protocol::socket;

class SocketTransport : public Transport {
 public:
  explicit SocketTransport(StreamSocket socket);

  asio::any_io_executor executor() override { return socket_.get_executor(); }
  awaitable<ErrorCode> open() override { co_return ErrorCode(); }
  awaitable<Transferred> read(std::array<asio::mutable_buffer, 2> into) override;
  awaitable<Transferred> write(std::array<asio::const_buffer, 2> bytes) override;
  Transferred write_now(std::string_view bytes) override;
  awaitable<ErrorCode> wait_writable() override;
  awaitable<void> finish_writing() override;
  std::string_view peer() const override { return peer_; }
  bool is_peer_gone() const override;
  void bound_unsent(int bytes) override;
  void cancel() override;
  void close() override;

 protected:
  StreamSocket& socket() { return socket_; }

 private:
  mutable StreamSocket socket_;
  const std::string peer_;
};

}  // namespace strandline::server
