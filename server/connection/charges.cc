#include "server/connection/charges.h"

#include <set>

namespace strandline::server {
namespace {

std::optional<Response> charge_streams(const Call& call, const AppendMany& request) {
  std::set<std::string_view> created;
  for (const AppendMany::Part& part : request.parts) {
    if (!call.service.log.available(part.stream)) created.insert(part.stream);
  }
  if (created.empty()) return std::nullopt;
  auto over = call.account->charge(QuotaKind::streams, created.size());
  if (over) call.service.quotas.count(QuotaKind::streams);
  return over;
}

}  // namespace

std::optional<Response> charge(const Call& call, const Append& request) {
  return call.service.quotas.charge_stored(call.account,
                                           [&](std::string_view prefix) -> std::optional<uint64_t> {
                                             if (!request.stream.starts_with(prefix))
                                               return std::nullopt;
                                             return request.batch.bytes().size();
                                           });
}

std::optional<Response> charge(const Call& call, const AppendMany& request) {
  if (!call.account) return std::nullopt;
  if (auto over = charge_streams(call, request)) return over;
  return call.service.quotas.charge_stored(
      call.account, [&](std::string_view prefix) -> std::optional<uint64_t> {
        std::optional<uint64_t> bytes;
        for (const AppendMany::Part& part : request.parts) {
          if (!part.stream.starts_with(prefix)) continue;
          bytes = bytes.value_or(0) + part.batch.bytes().size();
        }
        return bytes;
      });
}

std::optional<Response> charge(const Call& call, const Broadcast& request) {
  return call.service.quotas.charge_stored(
      call.account, [&](std::string_view prefix) -> std::optional<uint64_t> {
        // Where one begins with the other, the longer one's streams are under both.
        const std::string& own = request.prefix;
        if (!own.starts_with(prefix) && !prefix.starts_with(own)) return std::nullopt;
        const std::string_view both = own.size() > prefix.size() ? own : prefix;
        return call.service.log.stored_under(both).streams * request.batch.bytes().size();
      });
}

std::optional<Response> charge(const Call&, const NewConsumer&) { return std::nullopt; }

}  // namespace strandline::server
