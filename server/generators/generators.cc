#include "server/generators/generators.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "server/json/json_writer.h"

namespace strandline::server {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kChangedType = "strandline.generator";
constexpr std::string_view kRemoved = "removed";
// Fast ones append several at a time, so often.
constexpr auto kTick = std::chrono::milliseconds(20);
constexpr uint64_t kEventsAtOnce = 100;
// What was missed by more than this is left out.
constexpr auto kBehindMax = std::chrono::seconds(1);

std::string source_of(const std::string& name) { return "/v1/generators/" + name; }

Result<Batch> batch_of(const Generator& generator, const std::vector<MadeEvent>& made) {
  const std::string source = source_of(generator.name);
  std::vector<NewEvent> events;
  for (const MadeEvent& one : made) {
    events.push_back({.type = one.type,
                      .source = source,
                      .datacontenttype = "application/json",
                      .attributes = {{.name = "generator", .text = generator.name}},
                      .form = schema::DataForm::json,
                      .data = one.data});
  }
  return Batch::of(events);
}

}  // namespace

void render(std::string& out, const GeneratorStatus& status) {
  render_open(out, status.generator);
  out += fmt::format(",\"events\":{},\"failing\":", status.events);
  if (status.failing.empty()) {
    out += "null";
  } else {
    render_string(out, status.failing);
  }
  out += '}';
}

struct Generators::One {
  // Replaced as a whole: an append that is under way counts for the one before.
  std::shared_ptr<const Generator> generator;
  uint64_t next = 0;  // the number of its next event
  SteadyClock::time_point due;
  bool under_way = false;
  uint64_t events = 0;
  std::string failing;

  GeneratorStatus status() const { return {*generator, events, failing}; }
};

Result<std::unique_ptr<Generators>> Generators::start(Log& log) {
  std::unique_ptr<Generators> generators(new Generators(log));
  if (auto ok = generators->load(); !ok) return std::unexpected(std::move(ok.error()));
  generators->thread_ = std::thread([self = generators.get()] { self->run(); });
  return generators;
}

void Generators::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  const std::lock_guard changing(changing_);
  if (thread_.joinable()) thread_.join();
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return under_way_ == 0; });
}

std::vector<GeneratorStatus> Generators::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<GeneratorStatus> out;
  for (const auto& [name, one] : all_) out.push_back(one->status());
  return out;
}

std::optional<GeneratorStatus> Generators::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = all_.find(name);
  if (found == all_.end()) return std::nullopt;
  return found->second->status();
}

std::optional<GeneratorStatus> Generators::find_of(std::string_view stream) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, one] : all_) {
    if (one->generator->stream == stream) return one->status();
  }
  return std::nullopt;
}

// --- What is kept.

Status Generators::load() {
  const auto available = log_.available(kGeneratorStream);
  if (!available) return {};  // there has never been one
  auto cursor = log_.read({.select = Selection::stream(std::string(kGeneratorStream)),
                           .types = std::vector<std::string>{std::string(kChangedType)}});
  if (!cursor) return std::unexpected(std::move(cursor.error()));
  std::map<std::string, Generator> kept;
  while ((*cursor)->position() < available->tail) {
    auto delivery = (*cursor)->next();
    if (!delivery) return std::unexpected(std::move(delivery.error()));
    if (!*delivery) break;
    const auto* events = std::get_if<Events>(&**delivery);
    if (!events) continue;
    for (const Event event : *events) {
      if (event.type() != kChangedType) continue;
      kept.erase(std::string(event.subject()));
      // One that is removed has no such state, and others may append to the stream as well.
      if (auto generator = parse_generator(event.data())) {
        if (check_name(generator->name, Limits()) && check_name(generator->stream, Limits())) {
          kept.insert_or_assign(generator->name, std::move(*generator));
        }
      }
    }
  }
  for (auto& [name, generator] : kept) install(std::move(generator));
  // The stream does not grow for ever.
  constexpr uint64_t kKeptMax = 10'000;
  if (available->tail - available->start > kKeptMax &&
      log_.options().mode == Options::Mode::owner) {
    for (const GeneratorStatus& one : list()) {
      if (!keep(one.generator, name_of(one.generator.state), {})) return {};
    }
    (void)log_.truncate(std::string(kGeneratorStream), Offset(available->tail));
  }
  return {};
}

Status Generators::keep(const Generator& generator, std::string_view state, const Actor& by) {
  Generator kept = generator;
  std::string data;
  render_open(data, kept);
  if (state == kRemoved) {
    data = "{\"generator\":";
    render_string(data, kept.name);
    data += ",\"state\":\"removed\"";
  }
  data += '}';
  const std::string source = source_of(kept.name);
  auto batch = Batch::of({NewEvent{.type = kChangedType,
                                   .source = source,
                                   .subject = kept.name,
                                   .datacontenttype = "application/json",
                                   .form = schema::DataForm::json,
                                   .data = data}});
  if (!batch) return std::unexpected(std::move(batch.error()));
  auto kept_at =
      log_.append(Append{.stream = std::string(kGeneratorStream), .batch = std::move(*batch)});
  if (!kept_at) return std::unexpected(std::move(kept_at.error()));
  if (by.is_named()) {
    log_.record(
        {.type = "strandline.generator.changed",
         .subject = kept.name,
         .details = fmt::format(R"(,"stream":{},"state":"{}")", json_literal(kept.stream), state)},
        by);
  }
  return {};
}

Status Generators::tell_started(const Generator& generator) {
  std::string data = "{\"message\":\"Stream started\",\"data\":{\"generator\":";
  render_string(data, generator.name);
  auto batch = batch_of(generator, {{"stream_started", data + "}}"}});
  if (!batch) return std::unexpected(std::move(batch.error()));
  auto told = log_.append(Append{.stream = generator.stream, .batch = std::move(*batch)});
  if (!told) return std::unexpected(std::move(told.error()));
  return {};
}

void Generators::install(Generator generator) {
  // Its events are numbered on, over restarts.
  const auto available = log_.available(generator.stream);
  const std::lock_guard lock(mutex_);
  auto& one = all_[generator.name];
  if (!one) {
    one = std::make_shared<One>();
    one->next = available ? available->tail : 0;
  }
  one->due = SteadyClock::now();
  one->failing.clear();
  one->generator = std::make_shared<const Generator>(std::move(generator));
  wake_.notify_all();
}

// --- Changes.

Result<GeneratorStatus> Generators::put(Generator generator, const Actor& by) {
  for (const std::string& name : {generator.name, generator.stream}) {
    if (auto ok = check_name(name, log_.options().limits); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
  }
  if (generator.stream == kGeneratorStream) {
    return fail(Code::invalid, "generators are kept in that stream: take another");
  }
  if (generator.kind == GeneratorKind::pattern) {
    if (const auto good = check_pattern(generator.pattern); !good) {
      return fail(Code::invalid, good.error());
    }
  } else if (!generator.pattern.empty()) {
    return fail(Code::invalid, "only a generator of kind \"template\" has a template");
  }
  const std::lock_guard changing(changing_);
  const auto before = find(generator.name);
  if (!before && list().size() >= kGeneratorsMax) {
    return fail(Code::limit, fmt::format("there are {} generators, and no more", kGeneratorsMax));
  }
  if (auto ok = keep(generator, name_of(generator.state), by); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  const bool starts = generator.state == GeneratorState::running &&
                      (!before || before->generator.state == GeneratorState::stopped);
  if (starts) {
    if (auto ok = tell_started(generator); !ok) return std::unexpected(std::move(ok.error()));
  }
  const std::string name = generator.name;
  install(std::move(generator));
  return *find(name);
}

Result<GeneratorStatus> Generators::turn(const std::string& name, Turn turn, const Actor& by) {
  auto there = find(name);
  if (!there) return fail(Code::not_found, fmt::format("no generator \"{}\"", name));
  Generator generator = std::move(there->generator);
  const GeneratorState before = generator.state;
  const auto conflict = [&](const char* what) {
    return fail(Code::conflict,
                fmt::format("the generator \"{}\" is {}: {}", name, name_of(before), what));
  };
  switch (turn) {
    case Turn::start:
      generator.state = GeneratorState::running;
      break;
    case Turn::stop:
      generator.state = GeneratorState::stopped;
      break;
    case Turn::pause:
      if (before == GeneratorState::stopped) return conflict("only one that runs can be paused");
      generator.state = GeneratorState::paused;
      break;
    case Turn::resume:
      if (before == GeneratorState::stopped) return conflict("start it");
      generator.state = GeneratorState::running;
      break;
  }
  if (generator.state == before) return *find(name);
  return put(std::move(generator), by);
}

Status Generators::remove(const std::string& name, const Actor& by) {
  const std::lock_guard changing(changing_);
  const auto there = find(name);
  if (!there) return fail(Code::not_found, fmt::format("no generator \"{}\"", name));
  if (auto ok = keep(there->generator, kRemoved, by); !ok) return ok;
  const std::lock_guard lock(mutex_);
  all_.erase(name);
  return {};
}

// --- The thread.

void Generators::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto now = SteadyClock::now();
    auto next = now + std::chrono::hours(1);
    std::vector<std::pair<std::shared_ptr<One>, uint64_t>> due;
    for (const auto& [name, one] : all_) {
      if (one->generator->state != GeneratorState::running || one->under_way) continue;
      const auto interval = std::chrono::microseconds(one->generator->rate.interval_us());
      if (one->due + kBehindMax < now) one->due = now;
      if (one->due <= now) {
        const auto missed = static_cast<uint64_t>((now - one->due) / interval);
        const uint64_t count = std::min(missed + 1, kEventsAtOnce);
        one->due += interval * count;
        one->under_way = true;
        ++under_way_;
        due.emplace_back(one, count);
      }
      next = std::min(next, std::max(one->due, now + kTick));
    }
    lock.unlock();
    for (const auto& [one, count] : due) append_due(one, count);
    lock.lock();
    if (!stopping_) wake_.wait_until(lock, next);
  }
}

void Generators::append_due(const std::shared_ptr<One>& one, uint64_t count) {
  std::shared_ptr<const Generator> generator;
  uint64_t first = 0;
  {
    const std::lock_guard lock(mutex_);
    generator = one->generator;
    first = one->next;
  }
  std::vector<MadeEvent> made;
  for (uint64_t i = 0; i < count; ++i) {
    made.push_back(maker_.make(*generator, first + i, log_.now()));
  }
  const auto done = [this, one, count](const Result<Appended>& appended) {
    const std::lock_guard lock(mutex_);
    one->under_way = false;
    one->failing = appended ? std::string() : appended.error().message;
    if (appended) {
      one->events += count;
      one->next += count;
    } else {
      one->due = SteadyClock::now() + kBehindMax;
    }
    --under_way_;
    wake_.notify_all();
  };
  auto batch = batch_of(*generator, made);
  if (!batch) return done(std::unexpected(std::move(batch.error())));
  log_.append(Append{.stream = generator->stream, .batch = std::move(*batch)},
              [done](Result<Appended> appended) { done(appended); });
}

}  // namespace strandline::server
