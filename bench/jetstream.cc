#include "bench/jetstream.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/payload.h"
#include "bench/peers.h"

#ifdef STRANDLINE_NATS
#include <nats/nats.h>
#endif

namespace strandline::bench {
namespace {

std::vector<std::string> command_line(const Scratch& scratch, uint16_t port) {
  return {find_program("nats-server").value_or("nats-server"),
          "--addr",
          "127.0.0.1",
          "--port",
          std::to_string(port),
          "--jetstream",
          "--store_dir",
          scratch.path().string(),
          "--log",
          (scratch.path() / "nats.log").string()};
}

}  // namespace

#ifdef STRANDLINE_NATS

namespace {

constexpr int64_t kPatienceMs = 60'000;

void must_be_ok(natsStatus status, const char* what) {
  if (status != NATS_OK) throw Failure(std::string(what) + ": " + natsStatus_GetText(status));
}

std::string stream_of(size_t n) { return "load-" + std::to_string(n); }

// A connection and its JetStream context.
class Client {
 public:
  Client(uint16_t port, int64_t under_way) {
    natsOptions* options = nullptr;
    must_be_ok(natsOptions_Create(&options), "natsOptions_Create");
    const std::string url = "nats://127.0.0.1:" + std::to_string(port);
    natsStatus status = natsOptions_SetURL(options, url.c_str());
    if (status == NATS_OK) status = natsConnection_Connect(&connection_, options);
    natsOptions_Destroy(options);
    must_be_ok(status, "natsConnection_Connect");
    jsOptions js;
    jsOptions_Init(&js);
    js.PublishAsync.MaxPending = under_way;
    js.PublishAsync.StallWait = kPatienceMs;
    js.PublishAsync.ErrHandler = [](jsCtx*, jsPubAckErr*, void* refused) {
      ++*static_cast<std::atomic<uint64_t>*>(refused);
    };
    js.PublishAsync.ErrHandlerClosure = &refused_;
    must_be_ok(natsConnection_JetStream(&context_, connection_, &js), "natsConnection_JetStream");
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    jsCtx_Destroy(context_);
    natsConnection_Destroy(connection_);
  }

  jsCtx* context() const { return context_; }
  uint64_t refused() const { return refused_; }

  void add_stream(const std::string& name) {
    const char* subjects[] = {name.c_str()};
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    config.Name = name.c_str();
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    jsErrCode code{};
    must_be_ok(js_AddStream(nullptr, context_, &config, nullptr, &code), "js_AddStream");
  }

 private:
  natsConnection* connection_ = nullptr;
  jsCtx* context_ = nullptr;
  std::atomic<uint64_t> refused_ = 0;
};

// What a consumer's callback counts; the callbacks run on libnats's thread.
struct Consumed {
  std::mutex mutex;
  std::condition_variable all;
  uint64_t events = 0;  // the callback's alone until it is done
  uint64_t wanted = 0;
  uint64_t bytes = 0;
  bool done = false;  // guarded by mutex
};

void take_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  auto& consumed = *static_cast<Consumed*>(closure);
  consumed.bytes += static_cast<uint64_t>(natsMsg_GetDataLength(message));
  natsMsg_Destroy(message);
  if (++consumed.events != consumed.wanted) return;
  const std::lock_guard lock(consumed.mutex);
  consumed.done = true;
  consumed.all.notify_one();
}

}  // namespace

std::optional<std::string> JetStream::absent(const Settings& settings) {
  return bench::absent(settings, "nats-server");
}

JetStream::JetStream(const Settings& settings)
    : scratch_(settings.directory, "jetstream"),
      port_(free_port()),
      process_(command_line(scratch_, port_), scratch_.path() / "errors.log") {
  for (int i = 0; i < 200; ++i) {
    try {
      Client client(port_, 1);
      jsErrCode code{};
      jsAccountInfo* account = nullptr;
      // Listening comes before JetStream is up.
      if (js_GetAccountInfo(&account, client.context(), nullptr, &code) == NATS_OK) {
        jsAccountInfo_Destroy(account);
        return;
      }
    } catch (const Failure&) {
      // Not listening yet.
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  throw Failure("nats-server does not answer: " + process_.complaint());
}

JetStream::Published JetStream::publish(const Publishing& how) {
  std::vector<std::string> data;
  for (uint64_t i = 0; i < 1000; ++i) data.push_back(payload(i));
  {
    Client client(port_, 1);
    for (size_t i = 0; i < how.streams; ++i) client.add_stream(stream_of(i));
  }
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < how.connections; ++i) {
    clients.push_back(std::make_unique<Client>(port_, how.under_way));
  }
  std::atomic<uint64_t> events = 0;
  std::mutex mutex;  // guards failure
  std::string failure;
  const double begin = now_s();
  {
    std::vector<std::jthread> threads;
    for (size_t c = 0; c < how.connections; ++c) {
      threads.emplace_back([&, c] {
        try {
          const std::string subject = stream_of(c % how.streams);
          uint64_t n = 0;
          while (how.events > 0 ? n < how.events : now_s() - begin < how.seconds) {
            for (int i = 0; i < 100; ++i, ++n) {
              const std::string& bytes = data[n % data.size()];
              must_be_ok(js_PublishAsync(clients[c]->context(), subject.c_str(), bytes.data(),
                                         static_cast<int>(bytes.size()), nullptr),
                         "js_PublishAsync");
            }
          }
          jsPubOptions wait;
          jsPubOptions_Init(&wait);
          wait.MaxWait = kPatienceMs;
          must_be_ok(js_PublishAsyncComplete(clients[c]->context(), &wait),
                     "js_PublishAsyncComplete");
          events += n;
        } catch (const std::exception& e) {
          const std::lock_guard lock(mutex);
          failure = e.what();
        }
      });
    }
  }
  const double seconds = now_s() - begin;
  if (!failure.empty()) throw Failure(failure);
  for (const auto& client : clients) {
    if (client->refused() > 0) throw Failure("nats-server refused messages");
  }
  return {.events = events, .seconds = seconds};
}

double JetStream::consume(uint64_t events) {
  Client client(port_, 1);
  Consumed consumed;
  consumed.wanted = events;
  jsSubOptions ordered;
  jsSubOptions_Init(&ordered);
  ordered.Ordered = true;
  jsErrCode code{};
  natsSubscription* subscription = nullptr;
  const double begin = now_s();
  must_be_ok(js_Subscribe(&subscription, client.context(), stream_of(0).c_str(), take_message,
                          &consumed, nullptr, &ordered, &code),
             "js_Subscribe");
  bool done = false;
  {
    std::unique_lock lock(consumed.mutex);
    done = consumed.all.wait_for(lock, std::chrono::milliseconds(2 * kPatienceMs),
                                 [&] { return consumed.done; });
  }
  const double seconds = now_s() - begin;
  natsSubscription_Unsubscribe(subscription);
  natsSubscription_Destroy(subscription);
  if (!done) throw Failure("JetStream's consumer did not get all events");
  return seconds;
}

#else

std::optional<std::string> JetStream::absent(const Settings& settings) {
  if (const auto why = bench::absent(settings, "nats-server")) return why;
  return "nats-server: libnats-dev was not there when this was built";
}
JetStream::JetStream(const Settings& settings)
    : scratch_(settings.directory, "jetstream"),
      port_(0),
      process_(command_line(scratch_, port_), scratch_.path() / "errors.log") {
  throw Failure("built without libnats");
}
JetStream::Published JetStream::publish(const Publishing&) { return {}; }
double JetStream::consume(uint64_t) { return 0; }

#endif

}  // namespace strandline::bench
