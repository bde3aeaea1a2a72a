// The HTTP server over one log: a listener for each address, and an io_context per core on which
// sessions live.
//
// *Threads*: start and drain from any; run blocks the caller until drained. *Ownership*: the log is
// borrowed and must outlive the server. *Errors*: `io` where the system refuses what it needs.
// Nothing here holds logic that an embedding program would miss: sessions parse, call the log, and
// print.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/api/error.h"
#include "engine/log.h"
#include "server/base/server_options.h"
#include "server/connection/binding.h"
#include "server/connection/tls_context.h"
#include "server/jwt/token_authority.h"

namespace strandline::server {

class Server {
 public:
  // `tls` is what those of the bindings need that speak it (tls_context.h), `tokens` whose tokens
  // are taken (token_authority.h).
  static Result<std::unique_ptr<Server>> start(Log& log, ServerOptions options,
                                               std::vector<Binding> bindings,
                                               std::unique_ptr<TlsContext> tls = nullptr,
                                               std::unique_ptr<TokenAuthority> tokens = nullptr);
  ~Server();

  // Of the first binding: "127.0.0.1:7070", with the port that it got.
  std::string address() const;
  void run();  // until drained
  // Refuses new appends, answers those under way, ends streams cleanly, closes sockets. Idempotent.
  void drain();
  // Goes on in a new file of the same name, if the last was renamed. From a signal's handler, too.
  void reopen_access_log();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  static Result<std::unique_ptr<Server>> assemble(Log& log, ServerOptions options,
                                                  std::vector<Binding> bindings,
                                                  std::unique_ptr<TlsContext> tls,
                                                  std::unique_ptr<TokenAuthority> tokens);
  std::unique_ptr<Parts> parts_;
};

}  // namespace strandline::server
