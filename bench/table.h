// What a run prints: medians, ratios and bars, as a table, as Markdown or as JSON, and the hash of
// its results.
//
// The hash covers every row's name and numbers, to the digits that JSON shows: a table that is
// quoted somewhere can be matched with the run that it came from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "bench/workload.h"

namespace strandline::bench {

double median(std::vector<double> numbers);
double percentile(std::vector<double> numbers, double part);  // part in [0, 1]

// Medians of the rounds' numbers; nothing where there are none.
struct Verdict {
  std::optional<double> ours;
  std::optional<double> theirs;
  std::optional<double> ratio;  // the median of the rounds' ratios: each within its own minute
  std::optional<bool> met;      // of the bar, if there is one and it can be told
};
Verdict judge(const Row& row);

std::string render_heading(const Machine& machine, const Settings& settings);
std::string render_table_head();
// Medians and ranges, with the row's note, ending in a line end. A tiny run is held to no bar.
std::string render_row(const Row& row, const Settings& settings);
// The same for README.md, in Markdown: rows that say what they are, without ranges and notes.
std::string render_readme_head();
std::string render_readme_row(const Row& row, const Settings& settings);
std::string render_json(const Machine& machine, const Settings& settings,
                        const std::vector<Row>& rows);
std::string result_hash(const std::vector<Row>& rows);

}  // namespace strandline::bench
