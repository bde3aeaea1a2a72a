#include "engine/writing/acts.h"

#include <fmt/format.h>

#include "engine/base/check.h"

namespace strandline {
namespace {

std::string grants_text(const std::vector<Grant>& grants) {
  std::string text;
  for (const Grant& grant : grants) {
    if (!text.empty()) text += ' ';
    text += render_grant(grant);
  }
  return text;
}

Act act_for(const CreateStream& one, const Outcome&) {
  return {.type = "strandline.stream.created", .subject = one.name};
}
Act act_for(const DeleteStream& one, const Outcome&) {
  return {.type = "strandline.stream.deleted", .subject = one.name};
}
Act act_for(const Truncate& one, const Outcome& outcome) {
  return {.type = "strandline.stream.truncated",
          .subject = one.name,
          .details = fmt::format(R"(,"before":{},"start":{})", one.before.value, outcome.number)};
}
Act act_for(const Roll&, const Outcome& outcome) {
  return {.type = "strandline.segment.sealed", .subject = std::to_string(outcome.number)};
}
Act act_for(const DropSegment& one, const Outcome&) {
  return {.type = "strandline.segment.dropped", .subject = std::to_string(one.segment.value)};
}
Act act_for(const CreateKey& one, const Outcome&) {
  return {.type = "strandline.key.created",
          .subject = one.key.name,
          .details = R"(,"grants":)" + json_literal(grants_text(one.key.grants))};
}
Act act_for(const RotateKey& one, const Outcome&) {
  return {.type = "strandline.key.rotated",
          .subject = one.name,
          .details = fmt::format(R"(,"grace_s":{})", one.grace.count())};
}
Act act_for(const RevokeKey& one, const Outcome&) {
  return {.type = "strandline.key.revoked", .subject = one.name};
}
Act act_for(const FirstUse& one, const Outcome&) {
  return {.type = "strandline.key.used", .subject = one.name};
}
Act act_for(const Record& one, const Outcome&) { return one.act; }
Act act_for(const CreateConsumer& one, const Outcome&) {
  return {.type = "strandline.consumer.created",
          .subject = one.name,
          .details = fmt::format(R"(,"position":{})", one.position)};
}
Act act_for(const DeleteConsumer& one, const Outcome&) {
  return {.type = "strandline.consumer.deleted", .subject = one.name};
}
Act act_for(const ResetConsumer& one, const Outcome&) {
  return {.type = "strandline.consumer.reset",
          .subject = one.name,
          .details = fmt::format(R"(,"position":{})", one.position)};
}
Act act_for(const UpdateConsumer& one, const Outcome&) {
  std::string details;
  if (one.change.ack_deadline_ms) {
    details += fmt::format(R"(,"ack_deadline_ms":{})", *one.change.ack_deadline_ms);
  }
  if (one.change.unacked_max) {
    details += fmt::format(R"(,"unacked_max":{})", *one.change.unacked_max);
  }
  return {.type = "strandline.consumer.updated", .subject = one.name, .details = details};
}
Act act_for(const ReplayDead& one, const Outcome&) {
  return {.type = "strandline.consumer.replayed",
          .subject = one.name,
          .details = fmt::format(R"(,"events":{})", one.positions.size())};
}

template <class... Ops>
std::optional<Act> act_in(const std::variant<Ops...>& request, const Outcome& outcome);

template <class Op>
std::optional<Act> act_in(const Op& op, const Outcome& outcome) {
  if constexpr (is_administrative<Op>) return act_for(op, outcome);
  return std::nullopt;
}

template <class... Ops>
std::optional<Act> act_in(const std::variant<Ops...>& request, const Outcome& outcome) {
  return std::visit([&](const auto& one) { return act_in(one, outcome); }, request);
}

}  // namespace

std::optional<Act> act_of(const Operation& operation, const Outcome& outcome) {
  if (operation.act) return operation.act;
  return act_in(operation.request, outcome);
}

Batch record_of(const Act& act, const Actor& by) {
  std::string data =
      fmt::format(R"({{"who":{},"kind":"{}","from":{},"outcome":{}{}}})", json_literal(by.name),
                  name_of(by.kind), json_literal(by.from), json_literal(act.outcome), act.details);
  auto batch = Batch::of({NewEvent{.type = act.type,
                                   .subject = act.subject,
                                   .datacontenttype = "application/json",
                                   .form = schema::DataForm::json,
                                   .data = data}});
  // All of it is text of the log's own, and names that were checked.
  CHECK_TRUE(batch.has_value());
  return std::move(*batch);
}

}  // namespace strandline
