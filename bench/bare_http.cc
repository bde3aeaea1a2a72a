#include "bench/bare_http.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace strandline::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

// As long as the answer to an append of one event.
const std::string& answer() {
  static const std::string text = [] {
    const std::string body =
        R"({"stream":"load-0","first":123456,"next":123457,"sequence":1234567,)"
        R"("stored":"2026-01-01T00:00:00.000000Z","durability":"fsync"})";
    return "HTTP/1.1 201 Created\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
           "Content-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }();
  return text;
}

asio::awaitable<void> serve(tcp::socket socket) {
  boost::beast::flat_buffer buffer;
  while (true) {
    http::request<http::string_body> request;
    const auto [failed, bytes] = co_await http::async_read(socket, buffer, request, kTuple);
    if (failed) co_return;
    const auto [unsent, sent] = co_await asio::async_write(socket, asio::buffer(answer()), kTuple);
    if (unsent) co_return;
  }
}

}  // namespace

BareHttp::BareHttp(const Settings& settings)
    : scratch_(settings.directory, "http"),
      process_({std::filesystem::read_symlink("/proc/self/exe").string(), "--answer-http"},
               scratch_.path() / "errors.log") {
  const auto said = process_.line(30);
  if (!said) throw Failure("the bare HTTP server does not come up: " + process_.complaint());
  port_ = static_cast<uint16_t>(std::atoi(said->c_str()));
}

void answer_http() {
  std::vector<std::unique_ptr<asio::io_context>> contexts;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
    contexts.push_back(std::make_unique<asio::io_context>(1));
    threads.emplace_back([context = contexts.back().get()] {
      const auto forever = asio::make_work_guard(*context);
      context->run();
    });
  }
  asio::io_context accepting(1);
  tcp::acceptor acceptor(accepting, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  std::printf("%u\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  for (size_t n = 0;; ++n) {
    asio::io_context& context = *contexts[n % contexts.size()];
    tcp::socket socket = acceptor.accept(context);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(context, serve(std::move(socket)), asio::detached);
  }
}

}  // namespace strandline::bench
