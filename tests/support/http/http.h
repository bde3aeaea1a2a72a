// A small synchronous HTTP/1.1 client: sockets with deadlines, TLS where the address says so, and
// Beast for the grammar.
//
// *Errors*: ConnectionLost when the other side is gone or silent past the deadline. One thread
// each.
#pragma once

#include <openssl/types.h>

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/http/json.h"
#include "tests/support/process/deadline.h"

namespace strandline::tests {

class ConnectionLost : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

// Nobody listens there, or not yet.
class ConnectionRefused : public ConnectionLost {
 public:
  using ConnectionLost::ConnectionLost;
};

struct Address {
  std::string host;
  std::string port;
  bool tls = false;  // the server's certificate is not looked at: others do that
  // Files in PEM that a client shows, if they are named.
  std::string certificate = {}, key = {};
  std::string url() const { return (tls ? "https://" : "http://") + host + ":" + port; }
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Response {
  unsigned status = 0;
  std::map<std::string, std::string> headers = {};  // names in lower case
  std::string body = {};

  std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? "" : at->second;
  }
  Json json() const { return Json::parse(body); }
};

class HttpClient {
 public:
  explicit HttpClient(Address address);  // connects
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // A request and its answer; connects again if the server closed the connection after the last.
  Response send(const std::string& method, const std::string& target, const std::string& body = {},
                const Headers& headers = {});
  Response get(const std::string& target, const Headers& headers = {}) {
    return send("GET", target, {}, headers);
  }
  Response post(const std::string& target, const std::string& body,
                const std::string& type = "application/json") {
    return send("POST", target, body, {{"Content-Type", type}});
  }

  // The pieces, for pipelining and for bad manners.
  static std::string request(const std::string& method, const std::string& target,
                             const std::string& body = {}, const Headers& headers = {});
  void write(std::string_view bytes);
  Response read_response(std::chrono::milliseconds deadline = kDeadline);
  // True if the server closes without sending anything more.
  bool closed(std::chrono::milliseconds deadline = kDeadline);
  void shut_down_writing();

 private:
  friend class HttpStream;
  bool fill(std::chrono::milliseconds deadline);  // false at the end of the stream

  void connect();
  void disconnect();

  Address address_;
  int socket_ = -1;
  SSL* tls_ = nullptr;
  bool reusable_ = true;
  std::string input_;  // received and not yet parsed
};

// An answer that never ends, line by line: NDJSON or server-sent events.
class HttpStream {
 public:
  HttpStream(Address address, const std::string& target, const Headers& headers = {},
             const std::string& method = "GET");
  ~HttpStream();

  unsigned status() const;
  std::string header(const std::string& name) const;
  // Without its line end; nothing at the end of a complete body. ConnectionLost if it was cut off.
  std::optional<std::string> line(std::chrono::milliseconds deadline = kDeadline);
  // This many bytes of the body, or fewer at its end.
  std::string bytes(size_t count, std::chrono::milliseconds deadline = kDeadline);

 private:
  struct Parser;
  bool more(std::chrono::milliseconds deadline);

  HttpClient client_;
  std::unique_ptr<Parser> parser_;
};

// One block of server-sent events.
struct SseBlock {
  std::string id;
  std::string event;
  std::string data;  // lines joined by \n
  std::string retry;
  std::string comment;
  bool has_id = false;
  bool has_data = false;
};
// The next block; nothing at the end.
std::optional<SseBlock> next_block(HttpStream& stream,
                                   std::chrono::milliseconds deadline = kDeadline);
// The next block that has data.
SseBlock next_event(HttpStream& stream);

}  // namespace strandline::tests
