// The fixture of tests over a server in this process, with limits that a test can reach.
#pragma once

#include <memory>
#include <thread>

#include "server/server.h"
#include "tests/support/http/server_test.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {

class TightServer : public LogTest {
 protected:
  void start(server::ServerOptions server_options,
             std::unique_ptr<server::TlsContext> tls = nullptr) {
    tls_ = tls != nullptr;
    auto bindings = server::Binding::open_all({"127.0.0.1:0"}, tls_);
    ASSERT_TRUE(bindings) << bindings.error().message;
    if (server_options.threads == 0) server_options.threads = 2;
    auto started =
        server::Server::start(log(), server_options, std::move(*bindings), std::move(tls));
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
    running_ = std::jthread([this] { server_->run(); });
  }
  ~TightServer() override {
    if (server_) {
      server_->drain();
      running_.join();
      server_.reset();
    }
    close();
  }
  Address address() const {
    const std::string address = server_->address();
    const size_t colon = address.rfind(':');
    return Address{address.substr(0, colon), address.substr(colon + 1), tls_};
  }
  HttpClient client() const { return HttpClient(address()); }

  std::unique_ptr<server::Server> server_;
  std::jthread running_;

 private:
  bool tls_ = false;
};

}  // namespace strandline::tests
