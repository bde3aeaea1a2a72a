// `strandline tail`: follows, across server restarts, from exactly where it was.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "tools/interrupt.h"
#include "tools/member.h"
#include "tools/output.h"
#include "tools/program.h"
#include "tools/reading_flags.h"
#include "tools/resume.h"
#include "tools/shape.h"

namespace strandline::tools {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr char kTailExample[] =
    "  strandline tail orders -n 20\n"
    "  strandline tail orders --consumer billing   # goes on where it stopped, the next time\n"
    "  strandline tail --prefix git. --type 'git.commit.*' --raw\n"
    "  strandline tail --consumer mailer --exec ./send-mail --jobs 4   # of a named consumer";

constexpr uint64_t kLastDefault = 10;
// A follower waits for its server as long as it takes.
constexpr std::chrono::seconds kTailPatience = std::chrono::hours(24 * 365);
// How much a crash of the consumer can make it see again.
constexpr milliseconds kCommitInterval{1'000};
constexpr uint64_t kCommitEvents = 1'000;

struct TailFlags {
  ReadingFlags reading;
  std::optional<uint64_t> last;
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  std::string consumer;
  bool raw = false;
  bool wait = false;
  MemberOptions member;  // of a named consumer
};

// A consumer's committed position, moved by compare-and-set so that two processes that take the
// same name for themselves find out.
class Place {
 public:
  Place(Connection& connection, std::string consumer, const Selection& select)
      : connection_(connection),
        consumer_(std::move(consumer)),
        stream_(select.kind == Selection::Kind::stream ? select.names.at(0) : kAllName) {}

  // The committed position, if there is one. Waits for a server that is away.
  Result<std::optional<uint64_t>> open() {
    Backoff backoff(kTailPatience);
    bool said = false;
    while (true) {
      auto position = connection_.position(consumer_, stream_);
      if (position) {
        committed_ = *position;
        return std::optional(*position);
      }
      if (position.error().code == Code::not_found) return std::optional<uint64_t>();
      if (!is_away(position.error())) return std::unexpected(position.error());
      if (!said)
        std::cerr << fmt::format("strandline: {}; trying again\n", position.error().message);
      said = true;
      if (!backoff.wait()) return std::unexpected(position.error());
    }
  }

  // Everything below `next` has been printed.
  Status commit(uint64_t next) {
    while (next != committed_) {
      const auto committed = connection_.commit(
          {.consumer = consumer_, .stream = stream_, .expected = committed_, .next = next});
      if (committed) {
        committed_ = next;
        attempted_.clear();
      } else if (committed.error().code == Code::conflict) {
        // Perhaps by an earlier commit, whose answer was lost.
        const auto now = connection_.position(consumer_, stream_);
        if (!now && is_away(now.error())) return {};
        if (!now || std::ranges::find(attempted_, *now) == attempted_.end()) {
          return fail(Code::conflict,
                      committed.error().message + "; does another process use this name?");
        }
        committed_ = *now;
      } else {
        // While the server is away the position waits; the next commit moves it just as well.
        attempted_.push_back(next);
        return is_away(committed.error()) ? Status() : std::unexpected(committed.error());
      }
    }
    return {};
  }

 private:
  Connection& connection_;
  const std::string consumer_;
  const std::string stream_;
  uint64_t committed_ = 0;
  std::vector<uint64_t> attempted_;  // since then, with an unknown outcome
};

class Tail {
 public:
  Tail(Connection& connection, const TailFlags& flags, ReadRequest request)
      : flags_(flags),
        by_offset_(request.select.kind == Selection::Kind::stream),
        place_(connection, flags.consumer, request.select),
        request_(std::move(request)),
        connection_(connection) {}

  int run() {
    if (!flags_.consumer.empty()) {
      auto position = place_.open();
      if (!position) return Interrupt::raised() ? kDone : failed(position.error());
      if (*position) request_.from = From::position(**position);
    }
    reader_.emplace(connection_, request_, nullptr, kTailPatience);
    const Status followed = follow();
    Interrupt::lower();  // the last commit may take its time
    const Status ended = settle();
    if (!followed && followed.error().code != Code::closed) return failed(hinted(followed.error()));
    if (!ended) return failed(ended.error());
    return kDone;
  }

 private:
  Error hinted(Error error) const {
    if (error.code == Code::not_found && connection_.is_server() && by_offset_ && !flags_.wait) {
      error.message += "; --wait follows it as soon as it is created";
    }
    return error;
  }

  Status follow() {
    while (printed_ < flags_.limit && !Interrupt::raised()) {
      // Printed events wait for company only as long as more is there at once.
      const milliseconds patience = output_.buffer().empty() ? kCommitInterval : milliseconds(0);
      auto delivery = reader_->next(patience);
      if (!delivery) return std::unexpected(delivery.error());
      if (!*delivery) {
        if (auto flushed = output_.flush(); !flushed) return flushed;
      } else if (const auto* events = std::get_if<Events>(&**delivery)) {
        if (auto done = print(*events); !done) return done;
      } else {
        if (const auto* gap = std::get_if<Gap>(&**delivery)) {
          print_gap(output_.buffer(), shape(), *gap);
        }
        position_ = reader_->position();
      }
      if (auto done = keep_place(); !done) return done;
    }
    return {};
  }

  Status print(const Events& events) {
    for (const Event& event : events) {
      if (printed_ == flags_.limit) break;
      print_event(output_.buffer(), shape(), events.stream(), event);
      ++printed_;
      position_ = (by_offset_ ? event.offset.value : event.sequence.value) + 1;
      if (auto written = output_.written(); !written) return written;
    }
    return {};
  }

  Status keep_place() {
    if (flags_.consumer.empty() || !position_) return {};
    const auto now = steady_clock::now();
    const bool due = now - committed_at_ >= kCommitInterval;
    if (!due && printed_ - committed_printed_ < kCommitEvents) return {};
    return settle();
  }

  // What was printed is out, and the consumer's position says so.
  Status settle() {
    if (auto flushed = output_.flush(); !flushed) return flushed;
    if (flags_.consumer.empty() || !position_) return {};
    committed_at_ = steady_clock::now();
    committed_printed_ = printed_;
    return place_.commit(*position_);
  }

  Shape shape() const { return flags_.raw ? Shape::data : Shape::full; }

  const TailFlags& flags_;
  const bool by_offset_;
  Place place_;
  ReadRequest request_;
  Connection& connection_;
  std::optional<ResumingReader> reader_;
  Output output_;
  uint64_t printed_ = 0;
  std::optional<uint64_t> position_;  // below it, everything has been printed
  steady_clock::time_point committed_at_ = steady_clock::now();
  uint64_t committed_printed_ = 0;
};

// The named consumer, if there is one. Waits for a server that is away.
Result<std::optional<ConsumerInfo>> find_named(Connection& connection, const std::string& name) {
  Backoff backoff(kTailPatience);
  bool said = false;
  while (true) {
    auto info = connection.consumers().describe(name);
    if (info) return std::optional(std::move(*info));
    if (info.error().code == Code::not_found) return std::optional<ConsumerInfo>();
    if (!connection.is_server() || !is_away(info.error())) return std::unexpected(info.error());
    if (!said) std::cerr << fmt::format("strandline: {}; trying again\n", info.error().message);
    said = true;
    if (!backoff.wait()) return std::unexpected(info.error());
  }
}

void say_nothing_new_comes(const Connection& connection) {
  if (connection.is_server()) return;
  std::cerr << "strandline: nothing new comes while this process owns the directory; to follow a "
               "running server, use --server URL\n";
}

int tail_named(Connection& connection, const ConsumerInfo& consumer, const TailFlags& flags) {
  const ReadingFlags& reading = flags.reading;
  const Selection& select = consumer.settings.select;
  const bool names_it = select.kind == Selection::Kind::stream && reading.streams == select.names;
  if ((!reading.streams.empty() && !names_it) || reading.all || !reading.prefix.empty() ||
      !reading.from.empty() || !reading.types.empty() || flags.last) {
    return misused(
        fmt::format("consumer {} reads what it was created with: name nothing else "
                    "(strandline consumers show {})",
                    consumer.name, consumer.name));
  }
  say_nothing_new_comes(connection);
  MemberOptions options = flags.member;
  options.limit = flags.limit;
  options.shape = flags.raw ? Shape::data : Shape::full;
  return tail_as_member(connection, consumer, options);
}

int tail(const Settings& settings, const TailFlags& flags) {
  Interrupt::watch();
  std::unique_ptr<Connection> opened;
  if (!flags.consumer.empty()) {
    auto connection = connect(settings, Purpose::write);
    if (!connection) return not_connected(connection.error());
    opened = std::move(*connection);
    const auto named = find_named(*opened, flags.consumer);
    if (!named) return Interrupt::raised() ? kDone : failed(named.error());
    if (*named) return tail_named(*opened, **named, flags);
    if (!flags.member.exec.empty()) {
      return failed(
          fmt::format("no consumer \"{}\": strandline consumers create {} STREAM makes one",
                      flags.consumer, flags.consumer));
    }
  }
  const From from_default = flags.last               ? From::last(*flags.last)
                            : flags.consumer.empty() ? From::last(kLastDefault)
                                                     : From::earliest();
  auto request = flags.reading.request(from_default);
  if (!request) return misused(request.error().message);
  request->follow = true;
  request->wait = flags.wait;
  if (flags.wait && request->select.kind != Selection::Kind::stream) {
    return misused("--wait is for one stream; others are read as they come to be");
  }
  if (!opened) {
    auto connection = connect(settings, Purpose::write);
    if (!connection) return not_connected(connection.error());
    opened = std::move(*connection);
  }
  if (flags.wait && !opened->is_server()) {
    return misused("--wait needs --server: nothing new comes while this process owns a directory");
  }
  say_nothing_new_comes(*opened);
  return Tail(*opened, flags, std::move(*request)).run();
}

}  // namespace

void add_tail(Program& program) {
  auto flags = std::make_shared<TailFlags>();
  CLI::App& command =
      program.add("tail", "Follow: print history, then events as they come", kTailExample);
  program.add_target_flags(command);
  flags->reading.add_to(command);
  command.add_option("-n,--last", flags->last, "begin with the last N events [10]");
  command.add_option("--limit", flags->limit, "end after N events")->type_name("N");
  command.add_option(
      "--consumer", flags->consumer,
      "read as this consumer, if it was created (strandline consumers create), and ack or commit "
      "what is printed. Otherwise begin at its position (at first: at --from, or the earliest "
      "event) and move it with what is printed, every second and at the end");
  auto* exec = command.add_option(
      "--exec", flags->member.exec,
      "of a consumer that was created: run this for each event, its JSON on standard input and "
      "STRANDLINE_POSITION, _ATTEMPT and _STREAM in the environment; exit 0 acks (commits), "
      "anything else nacks: the event comes again");
  command.add_option("--jobs", flags->member.jobs, "of a group: so many commands at a time [1]")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000))
      ->needs(exec);
  command
      .add_option("--retry-ms", flags->member.retry_ms,
                  "how long after a failure the event comes again, twice as long after each "
                  "further one, at most a minute [1000]")
      ->type_name("N")
      ->needs(exec);
  exec->needs("--consumer");
  command.add_flag("--raw", flags->raw, "only the data of each event");
  command.add_flag("--wait", flags->wait,
                   "if there is no such stream yet, wait until it is created");
  program.on_run(command, [flags, &program] { return tail(program.settings(), *flags); });
}

}  // namespace strandline::tools
