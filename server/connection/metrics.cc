#include "server/connection/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "server/connection/consumer_metrics.h"
#include "server/connection/readiness.h"
#include "server/connection/route.h"
#include "server/connection/service.h"
#include "server/http/quota_text.h"

namespace strandline::server {
namespace {

class Scrape {
 public:
  void counter(const char* name, const char* help, uint64_t value) {
    prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add({}).Increment(
        static_cast<double>(value));
  }
  void seconds(const char* name, const char* help, uint64_t value_us) {
    prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add({}).Increment(
        static_cast<double>(value_us) / 1e6);
  }
  void gauge(const char* name, const char* help, uint64_t value) {
    prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add({}).Set(
        static_cast<double>(value));
  }
  void requests(const Metrics& metrics, const RouteTable& routes) {
    auto& family = prometheus::BuildCounter()
                       .Name("strandline_http_requests_total")
                       .Help("Requests answered, by route and status.")
                       .Register(registry_);
    for (size_t i = 0; i <= routes.routes().size(); ++i) {
      const std::string name(i < routes.routes().size() ? routes.routes()[i].name : "none");
      for (unsigned status = 0; status < Metrics::kStatusMax; ++status) {
        const uint64_t count = metrics.requests[i][status].load(std::memory_order_relaxed);
        if (count == 0) continue;
        family.Add({{"route", name}, {"status", std::to_string(status)}})
            .Increment(static_cast<double>(count));
      }
    }
  }
  void over_quota(const Service& service) {
    auto& family = prometheus::BuildCounter()
                       .Name("strandline_http_quota_refusals_total")
                       .Help("Requests answered 429, by the quota that they were over.")
                       .Register(registry_);
    for (size_t kind = 0; kind < kQuotaKinds; ++kind) {
      const auto quota = static_cast<QuotaKind>(kind);
      family.Add({{"quota", std::string(name_of(quota))}})
          .Increment(static_cast<double>(service.quotas.refused(quota)));
    }
    family.Add({{"quota", "stored"}})
        .Increment(static_cast<double>(service.quotas.refused_stored()));
    family.Add({{"quota", "wrong-secrets"}})
        .Increment(static_cast<double>(service.quotas.refused_secrets()));
  }
  void refused(const Counters& counters) {
    auto& family = prometheus::BuildCounter()
                       .Name("strandline_appends_refused_total")
                       .Help("Appends that were refused, by the code of their problem.")
                       .Register(registry_);
    for (const auto& [why, count] : counters.appends_refused_by) {
      family.Add({{"reason", name_of(why)}}).Increment(static_cast<double>(count));
    }
  }
  void refusing(const Service& service) {
    auto& family = prometheus::BuildGauge()
                       .Name("strandline_refusing_appends")
                       .Help("1 while every append is refused for this reason.")
                       .Register(registry_);
    const auto refused = appends_refused(service);
    for (const std::string_view reason : kRefusalReasons) {
      family.Add({{"reason", std::string(reason)}}).Set(refused && refused->reason == reason);
    }
  }
  void consumers(const Log& log) { add_consumer_metrics(registry_, log); }
  void tokens(const TokenAuthority& tokens) {
    auto& family = prometheus::BuildCounter()
                       .Name("strandline_tokens_refused_total")
                       .Help("JSON Web Tokens that were refused, by what was wrong.")
                       .Register(registry_);
    for (size_t i = 0; i < kTokenFaults; ++i) {
      const auto fault = static_cast<TokenFault>(i);
      family.Add({{"reason", std::string(name_of(fault))}})
          .Increment(static_cast<double>(tokens.refused(fault)));
    }
    counter("strandline_token_keys_read_total", "Times that keys for tokens were read again.",
            tokens.reloads());
    counter("strandline_token_keys_failed_total",
            "Times that this failed, so that the keys from before stayed.",
            tokens.failed_reloads());
  }
  std::string text() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

 private:
  prometheus::Registry registry_;
};

}  // namespace

std::string render_metrics(const Service& service) {
  const Metrics& metrics = service.metrics;
  const Log& log = service.log;
  Scrape scrape;
  scrape.requests(metrics, service.routes);
  scrape.counter("strandline_http_connections_accepted_total", "Connections accepted.",
                 metrics.connections_accepted);
  scrape.counter("strandline_http_connections_refused_total",
                 "Connections refused because as many as allowed were open.",
                 metrics.connections_refused);
  scrape.gauge("strandline_http_connections", "Connections open now.", metrics.connections);
  scrape.gauge("strandline_http_followers", "Followers open now.", metrics.followers);
  scrape.counter("strandline_http_received_bytes_total", "Bytes read from sockets.",
                 metrics.bytes_in);
  scrape.counter("strandline_http_sent_bytes_total", "Bytes written to sockets.",
                 metrics.bytes_out);
  scrape.counter("strandline_http_timeouts_total", "Connections closed for being too slow.",
                 metrics.timeouts);

  scrape.over_quota(service);
  scrape.gauge("strandline_http_quota_accounts",
               "Keys and addresses whose quotas are kept account of.", service.quotas.accounts());
  if (service.access_log) {
    scrape.counter("strandline_access_log_lines_dropped_total",
                   "Lines of the access log that were not written.", service.access_log->dropped());
  }

  const Counters counters = log.counters();
  scrape.counter("strandline_appends_total", "Appends that were stored.", counters.appends);
  scrape.refused(counters);
  scrape.refusing(service);
  scrape.counter("strandline_appends_retried_total",
                 "Appends that were sent again, and answered as their originals were.",
                 counters.appends_retried);
  scrape.counter("strandline_events_appended_total", "Events stored.", counters.events_appended);
  scrape.counter("strandline_appended_bytes_total", "Bytes of batches stored.",
                 counters.bytes_appended);
  scrape.counter("strandline_commit_groups_total", "Commit groups written.", counters.groups);
  scrape.counter("strandline_syncs_total", "Syncs of the write-ahead log.", counters.syncs);
  scrape.seconds("strandline_sync_seconds_total", "Time spent in those syncs.",
                 counters.sync_us_total);
  scrape.counter("strandline_store_batches_read_total", "Batches read from the store.",
                 counters.store_batches_read);
  scrape.counter("strandline_store_read_bytes_total", "Bytes of batches read from the store.",
                 counters.store_bytes_read);
  scrape.counter("strandline_batch_cache_batches_read_total", "Batches read from memory.",
                 counters.cached_batches_read);
  scrape.counter("strandline_stripes_read_total",
                 "Stripes read at once, for readers of many streams.", counters.stripes_read);
  scrape.counter("strandline_stripe_read_bytes_total", "Bytes of batches in those.",
                 counters.stripe_bytes_read);
  scrape.counter("strandline_index_read_bytes_total",
                 "Bytes read of the index of types and subjects.", counters.index_bytes_read);
  scrape.gauge("strandline_index_backlog_stripes",
               "Sealed stripes that are still to be indexed by type and subject.",
               counters.index_backlog);
  scrape.gauge("strandline_batch_cache_bytes", "Bytes of the newest batches kept in memory.",
               counters.batch_cache_bytes);
  scrape.gauge("strandline_queue_appends", "Appends that wait for the writer.",
               counters.queue_appends);
  scrape.gauge("strandline_queue_bytes", "Bytes that wait for the writer.", counters.queue_bytes);
  if (counters.disk_free_bytes) {
    scrape.gauge("strandline_disk_free_bytes",
                 "Bytes free on the log's disk, beyond what flushes will take.",
                 *counters.disk_free_bytes);
  }
  scrape.gauge("strandline_disk_reserve_bytes", "Free bytes below which appends are refused.",
               log.options().disk_reserve_bytes);
  scrape.gauge("strandline_durable_next", "One past the sequence of the last durable event.",
               log.durable_next().value);
  scrape.gauge("strandline_sealed", "1 if appends are refused until the log is reopened.",
               log.sealed() ? 1 : 0);
  if (service.tokens) scrape.tokens(*service.tokens);
  scrape.consumers(log);
  return scrape.text();
}

}  // namespace strandline::server
