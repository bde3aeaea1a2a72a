// Log's streams: created, changed, truncated, removed, described.
#include <fmt/format.h>

#include <algorithm>

#include "engine/api/event_rules.h"
#include "engine/log.h"
#include "engine/log_parts.h"
#include "engine/reading/cursors.h"
#include "engine/reading/stream_cursor.h"
#include "engine/writing/append_check.h"

namespace strandline {
namespace {

Status check_description(const std::string& description) {
  constexpr size_t kDescriptionBytes = 1024;
  if (description.size() > kDescriptionBytes) {
    return fail(Code::invalid, fmt::format("a description of {} bytes: the limit is {}",
                                           description.size(), kDescriptionBytes));
  }
  if (!is_utf8(description)) return fail(Code::invalid, "a description that is not UTF-8");
  return {};
}

StreamInfo info_of(const LogState& state, const PolicySet& policies, const Stream& stream) {
  // The start first: a tail read after it is no lower.
  const Offset start = stream.start();
  const Offset tail = stream.tail();
  const int64_t last = stream.last_stored_us();
  const uint64_t below = stream.start_bytes();
  const std::string name(stream.name);
  const Policy* own = policies.own({.prefix = false, .name = name});
  return {.name = name,
          .start = start,
          .tail = tail,
          .events = tail - start,
          .bytes = std::max(stream.bytes(), below) - below,
          .created = stream.created(),
          .last_stored = last ? std::optional(Timestamp{last}) : std::nullopt,
          .settings = {.description = state.streams.description(stream),
                       .policy = own ? *own : Policy()},
          .effective = policies.of(name),
          .hold = state.holds.held(name, state.clock->now())};
}

}  // namespace

Result<StreamInfo> Log::create_stream(std::string name, StreamSettings settings, Actor by) {
  Status ok = check_name(name, parts_->state->options.limits);
  if (ok) ok = check_description(settings.description);
  PolicyChange policy;
  for (const auto& [field, value] : settings.policy) policy[field] = value;
  if (ok) ok = check_policy(policy);
  if (!ok) return std::unexpected(std::move(ok.error()));
  auto outcome = parts_->perform(CreateStream{name, std::move(settings)}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return describe(name);
}

Result<StreamInfo> Log::change_stream(std::string name, StreamChange change, Actor by) {
  Status ok = check_name(name, parts_->state->options.limits);
  if (ok && change.description) ok = check_description(*change.description);
  if (ok) ok = check_policy(change.policy);
  if (!ok) return std::unexpected(std::move(ok.error()));
  auto outcome = parts_->perform(ChangeStream{name, std::move(change)}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return describe(name);
}

Status Log::delete_stream(std::string name, Actor by) {
  if (auto ok = check_name(name, parts_->state->options.limits); !ok) return ok;
  auto outcome = parts_->perform(DeleteStream{std::move(name)}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return {};
}

Result<Offset> Log::truncate(std::string name, Offset before, Actor by) {
  auto truncated = truncate(std::move(name), before, false, std::move(by));
  if (!truncated) return std::unexpected(std::move(truncated.error()));
  return truncated->start;
}

Result<Truncated> Log::truncate(std::string name, Offset before, bool dry_run, Actor by) {
  if (auto ok = check_name(name, parts_->state->options.limits); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  auto outcome = parts_->perform(Truncate{std::move(name), before, dry_run}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return Truncated{Offset(outcome->number), outcome->events, outcome->bytes};
}

Result<Offset> Log::offset_at(std::string_view name, Timestamp moment) const {
  const auto stream = find_existing(*parts_->state, name);
  if (!stream) return std::unexpected(stream.error());
  return find_time(*parts_->state, **stream, moment);
}

Result<StreamInfo> Log::describe(std::string_view name) const {
  const LogState& state = *parts_->state;
  const auto stream = find_existing(state, name);
  if (!stream) return std::unexpected(stream.error());
  return info_of(state, *state.policies.set(), **stream);
}

std::vector<StreamInfo> Log::list(std::string_view prefix, std::string_view after,
                                  size_t limit) const {
  const LogState& state = *parts_->state;
  std::vector<const Stream*> found;
  state.streams.scan(std::max(prefix, after), [&](Stream& stream) {
    if (!stream.name.starts_with(prefix) || found.size() == limit) return false;
    if (stream.exists() && (after.empty() || stream.name > after)) found.push_back(&stream);
    return true;
  });
  const auto policies = state.policies.set();
  std::vector<StreamInfo> out;
  for (const Stream* stream : found) out.push_back(info_of(state, *policies, *stream));
  return out;
}

}  // namespace strandline
