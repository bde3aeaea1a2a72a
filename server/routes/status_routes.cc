// GET /healthz, /readyz, /metrics and /v1/info: how the server and its log are.
#include "server/base/version.h"
#include "server/connection/readiness.h"
#include "server/json/json_writer.h"
#include "server/routes/handlers.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {
namespace {

// Prints members, with commas where they belong.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) { out_ += '{'; }
  void name(std::string_view literal) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += literal;
    out_ += "\":";
  }
  void number(std::string_view literal, uint64_t value) {
    name(literal);
    append_number(out_, value);
  }
  void text(std::string_view literal, std::string_view value) {
    name(literal);
    render_string(out_, value);
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

void render_recovery(std::string& out, const RecoveryReport& report) {
  Members members(out);
  members.name("created");
  out += report.created ? "true" : "false";
  members.number("wal_bytes_replayed", report.wal_bytes_replayed);
  members.number("torn_bytes_dropped", report.torn_bytes_dropped);
  members.number("durable_next", report.durable_next.value);
  members.number("head_mark", report.head_mark.value);
  members.number("milliseconds", report.milliseconds);
  if (!report.loss.empty()) members.text("loss", report.loss);
  members.end();
}

void render_limits(std::string& out, const Service& service) {
  const Limits& limits = service.log.options().limits;
  const ServerOptions& options = service.options;
  Members members(out);
  members.number("event_bytes_max", limits.event_bytes_max);
  members.number("batch_bytes_max", limits.batch_bytes_max);
  members.number("batch_events_max", limits.batch_events_max);
  members.number("append_streams_max", limits.append_streams_max);
  members.number("append_bytes_max", limits.append_bytes_max);
  members.number("name_bytes_max", limits.name_bytes_max);
  members.number("streams_max", limits.streams_max);
  members.number("consumers_max", limits.consumers_max);
  members.number("named_consumers_max", limits.named_consumers_max);
  members.number("members_max", limits.members_max);
  members.number("unacked_max", limits.unacked_max);
  members.number("settle_positions_max", limits.settle_positions_max);
  members.number("connections_max", options.connections_max);
  members.number("head_bytes_max", options.head_bytes_max);
  members.number("request_line_bytes_max", options.request_line_bytes_max);
  members.number("body_bytes_max", options.body_bytes_max);
  members.number("bodies_bytes_max", options.bodies_bytes_max);
  members.number("pipeline_max", options.pipeline_max);
  members.number("page_events_max", options.page_events_max);
  members.end();
}

void render_counters(std::string& out, const Counters& counters) {
  Members members(out);
  members.number("appends", counters.appends);
  members.number("appends_refused", counters.appends_refused);
  members.name("appends_refused_by");
  Members by(out);
  for (const auto& [why, count] : counters.appends_refused_by) by.number(name_of(why), count);
  by.end();
  members.number("appends_retried", counters.appends_retried);
  members.number("events_appended", counters.events_appended);
  members.number("bytes_appended", counters.bytes_appended);
  members.number("groups", counters.groups);
  members.number("syncs", counters.syncs);
  members.number("sync_us_total", counters.sync_us_total);
  members.number("store_batches_read", counters.store_batches_read);
  members.number("store_bytes_read", counters.store_bytes_read);
  members.number("cached_batches_read", counters.cached_batches_read);
  members.number("stripes_read", counters.stripes_read);
  members.number("stripe_bytes_read", counters.stripe_bytes_read);
  members.number("index_bytes_read", counters.index_bytes_read);
  members.number("index_backlog", counters.index_backlog);
  members.number("batch_cache_bytes", counters.batch_cache_bytes);
  members.number("queue_appends", counters.queue_appends);
  members.number("queue_bytes", counters.queue_bytes);
  members.end();
}

// In bytes.
void render_disk(std::string& out, const Log& log) {
  Members members(out);
  members.name("free_bytes");
  if (const auto free = log.counters().disk_free_bytes) {
    append_number(out, *free);
  } else {
    out += "null";
  }
  members.number("reserve_bytes", log.options().disk_reserve_bytes);
  members.end();
}

void render_segments(std::string& out, const std::vector<SegmentInfo>& segments) {
  out += '[';
  for (const SegmentInfo& segment : segments) {
    if (&segment != segments.data()) out += ',';
    Members members(out);
    members.number("id", segment.id.value);
    members.name("sealed");
    out += segment.sealed ? "true" : "false";
    members.text("created", render_time(segment.created));
    members.number("first", segment.first.value);
    members.number("next", segment.next.value);
    members.number("bytes", segment.bytes);
    members.end();
  }
  out += ']';
}

Response render_info(const Service& service) {
  const Log& log = service.log;
  Response response;
  std::string& out = response.body;
  Members members(out);
  members.text("name", "strandline");
  members.text("version", kVersion);
  members.number("format", kFormatVersion);
  members.number("durable_next", log.durable_next().value);
  const auto sealed = log.sealed();
  members.name("sealed");
  if (sealed) {
    render_string(out, *sealed);
  } else {
    out += "null";
  }
  members.name("appends_refused_because");
  if (const auto refused = appends_refused(service)) {
    Members why(out);
    why.text("reason", refused->reason);
    why.text("detail", refused->detail);
    why.end();
  } else {
    out += "null";
  }
  members.name("disk");
  render_disk(out, log);
  members.name("recovery");
  render_recovery(out, log.recovery());
  members.name("limits");
  render_limits(out, service);
  members.name("counters");
  render_counters(out, log.counters());
  members.name("segments");
  render_segments(out, log.segments());
  members.end();
  out += '\n';
  return response;
}

// Answers with the problem if there are parameters, which none of these takes.
bool refuses(const Call& call, Answer& answer) {
  auto known = call.query.allow({});
  if (!known) answer.now(malformed(known.error()));
  return !known;
}

}  // namespace

void get_healthz(Call call, Answer answer) {
  if (refuses(call, answer)) return;
  answer.now({.body = "{\"status\":\"alive\"}\n"});
}

void get_readyz(Call call, Answer answer) {
  if (refuses(call, answer)) return;
  answer.now(readiness(call.service));
}

void get_metrics(Call call, Answer answer) {
  if (refuses(call, answer)) return;
  Service& service = call.service;
  answer.block(service, [&service] {
    return Response{.content_type = kPlain, .body = render_metrics(service)};
  });
}

void get_info(Call call, Answer answer) {
  if (refuses(call, answer)) return;
  Service& service = call.service;
  answer.block(service, [&service] { return render_info(service); });
}

}  // namespace strandline::server
