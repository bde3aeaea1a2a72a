// strandline_bench: runs the workloads and prints their table (README.md says what each means).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>

#include "bench/bare_http.h"
#include "bench/machine.h"
#include "bench/open.h"
#include "bench/process.h"
#include "bench/table.h"
#include "bench/workload.h"

namespace strandline::bench {
namespace {

// The workloads to run: those named, exactly or by the beginning of their names; else the defaults.
std::vector<const Entry*> chosen(const std::vector<std::string>& names, bool long_ones) {
  std::vector<const Entry*> entries;
  if (names.empty()) {
    for (const Entry& entry : workloads()) {
      if (entry.long_rounds == 0 || long_ones) entries.push_back(&entry);
    }
    return entries;
  }
  for (const std::string& name : names) {
    const auto exact = std::ranges::find(workloads(), name, &Entry::name);
    if (exact != workloads().end()) {
      entries.push_back(&*exact);
      continue;
    }
    const size_t before = entries.size();
    for (const Entry& entry : workloads()) {
      if (entry.name.starts_with(name)) entries.push_back(&entry);
    }
    if (entries.size() == before) throw Failure("no workload is called " + name);
  }
  return entries;
}

// Runs one; what it measured before it failed, if it did, is kept.
std::vector<Row> run_rounds(const Entry& entry, const Settings& settings, bool& failed) {
  std::unique_ptr<Workload> workload;
  std::string failure;
  const int rounds =
      entry.long_rounds > 0 ? std::min(entry.long_rounds, settings.rounds) : settings.rounds;
  try {
    workload = entry.make(settings);
    for (int number = 0; number < rounds; ++number) {
      std::cerr << "\r" << entry.name << ": round " << number + 1 << " of " << rounds << "   "
                << std::flush;
      workload->round(number);
    }
  } catch (const std::exception& e) {
    failure = e.what();
    failed = true;
  }
  std::cerr << "\r" << std::string(60, ' ') << "\r" << std::flush;
  std::vector<Row> rows =
      workload ? workload->rows() : std::vector<Row>{Row{.name = std::string(entry.name)}};
  if (!failure.empty())
    rows.back().note += (rows.back().note.empty() ? "" : "; ") + ("FAILED: " + failure);
  return rows;
}

int run_benchmarks(int argc, char** argv) {
  CLI::App app("Strandline's benchmarks: each workload beside a yardstick, in the same minutes");
  app.footer("Example: strandline_bench --only engine-append --rounds 3");
  Settings settings;
  std::vector<std::string> only;
  std::string directory = "build/bench-data";
  if (const char* temporary = std::getenv("TMPDIR")) directory = temporary;
  bool json = false, readme = false, list = false, long_ones = false;
  app.add_option("--only", only, "Workloads to run, by name or the beginning of one")
      ->delimiter(',');
  app.add_option("--rounds", settings.rounds, "Rounds of each workload")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", settings.seconds, "How long a side of a round runs")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--gigabytes", settings.gigabytes,
                 "The size of open-10gb and of write-amplification")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--minutes", settings.minutes, "How long soak runs")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_flag("--peers", settings.peers, "Beside redis-server, nats-server and fio too");
  app.add_flag("--long", long_ones, "The workloads that take minutes or gigabytes too");
  app.add_option("--directory", directory, "Where to write; emptied of it afterwards")
      ->capture_default_str();
  app.add_flag("--tiny", settings.tiny, "Everything in a few seconds, only to see that it works");
  app.add_flag("--json", json, "JSON instead of a table");
  app.add_flag("--readme", readme, "Behind the table, the rows of bench/README.md's");
  app.add_flag("--list", list, "The workloads' names");
  std::vector<std::string> child;
  app.add_option("--append-until-killed", child)->expected(2)->group("");
  std::string opened;
  app.add_option("--open-and-report", opened)->group("");
  bool answers = false;
  app.add_flag("--answer-http", answers)->group("");
  CLI11_PARSE(app, argc, argv);

  if (!child.empty()) append_until_killed(child[0], std::stoull(child[1]));
  if (!opened.empty()) return open_and_report(opened);
  if (answers) answer_http();
  if (list) {
    for (const Entry& entry : workloads()) {
      std::printf("%-26s %s%s\n", std::string(entry.name).c_str(), std::string(entry.what).c_str(),
                  entry.long_rounds == 0 ? "" : " (--long, or by name)");
    }
    return 0;
  }
  if (settings.tiny) {
    settings.peers = long_ones = true;
    if (app.count("--rounds") == 0) settings.rounds = 1;
    if (app.count("--seconds") == 0) settings.seconds = 0.1;
  }
  settings.directory = std::filesystem::absolute(directory);
  std::filesystem::create_directories(settings.directory);
  allow_many_files();

  const std::vector<const Entry*> entries = chosen(only, long_ones);
  const Machine machine = this_machine(settings.directory);
  if (!json) {
    std::cout << render_heading(machine, settings) << '\n' << render_table_head() << std::flush;
  }
  bool failed = false;
  std::vector<Row> all;
  for (const Entry* entry : entries) {
    for (Row& row : run_rounds(*entry, settings, failed)) {
      if (!json) std::cout << render_row(row, settings) << std::flush;
      all.push_back(std::move(row));
    }
  }
  if (json) {
    std::cout << render_json(machine, settings, all);
  } else {
    std::cout << "\nresult hash " << result_hash(all) << '\n';
    if (readme) {
      std::cout << '\n' << render_readme_head();
      for (const Row& row : all) std::cout << render_readme_row(row, settings);
    }
  }
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace strandline::bench

int main(int argc, char** argv) {
  try {
    return strandline::bench::run_benchmarks(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "strandline_bench: " << e.what() << '\n';
    return 2;
  }
}
