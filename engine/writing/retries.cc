#include "engine/writing/retries.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/base/crc32c.h"

namespace strandline {
namespace {

Result<std::optional<Outcome>> find_answer(LogState& log, const Idempotency& request) {
  auto found = log.expiring.find(*log.store, answer_key(request.key));
  if (!found) return std::unexpected(std::move(found.error()));
  if (!*found) return std::nullopt;
  std::string_view fingerprint;
  Outcome outcome;
  if (!decode_answer(log.streams, **found, fingerprint, outcome)) {
    return fail(Code::corrupt, fmt::format("the answer kept for the idempotency key \"{}\" does "
                                           "not parse",
                                           request.key));
  }
  if (fingerprint != request.fingerprint) return std::unexpected(reused_key(request.key));
  return outcome;
}

// The parts of one append that name producers, each seen behind those before it.
class Retries {
 public:
  Retries(LogState& log, const AppendMany& request) : log_(log), request_(request) {}

  Result<std::optional<Outcome>> find() {
    Outcome outcome{.retried = true};
    for (const AppendMany::Part& part : request_.parts) {
      if (!part.producer) continue;
      auto original = original_of(part);
      if (!original) return std::unexpected(std::move(original.error()));
      if (*original) outcome.appended.push_back(answer(part, **original));
    }
    if (outcome.appended.empty()) return std::nullopt;
    if (outcome.appended.size() == request_.parts.size()) return outcome;
    return fail(Code::conflict,
                fmt::format("{} of the {} parts are retries, and the others are new: an append is "
                            "sent again as it was",
                            outcome.appended.size(), request_.parts.size()));
  }

 private:
  // Nothing, if the part is the producer's next.
  Result<std::optional<ProducerAppend>> original_of(const AppendMany::Part& part) {
    const Producer& producer = *part.producer;
    const Stream* stream = log_.streams.find(part.stream);
    auto head = head_of(stream, part);
    if (!head) return std::unexpected(std::move(head.error()));
    const bool newer = !*head || producer.epoch > (*head)->epoch;
    const uint64_t next = newer ? 0 : (*head)->next;
    if (newer || producer.epoch == (*head)->epoch) {
      if (producer.sequence > next) return std::unexpected(out_of_order(part, next));
      if (producer.sequence == next) {
        if (request_.parts.size() > 1) {
          planned_[{part.stream, producer.id}] = {producer.epoch, next + 1};
        }
        return std::nullopt;
      }
    }
    std::optional<ProducerAppend> original;
    if (stream) {
      auto found = log_.producers.original(*log_.store, stream->id, producer);
      if (!found) return std::unexpected(std::move(found.error()));
      original = *found;
    }
    if (!original) return std::unexpected(without_original(part, **head));
    if (original->count != part.batch.count() || original->crc32c != crc32c(part.batch.bytes())) {
      return fail(Code::conflict,
                  fmt::format("{} was of other events ({} at offset {} of \"{}\"): a retry sends "
                              "the same again",
                              told(producer), original->count, original->first, part.stream));
    }
    return original;
  }

  Result<std::optional<ProducerHead>> head_of(const Stream* stream, const AppendMany::Part& part) {
    if (const auto plan = planned_.find({part.stream, part.producer->id}); plan != planned_.end()) {
      return plan->second;
    }
    if (!stream) return std::nullopt;
    return log_.producers.head(*log_.store, stream->id, part.producer->id);
  }

  static std::string told(const Producer& producer) {
    return fmt::format("epoch {}, sequence {} of producer \"{}\"", producer.epoch,
                       producer.sequence, producer.id);
  }

  static Error out_of_order(const AppendMany::Part& part, uint64_t expected) {
    return {.code = Code::out_of_order,
            .message = fmt::format("{} in \"{}\": sequence {} was expected", told(*part.producer),
                                   part.stream, expected),
            .current = expected};
  }

  Error without_original(const AppendMany::Part& part, const ProducerHead& head) const {
    if (part.producer->epoch < head.epoch) {
      return {.code = Code::fenced,
              .message = fmt::format("{} in \"{}\": its epoch is {} now", told(*part.producer),
                                     part.stream, head.epoch),
              .current = head.epoch};
    }
    if (planned_.contains({part.stream, part.producer->id})) {
      return {.code = Code::conflict,
              .message = told(*part.producer) + " is there twice in one append"};
    }
    return {.code = Code::corrupt,
            .message = fmt::format("what became of {} in \"{}\" is lost", told(*part.producer),
                                   part.stream)};
  }

  static Appended answer(const AppendMany::Part& part, const ProducerAppend& original) {
    return {.stream = part.stream,
            .first = Offset(original.first),
            .next = Offset(original.first + original.count),
            .sequence = Sequence(original.sequence),
            .stored = {original.stored_us},
            .durability = Durability::fsync,
            .retried = true};
  }

  LogState& log_;
  const AppendMany& request_;
  std::map<std::pair<std::string_view, std::string_view>, ProducerHead> planned_;
};

}  // namespace

Result<std::optional<Outcome>> find_original(LogState& log, const AppendMany& request) {
  if (request.idempotency) {
    auto answer = find_answer(log, *request.idempotency);
    if (!answer || *answer) return answer;
  }
  const bool produced = std::ranges::any_of(
      request.parts, [](const AppendMany::Part& part) { return part.producer.has_value(); });
  if (!produced) return std::nullopt;
  return Retries(log, request).find();
}

}  // namespace strandline
