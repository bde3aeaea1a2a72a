// The URL of a server.
#pragma once

#include <string>

#include "engine/api/error.h"

namespace strandline::tools {

// http://HOST[:PORT][/PATH], or without its http://
struct Url {
  std::string host;  // a name or an address, without brackets
  std::string port;
  std::string path;  // without a slash at the end
  std::string text;
  std::string token = {};  // shown with every request; not part of the text

  static Result<Url> parse(const std::string& text);
  std::string authority() const;  // HOST:PORT, [HOST]:PORT of an IPv6 address
};

}  // namespace strandline::tools
