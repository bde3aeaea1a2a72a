// All generators of a log: what they are, kept in the log, and the thread that appends for them.
//
// Each change is an event of the stream `strandline.generators`, durable before it is answered; the
// last of each name counts. It is written down in `$admin`, too. The thread appends what is due, at
// most one append of a generator at a time: a log that is slow, or refuses appends, is not sent
// more, and what was not made meanwhile is left out. *Threads*: any. *Lifetime*: the log outlives
// it; stop() before the log is closed.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/log.h"
#include "server/generators/generator.h"
#include "server/generators/generator_events.h"

namespace strandline::server {

inline constexpr std::string_view kGeneratorStream = "strandline.generators";
inline constexpr size_t kGeneratorsMax = 1'000;

struct GeneratorStatus {
  Generator generator;
  uint64_t events = 0;       // appended since the server was started
  std::string failing = {};  // why its last append failed, if it did
};
// As the API has it.
void render(std::string& out, const GeneratorStatus& status);

class Generators {
 public:
  // Goes on with those that are kept.
  static Result<std::unique_ptr<Generators>> start(Log& log);
  ~Generators() { stop(); }
  // Appends no more. Idempotent.
  void stop();

  std::vector<GeneratorStatus> list() const;  // in order of names
  std::optional<GeneratorStatus> find(std::string_view name) const;
  // The first whose stream it is.
  std::optional<GeneratorStatus> find_of(std::string_view stream) const;

  // Changes are durable when they return. *Errors*: `invalid` for what is no generator, `limit`,
  // `not_found`, `conflict` (a pause of one that does not run, and the like), and the log's own.
  Result<GeneratorStatus> put(Generator generator, const Actor& by);
  enum class Turn { start, stop, pause, resume };
  Result<GeneratorStatus> turn(const std::string& name, Turn turn, const Actor& by);
  Status remove(const std::string& name, const Actor& by);

 private:
  struct One;
  explicit Generators(Log& log) : log_(log) {}

  Status load();
  Status keep(const Generator& generator, std::string_view state, const Actor& by);
  Status tell_started(const Generator& generator);
  void install(Generator generator);
  void run();
  void append_due(const std::shared_ptr<One>& one, uint64_t count);

  Log& log_;
  std::mutex changing_;  // one change at a time, in the log and here
  EventMaker maker_;     // the thread's
  std::thread thread_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::map<std::string, std::shared_ptr<One>, std::less<>> all_;
  size_t under_way_ = 0;
  bool stopping_ = false;
};

}  // namespace strandline::server
