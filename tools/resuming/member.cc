#include "tools/resuming/member.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <iostream>
#include <map>

#include "server/wire/cloudevents.h"
#include "tools/base/command.h"
#include "tools/base/interrupt.h"
#include "tools/base/output.h"
#include "tools/base/program.h"
#include "tools/resuming/membership.h"

namespace strandline::tools {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Long enough to be idle cheaply; short enough for whatever stands between to let it wait.
constexpr milliseconds kFetchWait{20'000};
constexpr size_t kFetchEvents = 1'000;
// How much a crash of an exclusive reader can make it see again.
constexpr milliseconds kMemberCommitInterval{1'000};
constexpr uint64_t kMemberCommitEvents = 1'000;
// While commands run, how often there is a look for more to do.
constexpr milliseconds kPollInterval{200};
constexpr uint64_t kRetryMaxMs = 60'000;

// An event that was given, in its own memory.
struct Assigned {
  uint64_t position;
  uint32_t attempt;
  std::string stream;
  std::string text;
};

std::vector<Assigned> assigned_of(const Fetched& fetched) {
  std::vector<Assigned> all;
  size_t at = 0;
  for (const Events& run : fetched.runs) {
    for (const Event& event : run) {
      const Given& given = fetched.given[at++];
      Assigned one{given.position, given.attempt, std::string(run.stream()), {}};
      server::render_event(one.text, run.stream(), event);
      one.text += '\n';
      all.push_back(std::move(one));
    }
  }
  return all;
}

Result<RunningCommand> start_command(const std::string& command, const Assigned& event) {
  return RunningCommand::start(command, event.text,
                               {{"STRANDLINE_POSITION", std::to_string(event.position)},
                                {"STRANDLINE_ATTEMPT", std::to_string(event.attempt)},
                                {"STRANDLINE_STREAM", event.stream}});
}

Error cannot_run(const std::string& command, const std::string& how) {
  return {.code = Code::invalid,
          .message = fmt::format("\"{}\" cannot be run ({}): is it there, and executable? What was "
                                 "given to it counts as not tried",
                                 command, how)};
}

// Three times within the consumer's deadline.
milliseconds extend_interval(const ConsumerSettings& settings) {
  return milliseconds(std::max<uint64_t>(1, settings.ack_deadline_ms / 3));
}

uint64_t retry_delay_ms(uint64_t first_ms, uint32_t failures) {
  const uint32_t doublings = std::min(failures - 1, 16u);
  return std::min(std::max(first_ms, uint64_t{1}) << doublings, kRetryMaxMs);
}

// --- Printing, in every mode.

class Printer {
 public:
  Printer(LogHandle& log, const ConsumerInfo& consumer, const MemberOptions& options)
      : membership_(log, consumer),
        group_(consumer.settings.is_consumer_group()),
        options_(options) {}

  Status run() {
    const Status printed = print_all();
    // Lowered, the last acks may take their time. Of what nobody reads nothing is acked.
    const bool gone = Interrupt::output_gone();
    Interrupt::lower();
    Status ended = gone ? Status() : settle();
    for (const uint64_t position : acks_) membership_.give_back(position);
    // Whatever became of the output: what is not acked goes to others at once.
    const Status told = membership_.flush();
    const Status left = membership_.leave();
    if (ended) ended = told;
    if (ended) ended = left;
    if (!printed && printed.error().code != Code::closed) return printed;
    return ended;
  }

 private:
  Status print_all() {
    while (printed_ < options_.limit && !Interrupt::raised()) {
      const size_t most = std::min<uint64_t>(kFetchEvents, options_.limit - printed_);
      // A position that waits to be committed is not kept waiting by a silent stream.
      const milliseconds wait = uncommitted_ > 0 ? kMemberCommitInterval : kFetchWait;
      auto fetched = membership_.fetch(most, wait);
      if (!fetched) return std::unexpected(fetched.error());
      for (const Gap& gap : fetched->gaps) print_gap(output_.buffer(), options_.shape, gap);
      size_t at = 0;
      for (const Events& run : fetched->runs) {
        for (const Event& event : run) {
          print_event(output_.buffer(), options_.shape, run.stream(), event);
          position_ = fetched->given[at++].position;
          if (group_) acks_.push_back(*position_);
          ++printed_;
          ++uncommitted_;
        }
      }
      const bool due = steady_clock::now() - committed_at_ >= kMemberCommitInterval;
      if (group_ || due || uncommitted_ >= kMemberCommitEvents) {
        if (auto done = settle(); !done) return done;
      } else if (auto flushed = output_.flush(); !flushed) {
        return flushed;
      }
    }
    return {};
  }

  // What was printed is out, and the consumer is told.
  Status settle() {
    if (auto flushed = output_.flush(); !flushed) return flushed;
    for (const uint64_t position : acks_) membership_.ack(position);
    acks_.clear();
    uncommitted_ = 0;
    committed_at_ = steady_clock::now();
    if (group_ || !position_) return {};
    return membership_.commit(*position_ + 1);
  }

  Membership membership_;
  const bool group_;
  const MemberOptions& options_;
  Output output_;
  uint64_t printed_ = 0;
  std::vector<uint64_t> acks_;
  std::optional<uint64_t> position_;  // of the last that was printed
  uint64_t uncommitted_ = 0;
  steady_clock::time_point committed_at_ = steady_clock::now();
};

// --- Commands, one after the other, for an exclusive consumer.

class Sequential {
 public:
  Sequential(LogHandle& log, const ConsumerInfo& consumer, const MemberOptions& options)
      : log_(log),
        name_(consumer.name),
        membership_(log, consumer),
        options_(options),
        attempts_max_(consumer.settings.attempts()) {}

  Status run() {
    const Status ran = run_all();
    Interrupt::lower();
    const Status left = membership_.leave(untried_);
    if (!ran && ran.error().code != Code::closed) return ran;
    return left;
  }

 private:
  Status run_all() {
    uint64_t handled = 0;
    while (handled < options_.limit && !Interrupt::raised()) {
      // An attempt is counted of the first event that is given: where it matters, each is the
      // first.
      const size_t most = attempts_max_ > 0 ? 1 : kFetchEvents;
      auto fetched =
          membership_.fetch(std::min<uint64_t>(most, options_.limit - handled), kFetchWait);
      if (!fetched) return std::unexpected(fetched.error());
      const uint64_t joined = membership_.joined();
      for (Assigned& event : assigned_of(*fetched)) {
        const auto done = handle(event);
        if (!done) return std::unexpected(done.error());
        if (*done) ++handled;
        if (Interrupt::raised()) return {};
        // It has been moved elsewhere, or the server was away: what comes next is asked for anew.
        if (membership_.joined() != joined || !membership_.is_joined()) break;
      }
    }
    return {};
  }

  // Runs the command until it succeeds; once if attempts are counted. True: it succeeded, or that
  // was its last attempt.
  Result<bool> handle(Assigned& event) {
    for (uint32_t failures = 1;; ++failures, ++event.attempt) {
      auto command = start_command(options_.exec, event);
      if (!command) return std::unexpected(command.error());
      const std::string how = command->wait();
      if (command->cannot_run()) return std::unexpected(cannot_run(options_.exec, how));
      untried_ = false;
      if (how.empty()) return settled(membership_.commit(event.position + 1), true);
      learn_attempts();
      const bool counts = attempts_max_ > 0;
      const bool last = counts && event.attempt >= attempts_max_;
      const uint64_t delay_ms =
          last ? 0 : retry_delay_ms(options_.retry_ms, counts ? event.attempt : failures);
      std::cerr << fmt::format(
          "strandline: {}: the command ended with {}; {}\n", event.position, how,
          last ? "it was its last attempt" : fmt::format("again in {} ms", delay_ms));
      Result<bool> ended = last;
      if (counts) ended = settled(membership_.end_attempt(), last);
      if (!ended || last) return ended;
      pollfd interrupt{.fd = Interrupt::descriptor(), .events = POLLIN, .revents = 0};
      if (!Interrupt::raised()) ::poll(&interrupt, 1, static_cast<int>(delay_ms));
      if (Interrupt::raised()) return fail(Code::closed, "interrupted");
      if (counts) return false;
    }
  }

  Result<bool> settled(const Status& told, bool done) {
    if (!told) return std::unexpected(told.error());
    untried_ = true;
    return done;
  }

  // They may be changed at any time.
  void learn_attempts() {
    const auto consumer = log_.describe_consumer(name_);
    if (consumer) attempts_max_ = consumer->settings.attempts();  // else the next fetch meets it
  }

  LogHandle& log_;
  const std::string name_;
  Membership membership_;
  const MemberOptions& options_;
  uint32_t attempts_max_;  // 0: an event is tried for ever
  bool untried_ = true;    // all that it has
};

// --- Commands, several at a time, for a group.

class Parallel {
 public:
  Parallel(LogHandle& log, const ConsumerInfo& consumer, const MemberOptions& options)
      : log_(log),
        name_(consumer.name),
        membership_(log, consumer),
        options_(options),
        extend_every_(extend_interval(consumer.settings)) {}

  Status run() {
    Status ran = run_all();
    // Those under way are waited for; their outcome counts.
    while (!running_.empty()) await(milliseconds(-1));
    Interrupt::lower();
    if (Status flushed = membership_.flush(); ran && !flushed) ran = flushed;
    const Status left = membership_.leave();
    if (!ran && ran.error().code != Code::closed) return ran;
    return left;
  }

 private:
  struct Run {
    Assigned event;
    RunningCommand command;
    uint64_t joined;
  };

  Status run_all() {
    while (!Interrupt::raised()) {
      if (handled_ >= options_.limit && running_.empty()) return {};
      const uint64_t started = handled_ + running_.size();
      const uint64_t left = options_.limit > started ? options_.limit - started : 0;
      const size_t room = std::min<uint64_t>(options_.jobs - running_.size(), left);
      bool deadlines_began = extend();
      if (room > 0) {
        auto fetched = membership_.fetch(room, running_.empty() ? kFetchWait : milliseconds(0));
        if (!fetched) return std::unexpected(fetched.error());
        deadlines_began = deadlines_began || !fetched->given.empty();
        Status ok;
        for (Assigned& event : assigned_of(*fetched)) {
          if (!ok) {
            membership_.give_back(event.position);
            continue;
          }
          ok = start(std::move(event));
        }
        if (!ok) return ok;
      } else if (auto flushed = membership_.flush(); !flushed) {
        return flushed;
      }
      if (deadlines_began) learn_deadline();
      if (!running_.empty()) await(kPollInterval);
      if (!runnable_) return runnable_;
    }
    return {};
  }

  Status start(Assigned event) {
    auto command = start_command(options_.exec, event);
    if (!command) {
      membership_.give_back(event.position);
      return std::unexpected(command.error());
    }
    const uint64_t position = event.position;
    running_.insert_or_assign(position,
                              Run{std::move(event), std::move(*command), membership_.joined()});
    return {};
  }

  // Until one of the commands has ended, or for so long.
  void await(milliseconds patience) {
    std::vector<pollfd> ends;
    for (const auto& [position, run] : running_) {
      ends.push_back({.fd = run.command.descriptor(), .events = POLLIN, .revents = 0});
    }
    if (::poll(ends.data(), ends.size(), static_cast<int>(patience.count())) <= 0) return;
    size_t at = 0;
    for (auto run = running_.begin(); run != running_.end();) {
      if (ends[at++].revents == 0) {
        ++run;
        continue;
      }
      settle(run->second);
      run = running_.erase(run);
    }
  }

  bool is_ours(const Run& run) const {
    return membership_.is_joined() && run.joined == membership_.joined();
  }

  void settle(Run& run) {
    const std::string how = run.command.wait();
    const bool tried = !run.command.cannot_run();
    if (tried) ++handled_;
    if (!tried) runnable_ = std::unexpected(cannot_run(options_.exec, how));
    // What was given in an earlier epoch has gone to others.
    if (!is_ours(run)) return;
    if (how.empty()) return membership_.ack(run.event.position);
    if (!tried) return membership_.give_back(run.event.position);
    const uint64_t delay_ms = retry_delay_ms(options_.retry_ms, run.event.attempt);
    std::cerr << fmt::format("strandline: {}: the command ended with {} (attempt {})\n",
                             run.event.position, how, run.event.attempt);
    membership_.nack(run.event.position, delay_ms, "the command ended with " + how);
  }

  // A command may take longer than the consumer's deadline. True: extensions go with the next
  // request.
  bool extend() {
    const auto now = steady_clock::now();
    if (running_.empty() || now - extended_at_ < extend_every_) return false;
    extended_at_ = now;
    for (const auto& [position, run] : running_) {
      if (is_ours(run)) membership_.extend(position);
    }
    return true;
  }

  // The deadline may be changed at any time, and holds for what is given out or extended from then
  // on. So it is read after each of these.
  void learn_deadline() {
    const auto consumer = log_.describe_consumer(name_);
    if (!consumer) return;  // whatever the reason, the next fetch meets it
    const milliseconds interval = extend_interval(consumer->settings);
    // What was given under a shorter one is extended at once.
    if (interval > extend_every_) extended_at_ = steady_clock::now() - interval;
    extend_every_ = interval;
  }

  LogHandle& log_;
  const std::string name_;
  Membership membership_;
  const MemberOptions& options_;
  milliseconds extend_every_;
  std::map<uint64_t, Run> running_;
  uint64_t handled_ = 0;
  Status runnable_;  // not: the command cannot be run
  steady_clock::time_point extended_at_ = steady_clock::now();
};

}  // namespace

int tail_as_member(LogHandle& log, const ConsumerInfo& consumer, const MemberOptions& options) {
  const Status done = options.exec.empty() ? Printer(log, consumer, options).run()
                      : consumer.settings.is_consumer_group()
                          ? Parallel(log, consumer, options).run()
                          : Sequential(log, consumer, options).run();
  return done ? kDone : Interrupt::output_gone() ? kFailed : failed(done.error());
}

}  // namespace strandline::tools
