#include "server/live/publishing.h"

#include "engine/api/base64.h"
#include "server/connection/service.h"
#include "server/json/json_writer.h"
#include "server/live/live_access.h"

namespace strandline::server {
namespace {

// Over a quota of the key, or nothing.
std::optional<LiveError> over_quota(LiveConnection& connection, const std::string& channel,
                                    size_t bytes) {
  const AccountPointer& account = connection.client().account;
  if (!account) return std::nullopt;
  Service& service = connection.service();
  const auto charge = [&](QuotaKind kind, uint64_t amount) {
    const bool over = account->charge(kind, amount).has_value();
    if (over) service.quotas.count(kind);
    return over;
  };
  if (charge(QuotaKind::requests, 1) || charge(QuotaKind::bytes, 0)) {
    return LiveError{"over-quota", "it has published more than its quota; try again later"};
  }
  if (!service.log.available(channel) && charge(QuotaKind::streams, 1)) {
    return LiveError{"over-quota", "it has created more streams than its quota"};
  }
  const auto stored = service.quotas.charge_stored(
      account, [&](std::string_view prefix) -> std::optional<uint64_t> {
        if (!std::string_view(channel).starts_with(prefix)) return std::nullopt;
        return bytes;
      });
  if (stored) return LiveError{"over-quota", "as much is stored as its quota allows"};
  account->owe(QuotaKind::bytes, bytes);
  return std::nullopt;
}

}  // namespace

LiveEvent live_event(const NewEvent& event, std::string_view json, std::string user) {
  LiveEvent told{
      .type = std::string(event.type), .event = std::string(json), .user = std::move(user)};
  switch (event.form) {
    case DataForm::none:
      break;
    case DataForm::json:
      told.data = event.data;
      break;
    case DataForm::text:
      render_string(told.data, event.data);
      break;
    case DataForm::binary: {
      std::string base64;
      render_base64(base64, event.data);
      render_string(told.data, base64);
      break;
    }
  }
  return told;
}

void publish_event(LiveConnection& connection, const Publishing& publishing,
                   std::function<void(LiveConnection&, const Published&)> then) {
  const auto refuse = [&](LiveError why) { then(connection, std::unexpected(std::move(why))); };
  Service& service = connection.service();
  const std::string& channel = publishing.channel;
  BatchBuilder builder(service.log.options().limits);
  LiveEvent told;
  const auto read =
      parse_event(publishing.event, [&](std::string_view stream, const NewEvent& event) -> Status {
        if (!stream.empty()) return fail(Code::invalid, "the channel says where the event goes");
        const ChannelMember* member = connection.member_of(channel_text(channel));
        told = live_event(event, publishing.event, member ? member->user : connection.user());
        return builder.add(event);
      });
  if (!read) {
    return refuse({read.error().malformed ? "malformed" : name_of(read.error().error.code),
                   read.error().error.message});
  }
  const bool between_members = is_client_event(told.type);
  const auto refused = between_members ? refuse_client_event(connection, channel)
                                       : refuse_publish(connection, channel);
  if (refused) return refuse(*refused);
  auto batch = builder.finish();
  if (!batch) return refuse({name_of(batch.error().code), batch.error().message});
  if (between_members || connection.live().rules.of(channel).ephemeral) {
    connection.live().hub.tell(channel, event_on(channel, told),
                               between_members ? connection.number() : Hub::kNobody);
    return then(connection, std::nullopt);
  }
  if (service.draining) return refuse({"closed", "the server is draining: send this again later"});
  if (auto over = over_quota(connection, channel, batch->bytes().size())) return refuse(*over);
  Append append{.stream = channel, .batch = std::move(*batch)};
  if (!publishing.id.empty()) {
    append.idempotency = Idempotency{.key = "live/" + channel + "/" + publishing.id,
                                     .fingerprint = digest_of_secret(publishing.event)};
  }
  service.owed.fetch_add(1, std::memory_order_relaxed);
  service.log.append(std::move(append), [home = connection.poster(), &service,
                                         then = std::move(then)](Result<Appended> appended) {
    home([appended = std::move(appended), then](LiveConnection& there) {
      if (appended) return then(there, *appended);
      then(there,
           std::unexpected(LiveError{name_of(appended.error().code), appended.error().message}));
    });
    service.owed.fetch_sub(1, std::memory_order_acq_rel);
  });
}

}  // namespace strandline::server
