// A workload: work that the log does, measured beside a yardstick that does the same work.
//
// A workload fills one or more rows of the table. It is made once (histories are written then), and
// run once a round; a round runs Strandline and its yardsticks one after the other, so that all
// meet the machine in the same minute, and who goes first alternates. *Threads*: one at a time.
// *Errors*: whatever goes wrong is thrown as Failure; the run goes on with the next workload, says
// so in the table, and exits with 1. A bar that is missed is a result, not an error.
//
// To add a peer, add a row with its name as the yardstick (two peers of one piece of work are two
// rows with the same `ours`); to add a workload, a file with a maker and a line in workloads.cc.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"

namespace strandline::bench {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The value of what must succeed for a measurement to mean anything.
template <class T>
T must(Result<T> result, const char* what) {
  if (!result) throw Failure(std::string(what) + ": " + result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Settings {
  bool tiny = false;  // every workload in a moment, for the tests: its numbers mean nothing
  int rounds = 5;
  double seconds = 3;               // one side of one round of a workload that runs for a time
  double gigabytes = 10;            // of open-10gb and of write-amplification
  double minutes = 10;              // of soak
  bool peers = false;               // other programs are run beside: redis-server, nats-server, fio
  std::filesystem::path directory;  // where logs and tables are written, and removed

  // A size as it is, or the one for --tiny.
  template <class T>
  T size(T real, T tiny_one) const {
    return tiny ? tiny_one : real;
  }
};

struct Bar {
  enum class Of { ratio, ours };
  enum class Kind { at_least, at_most };
  double value;
  Of of = Of::ratio;
  Kind kind = Kind::at_least;
};

// One line of the table; `ours` and `theirs` have a number for each round.
struct Row {
  std::string name;
  std::string unit;
  std::string what = {};       // in a reader's words, for the README's table; empty: not in it
  std::string yardstick = {};  // what `theirs` is; empty where there is none
  std::optional<Bar> bar = {};
  std::vector<double> ours = {};
  std::vector<double> theirs = {};
  std::string note = {};  // what the numbers alone do not say, in one line
};

class Workload {
 public:
  explicit Workload(std::vector<Row> rows) : rows_(std::move(rows)) {}
  virtual ~Workload() = default;

  virtual void round(int number) = 0;  // from 0
  const std::vector<Row>& rows() const { return rows_; }

 protected:
  // Whoever goes first meets a machine that is a little different: take turns.
  template <class Ours, class Theirs>
  static void alternate(int round, Ours ours, Theirs theirs) {
    if (round % 2 == 0) {
      ours();
      theirs();
    } else {
      theirs();
      ours();
    }
  }

  std::vector<Row> rows_;
};

struct Entry {
  std::string_view name;
  std::string_view what;
  int long_rounds;  // 0: in every run. Else only with --long or by name, and this many rounds at
                    // most, for each takes minutes
  std::unique_ptr<Workload> (*make)(const Settings& settings);
};
std::span<const Entry> workloads();

}  // namespace strandline::bench
