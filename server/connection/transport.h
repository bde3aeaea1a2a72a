// The bytes of one connection, whatever carries them: a socket, or TLS over one; a WebSocket's
// upgrade uses the same few operations. A session, and what reads its requests, know nothing else.
//
// *Threads*: all of it belongs to one worker's. *Errors*: as values; none throws. *Cancellation*:
// open, read, write and wait_writable end with operation_aborted when their coroutine is cancelled,
// when cancel() is called, and when the transport is closed. *Memory*: buffers are borrowed until
// the call has ended.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <memory>
#include <string_view>

#include "server/base/coroutine.h"
#include "server/http/client_certificate.h"

namespace strandline::server {

struct Transferred {
  ErrorCode error;
  size_t bytes;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual asio::any_io_executor executor() = 0;

  // What both sides agree on before the first byte: TLS' handshake. Once, before all else.
  virtual awaitable<ErrorCode> open() = 0;
  // What the other side has shown in that, and was verified; null: nothing.
  virtual std::shared_ptr<const ClientCertificate> certificate() const { return nullptr; }
  // Waits until something has come, and fills the first buffer before the second.
  virtual awaitable<Transferred> read(std::array<asio::mutable_buffer, 2> into) = 0;
  // Sends all of both, in order.
  virtual awaitable<Transferred> write(std::array<asio::const_buffer, 2> bytes) = 0;
  // Sends what can be sent without waiting: would_block where that is nothing.
  virtual Transferred write_now(std::string_view bytes) = 0;
  virtual awaitable<ErrorCode> wait_writable() = 0;
  // Tells the other side that nothing more comes. What it sends can still be read.
  virtual awaitable<void> finish_writing() = 0;

  // The address of the other side, as forwarded.h spells it.
  virtual std::string_view peer() const = 0;
  // Whether the other side has closed or is gone, seen without reading.
  virtual bool is_peer_gone() const = 0;
  // Of what is written and not yet sent, holds at most about so much in the kernel.
  virtual void bound_unsent(int bytes) = 0;
  // Ends the waits under way.
  virtual void cancel() = 0;
  // Ends everything, at once. Idempotent.
  virtual void close() = 0;
};

}  // namespace strandline::server
