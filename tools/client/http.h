// One HTTP/1.1 connection to a server, for a client that waits: send requests, receive answers in
// the same order, whole or piece by piece.
//
// *Errors*: `closed` where no connection comes about, so that nothing was sent, and once Interrupt
// is raised; `invalid` where the two sides of TLS do not trust each other; `io` where a connection
// was lost. Messages have the server's address. An answer of any
// status is not an error here; error_of() turns one of 4xx or 5xx into the log's own. After an
// error the connection is finished. *Threads*: one.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "tools/base/url.h"
#include "tools/client/channel.h"

namespace strandline::tools {

// Percent-encodes all but unreserved characters: for one segment of a path, or a query's value.
std::string encode(std::string_view text);

// Collects "?a=1&b=2".
class Query {
 public:
  Query& add(std::string_view name, std::string_view value);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct HttpRequest {
  std::string method = "GET";
  std::string target = {};  // below the URL's path
  std::string content_type = {};
  std::string accept = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
};

struct HttpAnswer {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};

  bool ok() const { return status >= 200 && status < 300; }
  std::optional<std::string_view> header(std::string_view name) const;  // in any case
  std::optional<uint64_t> number(std::string_view name) const;
};

// What a problem (RFC 9457) says, as the log would have said it.
Error error_of(const HttpAnswer& answer);

class HttpConnection {
 public:
  static Result<HttpConnection> open(const Url& url);

  Status send(const HttpRequest& request);
  Result<HttpAnswer> receive();  // with its body
  // The head alone (with the body, if it is no 2xx); then the body by receive_some.
  Result<HttpAnswer> receive_head();
  enum class More { some, nothing, end };  // nothing: not within `patience`
  Result<More> receive_some(std::string& into, std::chrono::milliseconds patience);

 private:
  HttpConnection(Url url, Channel channel) : url_(std::move(url)), channel_(std::move(channel)) {}
  Error lost(const boost::system::error_code& error) const;

  Url url_;
  Channel channel_;
  boost::beast::flat_buffer buffer_;
  // A parser cannot be moved.
  std::unique_ptr<boost::beast::http::response_parser<boost::beast::http::buffer_body>> parser_;
};

}  // namespace strandline::tools
