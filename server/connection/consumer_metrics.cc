#include "server/connection/consumer_metrics.h"

#include <prometheus/gauge.h>

#include <chrono>

namespace strandline::server {
namespace {

// Each is eight series: a scrape must not grow without bound.
constexpr size_t kConsumersShown = 1'000;

double seconds_since(Timestamp time) {
  using namespace std::chrono;
  const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  return static_cast<double>(std::max<int64_t>(0, now - time.us)) / 1e6;
}

}  // namespace

void add_consumer_metrics(prometheus::Registry& registry, const Log& log) {
  const auto consumers = log.consumers("", "", kConsumersShown);
  if (!consumers) return;  // the log is closing
  const auto gauge = [&](const char* name, const char* help, auto value_of) {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    for (const ConsumerInfo& info : *consumers) {
      family.Add({{"consumer", info.name}}).Set(static_cast<double>(value_of(info)));
    }
  };
  const std::string note = " Of the first 1,000 consumers by name.";
  gauge("strandline_consumer_lag_events",
        ("Events that are not done yet: unacked, or not yet given out." + note).c_str(),
        [](const ConsumerInfo& info) { return info.lag; });
  gauge("strandline_consumer_unacked_events",
        ("Events that were given out, or will be again, and not acked." + note).c_str(),
        [](const ConsumerInfo& info) { return info.unacked; });
  gauge("strandline_consumer_pending_events",
        ("Events that were given out and are not acked." + note).c_str(),
        [](const ConsumerInfo& info) { return info.pending; });
  gauge("strandline_consumer_in_flight_events", ("Events that members have now." + note).c_str(),
        [](const ConsumerInfo& info) { return info.in_flight; });
  gauge("strandline_consumer_redelivered_events",
        ("Unacked events that were given out more than once." + note).c_str(),
        [](const ConsumerInfo& info) { return info.redelivered; });
  gauge("strandline_consumer_dead_lettered_events",
        ("Dead letters that were not replayed." + note).c_str(),
        [](const ConsumerInfo& info) { return info.dead_lettered; });
  gauge("strandline_consumer_members", ("Members that have joined and not left." + note).c_str(),
        [](const ConsumerInfo& info) { return info.members; });
  gauge("strandline_consumer_oldest_unacked_seconds",
        ("How long ago the oldest event was stored that is not acked; 0 if there is none." + note)
            .c_str(),
        [](const ConsumerInfo& info) {
          return info.oldest_unacked ? seconds_since(*info.oldest_unacked) : 0.0;
        });
}

}  // namespace strandline::server
