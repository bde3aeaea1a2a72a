// Messages from a live client, a line each, in Strandline's own protocol or in Pusher's: whatever
// they are, each is answered, and what is sent are whole frames of JSON. A byte chooses which
// protocol; no channel is kept, so that nothing is written.
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "engine/base/check.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "server/connection/worker.h"
#include "server/json/json_reader.h"
#include "server/live/live_connection.h"
#include "server/live/native_protocol.h"
#include "server/live/pusher_protocol.h"
#include "server/routes/route_table.h"
#include "tests/support/http/memory_transport.h"

namespace strandline::server {
namespace {

constexpr std::string_view kUpgradeText =
    "GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

class LivePlace {
 public:
  LivePlace() {
    std::string name = (std::filesystem::temp_directory_path() / "strandline-fuzz-XXXXXX").string();
    CHECK_TRUE(mkdtemp(name.data()) != nullptr);
    directory_ = name;
    auto log = Log::open(directory_, {.batch_cache_bytes = 1 << 20, .block_cache_bytes = 1 << 20});
    if (!log) CHECK_EQ(log.error().message, "");
    log_ = std::move(*log);
    service_ = std::make_unique<Service>(
        *log_,
        ServerOptions{.live_channels = "*=ephemeral+client-events+counts+open",
                      .live_app_secret = "a-secret-of-the-application",
                      .live_messages_per_s = 1'000'000},
        route_table());
    worker_ = std::make_unique<Worker>(*service_);
  }
  ~LivePlace() {
    service_->history.join();
    service_->searching.join();
    worker_.reset();
    service_.reset();
    log_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Service& service() { return *service_; }
  Log& log() { return *log_; }
  Worker& worker() { return *worker_; }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Worker> worker_;
};

const Authorities kAnyLiveName{{}, false};

// As a client sends it, with a mask of zeros.
std::string text_frame(std::string_view text) {
  std::string out = "\x81\xfe";
  if (text.size() < 126) {
    out.back() = static_cast<char>(0x80 | text.size());
  } else {
    out += static_cast<char>(text.size() >> 8);
    out += static_cast<char>(text.size());
  }
  return out.append(4, '\0').append(text);
}

// What the server sent behind its answer: text frames, each a JSON value, and one closing frame.
void check_frames(std::string_view sent) {
  const size_t head = sent.find("\r\n\r\n");
  CHECK_TRUE(sent.starts_with("HTTP/1.1 101") && head != std::string_view::npos);
  sent.remove_prefix(head + 4);
  while (!sent.empty()) {
    CHECK_GE(sent.size(), 2u);
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(sent[i]); };
    size_t size = byte(1), begin = 2;
    CHECK_LE(size, 126u);
    if (size == 126) {
      size = static_cast<size_t>(byte(2)) << 8 | byte(3);
      begin = 4;
    }
    CHECK_GE(sent.size(), begin + size);
    if ((byte(0) & 15) == 1) {
      JsonReader reader;
      CHECK_TRUE(reader.parse(sent.substr(begin, size)).has_value());
    }
    sent.remove_prefix(begin + size);
  }
}

}  // namespace
}  // namespace strandline::server

FUZZ_TARGET(live) {
  using namespace strandline::server;
  static LivePlace place;
  strandline::fuzz::Input input(bytes);
  const bool pusher = input.byte() % 2 == 1;
  std::string frames;
  for (std::string_view rest = input.rest().substr(0, 4 << 10); !rest.empty();) {
    const size_t end = rest.find('\n');
    frames += text_frame(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  const std::string_view piece = frames;
  const auto wire = std::make_shared<strandline::tests::Wire>();
  // What it remembers of its clients goes with it.
  Live live(place.log(), place.service().options);
  place.service().live = &live;
  {
    Worker& worker = place.worker();
    Request request{.authorities = &kAnyLiveName};
    request.head = *parse_head(kUpgradeText, {});
    const auto connection = std::make_shared<LiveConnection>(
        place.service(), live,
        Upgraded{.worker = worker,
                 .transport = std::make_unique<strandline::tests::MemoryTransport>(
                     worker.context().get_executor(), std::span(&piece, 1),
                     strandline::tests::Manners{}, wire),
                 .input = {}},
        std::move(request), LiveConnection::Client{.by_app_key = pusher},
        pusher ? pusher_protocol({0, {}}) : native_protocol());
    worker.adopt(connection);
  }
  // All of it is on this thread, and ends with the client's bytes.
  while (place.service().metrics.live_connections > 0) place.worker().context().poll();

  check_frames(wire->written());
}
