// Bytes from a connection: the server's own RequestReader over a socket pair, and what a session
// does with a request before it calls the log: route, query, body to batch.
//
// How the bytes are cut into reads must not matter: they are sent whole, and again in pieces, and
// the requests, and how the reading ends, must be the same. Three bytes choose the pieces.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "engine/base/check.h"
#include "engine/log.h"
#include "fuzz/fields.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "server/connection/admission.h"
#include "server/connection/request_reader.h"
#include "server/routes/append_body.h"
#include "server/routes/route_table.h"
#include "tests/support/http/memory_transport.h"

namespace strandline::server {
namespace {

// The reader asks its service for limits and counts; a service has a log, which is never written.
class Place {
 public:
  Place() {
    std::string name = (std::filesystem::temp_directory_path() / "strandline-fuzz-XXXXXX").string();
    CHECK_TRUE(mkdtemp(name.data()) != nullptr);
    directory_ = name;
    auto log = Log::open(directory_, {.batch_cache_bytes = 1 << 20, .block_cache_bytes = 1 << 20});
    if (!log) CHECK_EQ(log.error().message, "");
    log_ = std::move(*log);
    service_ = std::make_unique<Service>(
        *log_, ServerOptions{.head_bytes_max = 2 << 10, .body_bytes_max = 8 << 10}, route_table());
  }
  ~Place() {
    service_.reset();
    log_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Service& service() { return *service_; }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Service> service_;
};

struct Reading {
  std::vector<Request> requests;
  unsigned refusal = 0;  // the status of the last answer; 0: the client left
  bool over = false;
};

const Authorities kAnyName{{}, false};

awaitable<void> read_to_the_end(Transport& transport, Service& service, Reading& reading) {
  Deadlines deadlines;
  RequestReader reader(transport, service, kAnyName, deadlines, [] {});
  for (;;) {
    auto request = co_await reader.next();
    ReadEnd end = request ? std::nullopt : std::move(request.error());
    bool ended = !request;
    if (request) {
      auto read = co_await reader.read_body(*request);
      ended = !read;
      if (!read) end = std::move(read.error());
    }
    if (ended) {
      if (end) reading.refusal = end->status;
      reading.over = true;
      co_return;
    }
    const bool last = !request->head.keep_alive;
    reading.requests.push_back(std::move(*request));
    if (last) {
      reading.over = true;
      co_return;
    }
  }
}

// `pieces` are the bytes in order.
Reading read_pieces(Service& service, std::span<const std::string_view> pieces) {
  asio::io_context context(1);
  tests::MemoryTransport transport(context.get_executor(), pieces);
  Reading reading;
  asio::co_spawn(context, read_to_the_end(transport, service, reading),
                 [](std::exception_ptr error) {
                   if (error) std::rethrow_exception(error);
                 });
  context.run();
  CHECK_TRUE(reading.over);
  return reading;
}

// The request as a strict client would have sent it: with these bytes it must be the same again.
std::string text_of(const Request& request) {
  const RequestHead& head = request.head;
  std::string text;
  text.append(head.method).append(" ").append(head.target);
  text += head.http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n";
  for (const Field& field : head.fields) {
    text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  text += "\r\n";
  if (head.framing == Framing::chunked) {
    if (!request.body.empty()) {
      text.append(fmt::format("{:x}\r\n", request.body.size())).append(request.body) += "\r\n";
    }
    return text += "0\r\n\r\n";
  }
  return text += request.body;
}

void check_again(Service& service, const Request& request) {
  const std::string text = text_of(request);
  const std::string_view piece = text;
  const Reading again = read_pieces(service, std::span(&piece, 1));
  CHECK_EQ(again.requests.size(), 1u);
  CHECK_EQ(text_of(again.requests[0]), text);
  CHECK_EQ(again.requests[0].head.keep_alive, request.head.keep_alive);
}

// What Session::dispatch and a handler do before the log is called.
void take(Service& service, Request request) {
  auto admitted = admit(request, service);
  if (!admitted || take_body(*admitted, request, service)) return;
  CHECK_TRUE(!admitted->packed);  // the service's bodies are small
  const Match& match = admitted->match;
  auto query = Query::parse(match.query);
  if (!query) return;
  Call call{service, std::move(request), *match.route, match.names, std::move(*query)};
  const std::string stream = call.names.empty() ? "s" : call.names.front();
  const auto batch = take_batch(call, stream);
  if (batch) {
    fuzz::check_accepted(*batch, service.log.options().limits);
  } else {
    CHECK_GE(batch.error().status, 400u);
    CHECK_LT(batch.error().status, 500u);
  }
}

}  // namespace
}  // namespace strandline::server

FUZZ_TARGET(http) {
  using namespace strandline::server;
  static Place place;
  Service& service = place.service();
  strandline::fuzz::Input input(bytes);
  std::array<size_t, 3> at{};
  for (size_t& cut : at) cut = input.byte();
  const std::string_view text = input.rest().substr(0, 32 << 10);

  std::vector<std::string_view> pieces;
  size_t begin = 0;
  for (const size_t cut : at) {
    const size_t piece = std::min(cut, text.size() - begin);
    pieces.push_back(text.substr(begin, piece));
    begin += piece;
  }
  pieces.push_back(text.substr(begin));

  Reading whole = read_pieces(service, std::span(&text, 1));
  const Reading cut = read_pieces(service, pieces);
  CHECK_EQ(cut.requests.size(), whole.requests.size());
  CHECK_EQ(cut.refusal, whole.refusal);
  for (size_t i = 0; i < whole.requests.size(); ++i) {
    CHECK_EQ(text_of(cut.requests[i]), text_of(whole.requests[i]));
    CHECK_LE(whole.requests[i].body.size(), service.options.body_bytes_max);
    check_again(service, whole.requests[i]);
  }
  for (Request& request : whole.requests) take(service, std::move(request));
}
