#include "engine/writing/append_check.h"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <unordered_map>

#include "engine/api/append.h"
#include "engine/api/event_rules.h"

namespace strandline {
namespace {

constexpr size_t kKeyBytesMax = 255;
constexpr size_t kFingerprintBytesMax = 64;

Error conflict(std::string message, uint64_t current) {
  return {.code = Code::conflict, .message = std::move(message), .current = current};
}

Status check_key(const char* what, std::string_view key) {
  if (!key.empty() && key.size() <= kKeyBytesMax && is_plain_text(key)) return {};
  return fail(Code::invalid, fmt::format("{} is 1 to {} bytes of UTF-8 without control characters",
                                         what, kKeyBytesMax));
}

// Each part's condition sees the parts before it.
Status check_parts(const LogState& log, const AppendMany& request) {
  struct Planned {
    bool exists;
    uint64_t next;
  };
  std::unordered_map<std::string_view, Planned> planned;
  size_t created = 0;
  for (const AppendMany::Part& part : request.parts) {
    Planned* plan = nullptr;
    Planned now{false, 0};
    if (const auto found = planned.find(part.stream); found != planned.end()) {
      plan = &found->second;
    } else {
      if (const Stream* stream = log.streams.find(part.stream)) {
        now = {stream->assigned.exists != 0, stream->assigned.next};
      } else {
        ++created;
      }
      // One part is the common case, and needs no map.
      plan = request.parts.size() == 1 ? &now : &planned.emplace(part.stream, now).first->second;
    }
    const bool creates = log.options.create_streams_on_append || !request.buries.empty();
    if (!plan->exists && !creates) {
      return fail(Code::not_found, fmt::format("no stream \"{}\"; create it first", part.stream));
    }
    if (part.expected.kind == Expected::Kind::absent && plan->exists) {
      return std::unexpected(conflict(
          fmt::format("stream \"{}\" exists, and was expected not to; its next offset is {}",
                      part.stream, plan->next),
          plan->next));
    }
    if (part.expected.kind == Expected::Kind::present && !plan->exists) {
      return std::unexpected(
          conflict(fmt::format("stream \"{}\" does not exist, and was expected to", part.stream),
                   plan->next));
    }
    if (part.expected.kind == Expected::Kind::next && part.expected.offset.value != plan->next) {
      return std::unexpected(
          conflict(fmt::format("the next offset of stream \"{}\" is {}, and was expected to be {}",
                               part.stream, plan->next, part.expected.offset.value),
                   plan->next));
    }
    plan->exists = true;
    plan->next += part.batch.count();
  }
  if (log.streams.count() + created > log.options.limits.streams_max) {
    return fail(Code::too_large,
                fmt::format("a log has at most {} streams", log.options.limits.streams_max));
  }
  return {};
}

// Each commit's condition sees the events beside it.
Status check_commits(const LogState& log, const AppendMany& request) {
  std::unordered_map<std::string_view, uint64_t> appended_to;
  if (!request.commits.empty()) {
    for (const AppendMany::Part& part : request.parts) {
      appended_to[part.stream] += part.batch.count();
      appended_to[kAllName] += part.batch.count();
    }
  }
  size_t created = 0;
  for (const Commit& one : request.commits) {
    const bool ledger = one.stream == kImportLedgerName;
    const Stream* stream = ledger ? nullptr : log.streams.find(one.stream);
    const auto events = appended_to.find(one.stream);
    const uint64_t appended = events == appended_to.end() ? 0 : events->second;
    const bool exists = stream && stream->assigned.exists;
    const bool removes = one.move == Commit::Move::remove;
    if (!ledger && !(removes ? stream != nullptr : exists) && appended == 0) {
      return fail(Code::not_found, fmt::format("no stream \"{}\" to commit in", one.stream));
    }
    std::optional<uint64_t> tail;  // a ledger has none
    if (!ledger) tail = (stream ? stream->assigned.next : 0) + appended;
    std::optional<uint64_t> known;
    if (ledger || stream) {
      known = log.positions.assigned({one.consumer, ledger ? kImportLedger : stream->id});
    }
    const uint64_t current = known.value_or(0);
    if (one.expected && *one.expected != current) {
      return std::unexpected(
          conflict(fmt::format("consumer \"{}\" stands at {} in \"{}\", and was expected at {}",
                               one.consumer, current, one.stream, *one.expected),
                   current));
    }
    if (removes) continue;
    if (one.next < current && one.move == Commit::Move::forward) {
      return std::unexpected(conflict(
          fmt::format(
              "consumer \"{}\" stands at {} in \"{}\": a position never goes back, and {} is "
              "below it",
              one.consumer, current, one.stream, one.next),
          current));
    }
    if (tail && one.next > *tail) {
      return std::unexpected(
          Error{.code = Code::out_of_range,
                .message = fmt::format("{} is past the tail of \"{}\", which is {}", one.next,
                                       one.stream, *tail),
                .available = Available{0, *tail}});
    }
    if (!known) ++created;
    if (!known && log.positions.count() + created > log.options.limits.consumers_max) {
      return fail(Code::too_large, fmt::format("a log has at most {} committed positions",
                                               log.options.limits.consumers_max));
    }
  }
  return {};
}

Status check_processed_ids(const LogState& log, const AppendMany& request) {
  std::set<std::pair<std::string_view, std::string_view>> planned;
  for (const ProcessedId& mark : request.once) {
    auto found = log.expiring.find(*log.store, processed_id_key(mark.consumer, mark.id));
    if (!found) return std::unexpected(std::move(found.error()));
    if (*found || !planned.emplace(mark.consumer, mark.id).second) {
      return fail(Code::exists, fmt::format("consumer \"{}\" has processed \"{}\" already",
                                            mark.consumer, mark.id));
    }
  }
  const size_t added = request.once.size() + (request.idempotency ? 1 : 0);
  if (added > 0 && log.expiring.count() + added > log.options.limits.expiring_max) {
    return fail(Code::limit,
                fmt::format("a log keeps at most {} idempotency keys and processed ids",
                            log.options.limits.expiring_max));
  }
  return {};
}

}  // namespace

Status check_request(const AppendMany& request, const Limits& limits) {
  for (const AppendMany::Part& part : request.parts) {
    if (!part.producer) continue;
    if (auto ok = check_name(part.producer->id, limits); !ok) {
      ok.error().message = "the producer: " + ok.error().message;
      return ok;
    }
  }
  std::set<std::pair<std::string_view, std::string_view>> moved;
  for (const Commit& one : request.commits) {
    if (moved.emplace(one.consumer, one.stream).second) continue;
    return fail(Code::invalid,
                fmt::format("two commits of consumer \"{}\" in \"{}\": an append moves a position "
                            "once",
                            one.consumer, one.stream));
  }
  for (const ProcessedId& mark : request.once) {
    if (auto ok = check_name(mark.consumer, limits); !ok) return ok;
    if (mark.id == "." || mark.id == "..") {
      return fail(Code::invalid,
                  fmt::format("the id \"{}\" is not taken: no URL reaches it", mark.id));
    }
    if (auto ok = check_key("an id that is processed once", mark.id); !ok) return ok;
    if (mark.ttl_s == 0 || mark.ttl_s > limits.once_ttl_s_max) {
      return fail(Code::invalid, fmt::format("a mark lives for {} s; it may be 1 to {}", mark.ttl_s,
                                             limits.once_ttl_s_max));
    }
  }
  if (!request.idempotency) return {};
  if (request.idempotency->fingerprint.size() > kFingerprintBytesMax) {
    return fail(Code::invalid,
                fmt::format("a fingerprint has at most {} bytes", kFingerprintBytesMax));
  }
  return check_key("an idempotency key", request.idempotency->key);
}

Status check_append(const LogState& log, const AppendMany& request) {
  if (auto ok = check_parts(log, request); !ok) return ok;
  if (auto ok = check_commits(log, request); !ok) return ok;
  if (request.once.empty() && !request.idempotency) return {};
  return check_processed_ids(log, request);
}

}  // namespace strandline
