#include "bench/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"

namespace strandline::bench {
namespace {

template <class... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  char text[512];
  const int bytes = std::snprintf(text, sizeof text, pattern, arguments...);
  return std::string(text, std::min<size_t>(static_cast<size_t>(bytes), sizeof text - 1));
}

// Three digits that count: 1.53M, 812k, 4.21, 0.
std::string human(double number) {
  const char* suffix = "";
  const double size = std::fabs(number);
  if (size >= 1e9) {
    number /= 1e9;
    suffix = "G";
  } else if (size >= 1e6) {
    number /= 1e6;
    suffix = "M";
  } else if (size >= 1e4) {
    number /= 1e3;
    suffix = "k";
  }
  const double left = std::fabs(number);
  const int digits = left >= 100 || left == 0 ? 0 : left >= 10 ? 1 : 2;
  return format("%.*f%s", digits, number, suffix);
}

// A median and, behind it, from where to where the rounds went.
std::string shown(const std::optional<double>& number, const std::vector<double>& rounds) {
  if (!number) return "-";
  std::string text = human(*number);
  if (rounds.size() > 1) {
    const auto [low, high] = std::ranges::minmax(rounds);
    text += " (" + human(low) + "-" + human(high) + ")";
  }
  return text;
}

std::string shown_bar(const Bar& bar) {
  return std::string(bar.kind == Bar::Kind::at_least ? ">= " : "<= ") + human(bar.value) +
         (bar.of == Bar::Of::ratio ? " x" : "");
}

constexpr char kLine[] = "%-34s %-12s %-22s %-22s %-18s %-8s %-7s  %s\n";

std::string number_list(const std::vector<double>& numbers) {
  std::string list = "[";
  for (const double number : numbers) {
    if (list.size() > 1) list += ',';
    list += format("%.6g", number);
  }
  return list += ']';
}

std::vector<double> ratios_of(const Row& row) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(row.ours.size(), row.theirs.size()); ++i) {
    if (row.theirs[i] > 0) ratios.push_back(row.ours[i] / row.theirs[i]);
  }
  return ratios;
}

// What a row's number is worth beside its bar.
std::string shown_verdict(const Row& row, const Verdict& verdict, const Settings& settings) {
  if (!row.bar || settings.tiny) return "";
  if (!verdict.met) return "not run";
  return *verdict.met ? "met" : "below";
}

std::string json_number(const std::optional<double>& number) {
  return number ? format("%.6g", *number) : "null";
}

}  // namespace

double percentile(std::vector<double> numbers, double part) {
  if (numbers.empty()) return 0;
  std::sort(numbers.begin(), numbers.end());
  const double at = part * static_cast<double>(numbers.size() - 1);
  return numbers[static_cast<size_t>(std::lround(at))];
}

double median(std::vector<double> numbers) {
  if (numbers.empty()) return 0;
  std::sort(numbers.begin(), numbers.end());
  const size_t middle = numbers.size() / 2;
  return numbers.size() % 2 ? numbers[middle] : (numbers[middle - 1] + numbers[middle]) / 2;
}

Verdict judge(const Row& row) {
  Verdict verdict;
  if (!row.ours.empty()) verdict.ours = median(row.ours);
  if (!row.theirs.empty()) verdict.theirs = median(row.theirs);
  const std::vector<double> ratios = ratios_of(row);
  if (!ratios.empty()) verdict.ratio = median(ratios);
  if (row.bar) {
    const auto& measured = row.bar->of == Bar::Of::ratio ? verdict.ratio : verdict.ours;
    if (measured) {
      verdict.met = row.bar->kind == Bar::Kind::at_least ? *measured >= row.bar->value
                                                         : *measured <= row.bar->value;
    }
  }
  return verdict;
}

std::string render_heading(const Machine& machine, const Settings& settings) {
  const std::string busy =
      machine.load < 0.5 ? "" : format("; NOT IDLE: load %.1f before the start", machine.load);
  return format(
      "%u cores (%s), %.0f GiB of memory; fdatasync p50 %.0f us, p99 %.0f us%s\n"
      "medians of %d rounds, %.3g s a side; events carry 256 bytes%s\n",
      machine.cores, machine.processor.c_str(), machine.memory_gib, machine.sync_p50_us,
      machine.sync_p99_us, busy.c_str(), settings.rounds, settings.seconds,
      settings.tiny ? "; TINY: these numbers mean nothing" : "");
}

std::string render_table_head() {
  return format(kLine, "workload", "unit", "strandline", "yardstick", "ratio", "bar", "",
                "yardstick is");
}

std::string render_row(const Row& row, const Settings& settings) {
  const Verdict verdict = judge(row);
  std::string line = format(
      kLine, row.name.c_str(), row.unit.c_str(), shown(verdict.ours, row.ours).c_str(),
      shown(verdict.theirs, row.theirs).c_str(), shown(verdict.ratio, ratios_of(row)).c_str(),
      row.bar ? shown_bar(*row.bar).c_str() : "", shown_verdict(row, verdict, settings).c_str(),
      row.yardstick.c_str());
  if (!row.note.empty()) line += "    " + row.note + "\n";
  return line;
}

std::string render_readme_head() {
  return "| workload | Strandline | beside it | ratio | bar | |\n|---|---|---|---|---|---|\n";
}

std::string render_readme_row(const Row& row, const Settings& settings) {
  if (row.what.empty()) return {};
  const Verdict verdict = judge(row);
  std::string line = "| " + row.what + " | ";
  line += verdict.ours ? human(*verdict.ours) + " " + row.unit : "-";
  line += " | " + row.yardstick;
  if (verdict.theirs) line += ": " + human(*verdict.theirs);
  line += " | " + (verdict.ratio ? format("%.2f", *verdict.ratio) : "");
  line += " | " + (row.bar ? shown_bar(*row.bar) : "");
  return line + " | " + shown_verdict(row, verdict, settings) + " |\n";
}

std::string render_json(const Machine& machine, const Settings& settings,
                        const std::vector<Row>& rows) {
  std::string json = format(R"({"machine":{"cores":%u,"processor":)", machine.cores);
  server::render_string(json, machine.processor);
  json +=
      format(R"(,"memory_gib":%.1f,"load":%.2f,"fdatasync_p50_us":%.0f,"fdatasync_p99_us":%.0f},)",
             machine.memory_gib, machine.load, machine.sync_p50_us, machine.sync_p99_us);
  json += format(R"("rounds":%d,"seconds":%g,"tiny":%s,"rows":[)", settings.rounds,
                 settings.seconds, settings.tiny ? "true" : "false");
  for (const Row& row : rows) {
    const Verdict verdict = judge(row);
    if (json.back() != '[') json += ',';
    json += R"({"workload":)";
    server::render_string(json, row.name);
    json += R"(,"unit":)";
    server::render_string(json, row.unit);
    json += R"(,"yardstick":)";
    server::render_string(json, row.yardstick);
    json += R"(,"strandline":)" + json_number(verdict.ours);
    json += R"(,"theirs":)" + json_number(verdict.theirs);
    json += R"(,"ratio":)" + json_number(verdict.ratio);
    json += R"(,"bar":)";
    if (row.bar) {
      server::render_string(json, shown_bar(*row.bar));
    } else {
      json += "null";
    }
    json += R"(,"met":)";
    json += !verdict.met ? "null" : *verdict.met ? "true" : "false";
    json += R"(,"strandline_rounds":)" + number_list(row.ours);
    json += R"(,"their_rounds":)" + number_list(row.theirs);
    json += R"(,"note":)";
    server::render_string(json, row.note);
    json += '}';
  }
  return json + R"(],"hash":")" + result_hash(rows) + "\"}\n";
}

std::string result_hash(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    text += row.name + number_list(row.ours) + number_list(row.theirs) + '\n';
  }
  uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ull;
  return format("%016llx", static_cast<unsigned long long>(hash));
}

}  // namespace strandline::bench
