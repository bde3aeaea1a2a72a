// What access control and TLS cost: the same requests with a key or a token and without one, over
// TLS and in clear; and what a crowd that is over its quota costs another. Client and server share
// the machine, so that a row has the client's share of TLS as well; its note has the server's
// alone.
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <functional>
#include <thread>

#include "bench/load.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/served.h"
#include "bench/socket.h"
#include "bench/table.h"
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

// --- Who asks.

// A key of the log, which no server has open: the header that shows it.
std::string key_header(const std::filesystem::path& directory, const std::string& data,
                       const std::string& name, const std::string& quota = {}) {
  const std::string secret = (directory / name).string();
  std::vector<std::string> command = {STRANDLINE_PROGRAM, "keys",     "create", name,
                                      "--grant",          "append:*", "--data", data,
                                      "--secret-file",    secret};
  if (!quota.empty()) command.insert(command.end(), {"--quota", quota});
  Process(command, directory / "errors").wait(30);
  std::string text = read_file(secret);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return "Authorization: Bearer " + text + "\r\n";
}

constexpr char kTokenSecret[] = "a-secret-of-the-benchmarks-and-of-nothing-else";

std::string base64url(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return out;
}

// RFC 7515, HS256.
std::string token_header() {
  const std::string claims = R"({"iss":"bench","aud":"strandline","sub":"load","exp":)" +
                             std::to_string(std::time(nullptr) + 86'400) +
                             R"(,"grants":"append:*"})";
  const std::string message = base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(claims);
  unsigned char signature[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), kTokenSecret, sizeof kTokenSecret - 1,
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), signature, &size);
  return "Authorization: Bearer " + message + "." +
         base64url({reinterpret_cast<const char*>(signature), size}) + "\r\n";
}

std::vector<std::string> token_flags(const std::filesystem::path& directory) {
  const std::string file = (directory / "token-secret").string();
  std::ofstream(file) << kTokenSecret << '\n';
  chmod(file.c_str(), S_IRUSR | S_IWUSR);
  return {"--jwt-issuer", "bench", "--jwt-audience", "strandline", "--jwt-secret-file", file};
}

// --- One who keeps to its quota, beside one who does not.

constexpr double kCalmPerSecond = 200;
constexpr double kCrowdPerSecond = 1'000;
constexpr char kCrowdQuota[] = "requests=100/s";  // a tenth of that

// One request after the other, on time, until `go_on` says no: how long each answer took.
template <class GoOn>
std::vector<double> ask_in_turn(uint16_t port, const std::string& request, double per_second,
                                GoOn go_on) {
  Socket socket(port);
  std::vector<double> took_us;
  std::string answer;
  char bytes[16 << 10];
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; go_on(i); ++i) {
    const std::chrono::duration<double> after(static_cast<double>(i) / per_second);
    std::this_thread::sleep_until(begin + after);
    const double sent = now_s();
    socket.write_all(request);
    answer.clear();
    while (any_http_answer(answer) == 0) {
      answer.append(bytes, socket.read_some(bytes, sizeof bytes));
    }
    took_us.push_back((now_s() - sent) * 1e6);
  }
  return took_us;
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
                      .bar = Bar{0.65}},
                  Row{.name = "server-access-jwt",
                      .unit = "events/s",
                      .what = "server, one JSON event a request, 50 connections, a token (HS256)",
                      .yardstick = "the same without access control",
                      .bar = Bar{0.85}},
                  Row{.name = "server-access-quota",
                      .unit = "us",
                      .what = "an append beside somebody at ten times its quota, p99",
                      .yardstick = "the same append alone",
                      .bar = Bar{.value = 1.5, .kind = Bar::Kind::at_most}}}),
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
        number, [&] { shown(By::key); }, [&] { shown(By::nothing, &rows_[0]); });
    note(rows_[0], with_key_, without_);
    alternate(
        number, [&] { shown(By::token); }, [&] { shown(By::nothing, &rows_[2]); });
    note(rows_[2], with_token_, without_);
    alternate(
        number, [&] { contended(true); }, [&] { contended(false); });
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

  enum class By { nothing, key, token };
  void shown(By by, Row* yardstick_of = nullptr) {
    Scratch scratch(settings_.directory, "access");
    const std::string data = (scratch.path() / "log").string();
    std::string header;
    std::vector<std::string> flags;
    if (by == By::key) header = key_header(scratch.path(), data, "load");
    if (by == By::token) {
      header = token_header();
      flags = token_flags(scratch.path());
    }
    const Served served(data, flags);
    const Rate rate = measured(served, single_events(settings_.size<size_t>(50, 5), header), 1, 1,
                               settings_.seconds, nullptr);
    if (by == By::nothing) {
      yardstick_of->theirs.push_back(rate.events_per_s);
      without_ = rate.server_us;
      return;
    }
    rows_[by == By::key ? 0 : 2].ours.push_back(rate.events_per_s);
    (by == By::key ? with_key_ : with_token_) = rate.server_us;
  }

  void contended(bool crowded) {
    Scratch scratch(settings_.directory, "access");
    const std::string data = (scratch.path() / "log").string();
    const std::string calm = key_header(scratch.path(), data, "calm");
    const std::string crowd = key_header(scratch.path(), data, "crowd", kCrowdQuota);
    const Served served(data);
    const auto request = [&](const std::string& header) {
      return post_events(stream_of(0), "application/json",
                         std::string(R"({"type":"t","data":)") + payload(0) + "}", header);
    };
    std::jthread other;
    if (crowded) {
      other = std::jthread([&, asked = request(crowd)](const std::stop_token& stop) {
        ask_in_turn(served.port(), asked, kCrowdPerSecond,
                    [&](size_t) { return !stop.stop_requested(); });
      });
    }
    const auto count = static_cast<size_t>(std::max(20.0, settings_.seconds * kCalmPerSecond));
    const double p99 = percentile(ask_in_turn(served.port(), request(calm), kCalmPerSecond,
                                              [&](size_t i) { return i < count; }),
                                  0.99);
    (crowded ? rows_[3].ours : rows_[3].theirs).push_back(p99);
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
  double with_key_ = 0, with_token_ = 0, without_ = 0, with_tls_ = 0, without_tls_ = 0;
};

}  // namespace

std::unique_ptr<Workload> server_access(const Settings& settings) {
  return std::make_unique<ServerAccess>(settings);
}

}  // namespace strandline::bench
