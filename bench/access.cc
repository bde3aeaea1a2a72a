// What access control and TLS cost: the same requests with a key and without one, over TLS and in
// clear. Client and server share the machine, so that a row has the client's share of TLS as well;
// its note has the server's alone.
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>

#include "bench/load.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/served.h"
#include "schemas/frame.h"

namespace strandline::bench {
namespace {

using Requests = std::vector<std::vector<std::string>>;  // of each connection, taken in turn

constexpr char kOpenssl[] = "/usr/bin/openssl";

std::string stream_of(size_t connection) { return "load-" + std::to_string(connection); }

// One JSON event each, over connections of their own.
Requests single_events(size_t connections, const std::string& headers) {
  Requests requests(connections);
  for (size_t c = 0; c < connections; ++c) {
    for (uint64_t i = 0; i < 20; ++i) {
      const uint64_t number = c * 20 + i;
      const std::string event =
          std::string(R"({"type":")") + event_type(number) + R"(","data":)" + payload(number) + "}";
      requests[c].push_back(post_events(stream_of(c), "application/json", event, headers));
    }
  }
  return requests;
}

struct Rate {
  double events_per_s;
  double server_us;  // of processor time, an event
};

Rate measured(const Served& served, const Requests& requests, size_t depth, uint32_t events,
              double seconds, SSL_CTX* tls) {
  const double before = served.cpu_s();
  const LoadResult result = run({.port = served.port(),
                                 .connections = requests.size(),
                                 .depth = depth,
                                 .answer_bytes = http_answer,
                                 .tls = tls,
                                 .request = [&](size_t connection, uint64_t n) -> std::string_view {
                                   const auto& own = requests[connection];
                                   return own[n % own.size()];
                                 }},
                                seconds);
  const auto count = static_cast<double>(result.requests * events);
  return {.events_per_s = count / result.seconds,
          .server_us = (served.cpu_s() - before) * 1e6 / count};
}

class ServerAccess : public Workload {
 public:
  explicit ServerAccess(const Settings& settings)
      : Workload({Row{.name = "server-access-key",
                      .unit = "events/s",
                      .what = "server, one JSON event a request, 50 connections, an API key",
                      .yardstick = "the same without access control",
                      .bar = Bar{0.95}},
                  Row{.name = "server-access-tls",
                      .unit = "events/s",
                      .what = "server, FlatBuffer batches of 100, 4 connections, TLS 1.3",
                      .yardstick = "the same in clear",
                      .bar = Bar{0.65}}}),
        settings_(settings),
        tls_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    SSL_CTX_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_mode(tls_.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    const std::vector<Batch> pool = batches(settings.size<size_t>(64, 4), 100);
    for (size_t c = 0; c < batches_.size(); ++c) {
      for (const Batch& batch : pool) {
        batches_[c].push_back(post_events(stream_of(c), schema::kBatchMediaType, batch.bytes()));
      }
    }
  }

  void round(int number) override {
    alternate(
        number, [&] { keyed(true); }, [&] { keyed(false); });
    note(rows_[0], with_key_, without_key_);
    if (!std::filesystem::exists(kOpenssl)) {
      rows_[1].yardstick = "openssl, which makes the certificate, is not installed";
      return;
    }
    alternate(
        number, [&] { encrypted(true); }, [&] { encrypted(false); });
    note(rows_[1], with_tls_, without_tls_);
  }

 private:
  static void note(Row& row, double with_us, double without_us) {
    char text[100];
    std::snprintf(text, sizeof text, "the server alone took %.2f us an event, and %.2f without",
                  with_us, without_us);
    row.note = text;
  }

  void keyed(bool with) {
    Scratch scratch(settings_.directory, "access");
    const std::string data = (scratch.path() / "log").string();
    std::string headers;
    if (with) {
      const std::string secret = (scratch.path() / "secret").string();
      Process({STRANDLINE_PROGRAM, "keys", "create", "load", "--grant", "append:*", "--data", data,
               "--secret-file", secret},
              scratch.path() / "errors")
          .wait(30);
      std::string text = read_file(secret);
      while (!text.empty() && text.back() == '\n') text.pop_back();
      headers = "Authorization: Bearer " + text + "\r\n";
    }
    const Served served(data);
    const Rate rate = measured(served, single_events(settings_.size<size_t>(50, 5), headers), 1, 1,
                               settings_.seconds, nullptr);
    (with ? rows_[0].ours : rows_[0].theirs).push_back(rate.events_per_s);
    (with ? with_key_ : without_key_) = rate.server_us;
  }

  void encrypted(bool with) {
    Scratch scratch(settings_.directory, "access");
    std::vector<std::string> flags;
    if (with) {
      const std::string certificate = (scratch.path() / "server.pem").string();
      const std::string key = (scratch.path() / "server.key").string();
      Process({kOpenssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=load"},
              scratch.path() / "errors")
          .wait(30);
      chmod(key.c_str(), S_IRUSR | S_IWUSR);
      flags = {"--tls-cert", certificate, "--tls-key", key};
    }
    const Served served(scratch.path() / "log", flags);
    const Rate rate =
        measured(served, batches_, 16, 100, settings_.seconds, with ? tls_.get() : nullptr);
    (with ? rows_[1].ours : rows_[1].theirs).push_back(rate.events_per_s);
    (with ? with_tls_ : without_tls_) = rate.server_us;
  }

  const Settings settings_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> tls_;
  Requests batches_ = Requests(4);
  double with_key_ = 0, without_key_ = 0, with_tls_ = 0, without_tls_ = 0;
};

}  // namespace

std::unique_ptr<Workload> server_access(const Settings& settings) {
  return std::make_unique<ServerAccess>(settings);
}

}  // namespace strandline::bench
