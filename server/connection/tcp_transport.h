// A connection's bytes over TCP, in clear.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "server/connection/transport.h"

namespace strandline::server {

class TcpTransport : public Transport {
 public:
  explicit TcpTransport(asio::ip::tcp::socket socket);

  asio::any_io_executor executor() override { return socket_.get_executor(); }
  awaitable<Transferred> read(std::array<asio::mutable_buffer, 2> into) override;
  awaitable<Transferred> write(std::array<asio::const_buffer, 2> bytes) override;
  Transferred write_now(std::string_view bytes) override;
  awaitable<ErrorCode> wait_writable() override;
  awaitable<void> finish_writing() override;
  bool is_peer_gone() const override;
  void bound_unsent(int bytes) override;
  void cancel() override;
  void close() override;

 private:
  mutable asio::ip::tcp::socket socket_;
};

}  // namespace strandline::server
