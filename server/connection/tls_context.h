// With what TLS is spoken: a certificate and its key, and what is agreed on with clients.
//
// TLS 1.2 and 1.3 with forward secrecy and authenticated encryption; no compression, no
// renegotiation, no early data; sessions are resumed by tickets, and nothing is kept of them here.
// The files are read again when they have changed: connections that are open go on with what they
// began with. *Threads*: begin() any; the rest one at a time, and they read files. *Errors*:
// `invalid` where a file is not what it should be; the message names it and says what to do.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/api/error.h"
#include "server/base/file_stamp.h"

struct ssl_ctx_st;
struct ssl_st;

namespace strandline::server {

struct SslFree {
  void operator()(ssl_ctx_st* context) const;
  void operator()(ssl_st* ssl) const;
};
using SslPointer = std::unique_ptr<ssl_st, SslFree>;

// PEM files.
struct TlsFiles {
  std::string certificate;  // the server's, then those between it and its root
  std::string key;          // of mode 600 or 640 at most
  // Who must have signed a client's certificate. Empty: clients are asked for none.
  std::string client_ca = {};
  // With that: whether each client needs one, and whether one says who its client is, the API key
  // of its common name.
  bool require_certificates = true;
  bool identify_clients = false;
};

class TlsContext {
 public:
  static Result<std::unique_ptr<TlsContext>> open(TlsFiles files);

  // The server's side of a new connection, with what the files held when they were last good.
  SslPointer begin() const;
  // Reads the files again if they have changed; true if they have. After an error the certificate
  // from before stays in use, and the same files are not tried again.
  Result<bool> refresh();

  bool identifies_clients() const { return files_.identify_clients; }
  std::time_t expires() const { return expires_; }
  // What is wrong with the certificate's time, if anything is.
  std::optional<std::string> warning(std::time_t now) const;

 private:
  using ContextPointer = std::unique_ptr<ssl_ctx_st, SslFree>;

  explicit TlsContext(TlsFiles files) : files_(std::move(files)) {}
  Status load();
  std::array<FileStamp, 3> stamps() const;

  const TlsFiles files_;
  std::array<FileStamp, 3> tried_;  // of the files as they were last read
  std::time_t begins_ = 0;          // [begins_, expires_) is when the certificate is good
  std::time_t expires_ = 0;
  mutable std::mutex mutex_;  // guards current_
  ContextPointer current_;
};

}  // namespace strandline::server
