#include "server/wire/figures_json.h"

#include <fmt/format.h>

#include "engine/api/rfc3339.h"
#include "engine/format/record_words.h"
#include "server/base/version.h"
#include "server/json/json_writer.h"
#include "server/wire/retention_json.h"

namespace strandline::server {
namespace {

void render_member(std::string& out, std::string_view name, std::string_view text) {
  out += fmt::format(",\"{}\":", name);
  render_string(out, text);
}

std::string time_or_null(const std::optional<Timestamp>& time) {
  return time ? "\"" + render_time(*time) + "\"" : "null";
}

void render_rates(std::string& out, const std::vector<Rate>& rates) {
  out += ",\"rates\":[";
  for (const Rate& rate : rates) {
    if (&rate != rates.data()) out += ',';
    out += fmt::format(R"({{"seconds":{},"events":{},"events_per_s":{:.3f}}})", rate.seconds,
                       rate.events,
                       static_cast<double>(rate.events) / static_cast<double>(rate.seconds));
  }
  out += ']';
}

void render_log(std::string& out, const LogFigures& log) {
  out += fmt::format(
      R"({{"streams":{},"events":{},"bytes":{},"segments":{},"dead_bytes":{},"disk":{{"tables":{},)"
      R"("event_bytes":{},"record_bytes":{},"wal_bytes":{}}},"memory":{{"unflushed_bytes":{},)"
      R"("block_cache_bytes":{},"table_reader_bytes":{},"batch_cache_bytes":{}}},)",
      log.streams, log.events, log.bytes, log.segments, log.dead_bytes, log.tables,
      log.event_table_bytes, log.record_table_bytes, log.wal_bytes, log.unflushed_bytes,
      log.block_cache_bytes, log.table_reader_bytes, log.batch_cache_bytes);
  const auto amplification = log.write_amplification();
  out += fmt::format(
      R"("written":{{"appended_bytes":{},"wal_bytes":{},"table_bytes":{},"amplification":{}}},)",
      log.appended_bytes, log.wal_bytes_written, log.table_bytes_written,
      amplification ? fmt::format("{:.2f}", *amplification) : "null");
  out += fmt::format(
      R"("fsync":{{"count":{},"mean_us":{},"p50_us":{},"p99_us":{},"max_us":{}}},"last_stored":{})",
      log.sync.count, log.sync.mean_us, log.sync.p50_us, log.sync.p99_us, log.sync.max_us,
      time_or_null(log.last_stored));
  render_rates(out, log.rates);
  out += '}';
}

void render_stream_figures(std::string& out, const StreamFigures& figures) {
  const StreamInfo& info = figures.info;
  out += "{\"stream\":";
  render_string(out, info.name);
  out +=
      fmt::format(R"(,"start":{},"tail":{},"events":{},"bytes":{},"disk_bytes":{})",
                  info.start.value, info.tail.value, info.events, info.bytes, figures.disk_bytes);
  out += fmt::format(R"(,"created":"{}","last_stored":{})", render_time(info.created),
                     time_or_null(info.last_stored));
  render_rates(out, figures.rates);
  out += '}';
}

Result<std::string> from_hex(std::string_view hex) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) break;
    bytes += static_cast<char>(high * 16 + low);
  }
  if (2 * bytes.size() == hex.size()) return bytes;
  return fail(Code::invalid,
              fmt::format("\"{}\" is no key in hex: two digits a byte", hex.substr(0, 100)));
}

Result<std::string> told(Result<Inspected> inspected) {
  if (!inspected) return std::unexpected(std::move(inspected.error()));
  const Inspected& seen = *inspected;
  std::string out = "{\"what\":";
  render_string(out, seen.what);
  out += ",\"words\":[";
  for (const auto& [name, says] : seen.words) {
    if (&name != &seen.words.front().first) out += ',';
    out += '[';
    render_string(out, name);
    out += ',';
    render_string(out, says);
    out += ']';
  }
  out += ']';
  if (!seen.family.empty()) {
    render_member(out, "family", seen.family);
    render_member(out, "key", to_hex(seen.key));
    if (!seen.withheld.empty()) {
      render_member(out, "withheld", seen.withheld);
    } else {
      out += fmt::format(",\"value_bytes\":{}", seen.value.size());
      render_member(out, "value",
                    to_hex(std::string_view(seen.value).substr(0, kInspectedBytesMax)));
    }
  }
  return out + "}\n";
}

Result<std::string> render_keys(const Log& log, const InspectionOf& of) {
  auto from = from_hex(of.from);
  if (!from) return std::unexpected(std::move(from.error()));
  auto keys = log.keys_of(of.family, *from, of.limit + 1);
  if (!keys) return std::unexpected(std::move(keys.error()));
  const bool more = keys->size() > of.limit;
  std::string out = "{\"family\":\"" + of.family + "\",\"keys\":[";
  for (size_t i = 0; i < std::min(keys->size(), of.limit); ++i) {
    if (i > 0) out += ',';
    out += '"' + to_hex((*keys)[i]) + '"';
  }
  out += ']';
  if (more) render_member(out, "next", to_hex(keys->back()));
  return out + "}\n";
}

}  // namespace

void render_segments(std::string& out, const std::vector<SegmentInfo>& segments) {
  out += '[';
  for (const SegmentInfo& segment : segments) {
    if (&segment != segments.data()) out += ',';
    out += fmt::format(
        R"({{"id":{},"sealed":{},"created":"{}","first":{},"next":{},"bytes":{},"dead_bytes":{},)"
        R"("removed_bytes":{}}})",
        segment.id.value, segment.sealed, render_time(segment.created), segment.first.value,
        segment.next.value, segment.bytes, segment.dead_bytes, segment.removed_bytes);
  }
  out += ']';
}

Result<std::string> render_stats(const Log& log, const StatsOf& of) {
  std::vector<StreamInfo> streams;
  if (of.stream.empty()) {
    streams = log.list(of.prefix, of.after, of.limit + 1);
  } else {
    auto one = log.describe(of.stream);
    if (!one) return std::unexpected(std::move(one.error()));
    streams.push_back(std::move(*one));
  }
  const bool more = streams.size() > of.limit;
  if (more) streams.pop_back();
  std::string out = fmt::format(R"({{"version":"{}","format":{},"incarnation":"{}","log":)",
                                kVersion, kFormatVersion, log.incarnations().now().id);
  render_log(out, log.figures());
  out += ",\"segments\":";
  render_segments(out, log.segments());
  out += ",\"retention\":";
  render_retention(out, log.retention());
  out += ",\"streams\":[";
  bool first = true;
  for (const StreamInfo& stream : streams) {
    const auto figures = log.figures_of(stream.name);
    if (!figures) continue;  // deleted since
    if (!std::exchange(first, false)) out += ',';
    render_stream_figures(out, *figures);
  }
  out += ']';
  if (more) render_member(out, "next_after", streams.back().name);
  return out + "}\n";
}

Result<std::string> render_inspection(const Log& log, const InspectionOf& of) {
  if (of.segment) return told(log.inspect_segment(SegmentId(*of.segment)));
  if (!of.stream.empty()) return told(log.inspect_batch(of.stream, Offset(of.offset)));
  if (!of.key) return render_keys(log, of);
  const auto key = from_hex(*of.key);
  if (!key) return std::unexpected(key.error());
  return told(log.inspect_key(of.family, *key));
}

}  // namespace strandline::server
