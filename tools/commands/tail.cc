// `strandline tail`: follows, across server restarts, from exactly where it was.
#include <fmt/format.h>

#include <csignal>
#include <iostream>
#include <memory>

#include "tools/base/flags.h"
#include "tools/base/interrupt.h"
#include "tools/base/output.h"
#include "tools/base/program.h"
#include "tools/base/shape.h"
#include "tools/connection/reading_flags.h"
#include "tools/resuming/member.h"
#include "tools/resuming/resume.h"

namespace strandline::tools {
namespace {

using std::chrono::milliseconds;

constexpr char kTailExample[] =
    "  strandline tail orders -n 20\n"
    "  strandline tail --prefix git. --type 'git.commit.*' --raw\n"
    "  strandline consumers create billing orders\n"
    "  strandline tail --consumer billing   # goes on where it stopped, the next time\n"
    "  strandline tail --consumer mailer --exec ./send-mail --jobs 4";

constexpr uint64_t kLastDefault = 10;
// A follower waits for its server as long as it takes.
constexpr std::chrono::seconds kTailPatience = std::chrono::hours(24 * 365);
// Of one wait for more.
constexpr milliseconds kPatience{1'000};

struct TailFlags {
  ReadingFlags reading;
  std::optional<uint64_t> last;
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  std::string consumer;
  bool raw = false;
  bool wait = false;
  bool follow = false, json = false;  // change nothing
  MemberOptions member;               // of a named consumer
};

class Tail {
 public:
  // `first` may be null, if the server was there and is busy.
  Tail(LogHandle& log, const TailFlags& flags, const ReadRequest& request,
       std::unique_ptr<Reader> first)
      : flags_(flags),
        can_wait_(log.is_server() && request.select.kind == Selection::Kind::stream),
        reader_(log, request, std::move(first), kTailPatience) {}

  int run() {
    const Status followed = follow();
    const Status ended = output_.flush();
    if (Interrupt::output_gone()) return kDone;
    if (!followed && followed.error().code != Code::closed) return failed(hinted(followed.error()));
    return ended ? kDone : failed(ended.error());
  }

 private:
  Error hinted(Error error) const {
    if (error.code == Code::not_found && can_wait_ && !flags_.wait) {
      error.message += "; --wait follows it as soon as it is created";
    }
    return error;
  }

  Status follow() {
    while (printed_ < flags_.limit && !Interrupt::raised()) {
      // Printed events wait for company only as long as more is there at once.
      const milliseconds patience = output_.buffer().empty() ? kPatience : milliseconds(0);
      auto delivery = reader_.next(patience);
      if (!delivery) return std::unexpected(delivery.error());
      if (!*delivery) {
        if (auto flushed = output_.flush(); !flushed) return flushed;
      } else if (const auto* events = std::get_if<Events>(&**delivery)) {
        if (auto done = print(*events); !done) return done;
      } else if (const auto* gap = std::get_if<Gap>(&**delivery)) {
        print_gap(output_.buffer(), shape(), *gap);
      }
    }
    return {};
  }

  Status print(const Events& events) {
    for (const Event& event : events) {
      if (printed_ == flags_.limit) break;
      print_event(output_.buffer(), shape(), events.stream(), event);
      ++printed_;
      if (auto written = output_.written(); !written) return written;
    }
    return {};
  }

  Shape shape() const { return flags_.raw ? Shape::data : Shape::full; }

  const TailFlags& flags_;
  const bool can_wait_;
  ResumingReader reader_;
  Output output_;
  uint64_t printed_ = 0;
};

// A server that was reached and went away is waited for. One that never answered may be none: a
// wrong URL, which no waiting makes right.
bool never_reached(const LogHandle& log, const Error& error) {
  return log.is_server() && error.code == Code::closed && !Interrupt::raised();
}

// The named consumer, if there is one. Waits for a server that is busy, or goes away.
Result<std::optional<ConsumerInfo>> find_named(LogHandle& log, const std::string& name) {
  Backoff backoff(kTailPatience);
  bool said = false;
  while (true) {
    auto info = log.describe_consumer(name);
    if (info) return std::optional(std::move(*info));
    if (info.error().code == Code::not_found) return std::optional<ConsumerInfo>();
    const bool first = !said;
    if (!log.is_server() || !is_away(info.error()) || (first && never_reached(log, info.error()))) {
      return std::unexpected(info.error());
    }
    if (!said) std::cerr << fmt::format("strandline: {}; trying again\n", info.error().message);
    said = true;
    if (!backoff.wait()) return std::unexpected(info.error());
  }
}

void say_nothing_new_comes(const LogHandle& log) {
  if (log.is_server()) return;
  std::cerr << "strandline: nothing new comes while this process owns the directory; to follow a "
               "running server, use --server URL\n";
}

int tail_named(LogHandle& log, const ConsumerInfo& consumer, const TailFlags& flags) {
  const ReadingFlags& reading = flags.reading;
  const Selection& select = consumer.settings.select;
  const bool names_it = select.kind == Selection::Kind::stream && reading.streams == select.names;
  if ((!reading.streams.empty() && !names_it) || reading.all || !reading.prefix.empty() ||
      !reading.from.empty() || !reading.types.empty() || !reading.subjects.empty() || flags.last) {
    return misused(
        fmt::format("consumer {} reads what it was created with: name nothing else "
                    "(strandline consumers show {})",
                    consumer.name, consumer.name));
  }
  say_nothing_new_comes(log);
  MemberOptions options = flags.member;
  options.limit = flags.limit;
  options.shape = flags.raw ? Shape::data : Shape::full;
  return tail_as_member(log, consumer, options);
}

// The command that makes the consumer that was asked for.
std::string creation_of(const TailFlags& flags) {
  const ReadingFlags& reading = flags.reading;
  std::string command = "strandline consumers create " + flags.consumer;
  for (const std::string& stream : reading.streams) command += " " + stream;
  if (reading.all) command += " --all";
  if (!reading.prefix.empty()) command += " --prefix " + reading.prefix;
  if (reading.streams.empty() && !reading.all && reading.prefix.empty()) command += " STREAM";
  for (const std::string& type : reading.types) command += " --type '" + type + "'";
  for (const std::string& subject : reading.subjects) command += " --subject '" + subject + "'";
  if (!reading.from.empty()) command += " --from " + reading.from;
  return command;
}

int tail_as_consumer(LogHandle& log, const TailFlags& flags) {
  const auto named = find_named(log, flags.consumer);
  if (!named) return Interrupt::raised() ? kDone : failed(named.error());
  if (*named) return tail_named(log, **named, flags);
  return failed(Error{.code = Code::not_found,
                      .message = fmt::format("no consumer \"{}\"; this creates it: {}",
                                             flags.consumer, creation_of(flags))});
}

// What a tail without a consumer follows. `invalid` if the flags do not say it.
Result<ReadRequest> request_of(const TailFlags& flags, bool on_server) {
  auto request = flags.reading.request(From::last(flags.last.value_or(kLastDefault)));
  if (!request) return request;
  request->follow = true;
  request->wait = flags.wait;
  if (flags.wait && request->select.kind != Selection::Kind::stream) {
    return fail(Code::invalid, "--wait is for one stream; others are read as they come to be");
  }
  if (flags.wait && !on_server) {
    return fail(Code::invalid,
                "--wait needs --server: nothing new comes while this process owns a directory");
  }
  return request;
}

int follow_streams(LogHandle& log, const TailFlags& flags, const ReadRequest& request) {
  say_nothing_new_comes(log);
  auto first = log.read(request);
  if (!first && never_reached(log, first.error())) return failed(first.error());
  return Tail(log, flags, request, first ? std::move(*first) : nullptr).run();
}

int tail(const Settings& settings, const TailFlags& flags) {
  Interrupt::watch();
  // What a command prints is its own.
  if (flags.member.exec.empty()) Interrupt::watch_output();
  if (flags.last && !flags.reading.from.empty()) {
    return misused("--last and --from: one of the two says where to begin");
  }
  const auto target = settings.target();
  if (!target) return not_connected(target.error());
  Result<ReadRequest> request = ReadRequest();
  if (flags.consumer.empty()) {
    request = request_of(flags, target->data.empty());
    if (!request) return misused(request.error().message);
  } else if (auto named = check_name(flags.consumer, Limits()); !named) {
    return misused(named.error().message);
  }
  auto log = connect(settings, Purpose::follow);
  if (!log) return not_connected(log.error());
  const int code = !flags.consumer.empty() ? tail_as_consumer(**log, flags)
                                           : follow_streams(**log, flags, *request);
  if (!Interrupt::output_gone()) return code;
  // In order, and then as any program of a pipeline ends.
  log->reset();
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
  return kFailed;
}

}  // namespace

void add_tail(Program& program) {
  auto flags = std::make_shared<TailFlags>();
  CLI::App& command =
      program.add("tail", "Follow: print history, then events as they come", kTailExample);
  program.add_target_flags(command);
  flags->reading.add_to(command);
  add_number(command, "-n,--last", flags->last, "begin with the last N events [10]");
  add_number(command, "--limit", flags->limit, "end after N events");
  command.add_flag("-f,--follow", flags->follow, "as it does without this");
  command.add_flag("--json", flags->json, "as it does without this: each line is JSON");
  command.add_option(
      "--consumer", flags->consumer,
      "read as this consumer, which was created (strandline consumers create), and ack or commit "
      "what is printed");
  auto* exec = command.add_option(
      "--exec", flags->member.exec,
      "of a consumer: run this for each event, its JSON on standard input and "
      "STRANDLINE_POSITION, _ATTEMPT and _STREAM in the environment; exit 0 acks (commits), "
      "126 or 127 (it cannot be run) ends the command and counts no attempt, anything else nacks: "
      "the event comes again");
  add_number(command, "--jobs", flags->member.jobs,
             "consumer groups: so many commands at a time [1]", {1, 1'000})
      ->needs(exec);
  add_duration<milliseconds>(command, "--retry-delay", flags->member.retry_ms,
                             "how long after a failure the event comes again, twice as long after "
                             "each further one, at most a minute [1s]",
                             {})
      ->needs(exec);
  exec->needs("--consumer");
  command.add_flag("--raw", flags->raw, "only the data of each event");
  command.add_flag("--wait", flags->wait,
                   "if there is no such stream yet, wait until it is created");
  program.on_run(command, [flags, &program] { return tail(program.settings(), *flags); });
}

}  // namespace strandline::tools
