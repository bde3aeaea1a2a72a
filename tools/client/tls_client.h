// TLS over a socket that waits (OpenSSL), the client's side.
//
// The server's certificate and its name are always verified. What OpenSSL reads and writes goes
// through memory, so that the socket's waits, its deadline and its interruption hold here, too.
// *Errors*: of open(): `invalid` where a file cannot be used, the server is not trusted or does not
// speak TLS; `closed` where the connection is lost meanwhile. *Threads*: one.
#pragma once

#include <memory>
#include <string>

#include "engine/api/error.h"
#include "server/connection/tls_context.h"
#include "tools/base/url.h"
#include "tools/client/socket.h"

namespace strandline::tools {

class TlsClient {
 public:
  using ErrorCode = Socket::ErrorCode;

  // Shakes hands over a socket that is connected.
  static Result<TlsClient> open(Socket& socket, const Url& url);

  size_t take(Socket& socket, char* into, size_t bytes, ErrorCode& error);  // some
  size_t give(Socket& socket, const char* from, size_t bytes,
              ErrorCode& error);  // all, or an error
  // What the server refused by an alert, in words; or nothing.
  const std::string& refusal() const { return refusal_; }

 private:
  explicit TlsClient(server::SslPointer ssl) : ssl_(std::move(ssl)) {}
  // Sends what OpenSSL has written.
  void flush(Socket& socket, ErrorCode& error);
  // Goes on after a call of OpenSSL that answered `result`: sends and receives what it wants.
  void serve(Socket& socket, int result, ErrorCode& error);
  void learn_refusal(Socket& socket);

  server::SslPointer ssl_;
  std::string refusal_;
};

}  // namespace strandline::tools
