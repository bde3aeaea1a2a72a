// `strandline stats`: what a log holds, and what it writes: sizes, rates, memory, fsyncs.
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <iostream>
#include <memory>

#include "tools/base/flags.h"
#include "tools/base/program.h"
#include "tools/base/table.h"
#include "tools/client/exchange.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

constexpr char kStatsExample[] =
    "  strandline stats\n"
    "  strandline stats orders\n"
    "  strandline stats --data ./data --prefix git. --json";

const rapidjson::Value& member(const rapidjson::Value& object, const char* name) {
  static const rapidjson::Value kNothing(rapidjson::kObjectType);
  if (!object.IsObject()) return kNothing;
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? kNothing : found->value;
}

double rate_of(const rapidjson::Value& rate) {
  const auto& per_s = member(rate, "events_per_s");
  return per_s.IsNumber() ? per_s.GetDouble() : 0;
}

std::string rates_text(const rapidjson::Value& of) {
  std::string out;
  for (const rapidjson::Value& rate : array_of(of, "rates")) {
    const uint64_t seconds = number_of(rate, "seconds");
    out += fmt::format("{}{:.3g}/s in the last {}", out.empty() ? "" : ", ", rate_of(rate),
                       seconds == 60      ? "minute"
                       : seconds == 3'600 ? "hour"
                                          : "day");
  }
  return out;
}

std::string time_or_dash(const rapidjson::Value& object, const char* name) {
  const std::string_view text = text_of(object, name);
  return text.empty() ? "-" : std::string(text);
}

void print_log(const rapidjson::Value& log) {
  const auto& disk = member(log, "disk");
  const auto& memory = member(log, "memory");
  const auto& written = member(log, "written");
  const auto& fsync = member(log, "fsync");
  const uint64_t on_disk = number_of(disk, "event_bytes") + number_of(disk, "record_bytes") +
                           number_of(disk, "wal_bytes");
  std::cout << fmt::format("streams      {}\n", number_of(log, "streams"))
            << fmt::format("events       {}, in {} segments\n", number_of(log, "events"),
                           number_of(log, "segments"))
            << fmt::format("last stored  {}\n", time_or_dash(log, "last_stored"))
            << fmt::format("rate         {}\n", rates_text(log))
            << fmt::format("bytes        {} raw, {} dead\n", number_of(log, "bytes"),
                           number_of(log, "dead_bytes"))
            << fmt::format("on disk      {}: events {}, records {}, WAL {}; {} tables\n", on_disk,
                           number_of(disk, "event_bytes"), number_of(disk, "record_bytes"),
                           number_of(disk, "wal_bytes"), number_of(disk, "tables"))
            << fmt::format(
                   "memory       {} not flushed, {} block cache, {} table readers, {} newest "
                   "batches\n",
                   number_of(memory, "unflushed_bytes"), number_of(memory, "block_cache_bytes"),
                   number_of(memory, "table_reader_bytes"), number_of(memory, "batch_cache_bytes"));
  const auto& amplification = member(written, "amplification");
  if (amplification.IsNumber()) {
    std::cout << fmt::format("written      {} appended; {} WAL, {} tables: {:.2f} bytes for each\n",
                             number_of(written, "appended_bytes"), number_of(written, "wal_bytes"),
                             number_of(written, "table_bytes"), amplification.GetDouble());
  }
  if (number_of(fsync, "count") > 0) {
    std::cout << fmt::format("fsyncs       {}: mean {} us, p50 {} us, p99 {} us, at most {} us\n",
                             number_of(fsync, "count"), number_of(fsync, "mean_us"),
                             number_of(fsync, "p50_us"), number_of(fsync, "p99_us"),
                             number_of(fsync, "max_us"));
  }
}

void print_streams(const rapidjson::Value& stats) {
  std::vector<Row> rows = {
      {"STREAM", "EVENTS", "BYTES", "ON DISK", "/S (MINUTE)", "/S (HOUR)", "LAST STORED"}};
  for (const rapidjson::Value& stream : array_of(stats, "streams")) {
    const auto rates = array_of(stream, "rates");
    const auto rate = [&](rapidjson::SizeType i) {
      return i < rates.Size() ? fmt::format("{:.3g}", rate_of(rates[i])) : std::string("-");
    };
    rows.push_back({std::string(text_of(stream, "stream")),
                    std::to_string(number_of(stream, "events")),
                    std::to_string(number_of(stream, "bytes")),
                    std::to_string(number_of(stream, "disk_bytes")), rate(0), rate(1),
                    time_or_dash(stream, "last_stored")});
  }
  if (rows.size() > 1) std::cout << '\n' << render_table(rows);
  const std::string_view next = text_of(stats, "next_after");
  if (!next.empty()) {
    std::cout << fmt::format("more streams follow \"{}\": --limit, --prefix, --after\n", next);
  }
}

int stats(const Settings& settings, const server::StatsOf& of, bool json) {
  auto log = connect(settings, Purpose::read);
  if (!log) return not_connected(log.error());
  auto told = (*log)->stats(of);
  if (!told) return failed(told.error());
  while (told->ends_with('\n')) told->pop_back();
  if (json) {
    std::cout << *told << '\n';
    return kDone;
  }
  rapidjson::Document document;
  if (document.Parse(told->data(), told->size()).HasParseError() || !document.IsObject()) {
    return failed("the answer is not JSON; is it a Strandline server?");
  }
  print_log(member(document, "log"));
  const auto& retention = member(document, "retention");
  std::cout << fmt::format("retention    {} bytes kept, {} dead, {} reclaimed\n",
                           number_of(retention, "kept_bytes"), number_of(retention, "dead_bytes"),
                           number_of(retention, "reclaimed_bytes"));
  print_streams(document);
  return kDone;
}

}  // namespace

void add_stats(Program& program) {
  auto json = std::make_shared<bool>(false);
  auto of = std::make_shared<server::StatsOf>();
  CLI::App& command = program.add(
      "stats", "Print what a log holds and writes: sizes, rates, memory, fsyncs", kStatsExample);
  command.add_option("stream", of->stream, "only this stream");
  command.add_option("--prefix", of->prefix, "only streams whose names begin so");
  command.add_option("--after", of->after, "only streams behind this one, in order of names");
  add_number(command, "--limit", of->limit, "at most N streams [100]",
             {0, server::kStatsStreamsMax});
  program.add_target_flags(command);
  command.add_flag("--json", *json, "as one JSON object");
  program.on_run(command, [json, of, &program] { return stats(program.settings(), *of, *json); });
}

}  // namespace strandline::tools
