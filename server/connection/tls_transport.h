// A connection's bytes in TLS over a socket (OpenSSL), the server's side.
//
// OpenSSL reads and writes the socket without waiting, and the waits are the socket's own: so a
// handshake, like a read, holds no thread. A request in clear, which a client sends here by
// mistake, is answered in clear with what to do. *Memory*: an idle connection keeps the keys of
// its session, and no buffers.
#pragma once

#include "server/connection/socket_transport.h"
#include "server/connection/tls_context.h"

namespace strandline::server {

class TlsTransport : public SocketTransport {
 public:
  TlsTransport(StreamSocket socket, SslPointer ssl);

  awaitable<ErrorCode> open() override;
  std::shared_ptr<const ClientCertificate> certificate() const override { return certificate_; }
  awaitable<Transferred> read(std::array<asio::mutable_buffer, 2> into) override;
  awaitable<Transferred> write(std::array<asio::const_buffer, 2> bytes) override;
  Transferred write_now(std::string_view bytes) override;
  awaitable<ErrorCode> wait_writable() override;
  awaitable<void> finish_writing() override;
  void close() override;

 private:
  awaitable<ErrorCode> shake_hands();
  awaitable<void> refuse_clear();
  // Of what has come, as much as there is and fits; would_block where that is nothing.
  Transferred read_now(std::array<asio::mutable_buffer, 2> into);
  // Waits until what OpenSSL wanted, when it answered would_block, may go on.
  awaitable<ErrorCode> wait_for(int wanted);
  awaitable<ErrorCode> wait_readable();
  // Why the last call of OpenSSL, which answered `result`, did nothing.
  ErrorCode failure(int result);
  // The end of what is written, as TLS says it. False if it has to wait.
  bool say_end();

  const SslPointer ssl_;
  int wanted_ = 0;           // by the call that would have had to wait: SSL_ERROR_WANT_...
  int wanted_to_write_ = 0;  // the same, of write_now
  bool open_ = false;        // the handshake is over
  std::shared_ptr<const ClientCertificate> certificate_;
  bool broken_ = false;  // OpenSSL's word: nothing more may be asked of it
};

}  // namespace strandline::server
