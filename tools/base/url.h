// The URL of a server.
#pragma once

#include <string>

#include "engine/api/error.h"

namespace strandline::tools {

// What TLS needs of files in PEM, each empty where none is named.
struct TlsTrust {
  std::string ca;  // who must have signed the server's certificate; otherwise the system's own list
  std::string certificate;  // this client's, where the server wants one,
  std::string key;          // and its key
};

// http://HOST[:PORT][/PATH] or https://..., or without its http://; or unix:/PATH
struct Url {
  std::string host;  // a name or an address, without brackets
  std::string port;
  std::string path;  // without a slash at the end
  std::string text;
  bool tls = false;
  std::string socket = {};  // the path of a Unix socket
  TlsTrust trust = {};      // not the text's: whoever opens a connection says it
  std::string token = {};   // shown with every request; not part of the text

  static Result<Url> parse(const std::string& text);
  std::string authority() const;  // HOST:PORT, [HOST]:PORT of an IPv6 address
};

}  // namespace strandline::tools
