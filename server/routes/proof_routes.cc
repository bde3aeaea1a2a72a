// Of an audited stream: GET and POST .../checkpoint, GET .../tile/..., .../proof, .../consistency
// .../salts and .../checkpoint-keys; and of the log GET /v1/checkpoint-keys, POST .../rotate.
//
// A stream's URL is the prefix of a log as C2SP tlog-tiles has it. All of it reads the disk, and so
// runs in the pool.
#include "engine/api/base64.h"
#include "server/connection/route.h"
#include "server/json/json_writer.h"
#include "server/routes/handlers.h"
#include "server/routes/json_body.h"
#include "server/routes/stream_name.h"

namespace strandline::server {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kBytes = "application/octet-stream";
constexpr uint64_t kSaltsDefault = 1'000;
constexpr uint64_t kSaltsPageMax = 10'000;

// A stream that is there, and no parameters but these.
std::optional<Response> check_proof(const Call& call,
                                    std::initializer_list<std::string_view> known) {
  if (auto good = call.query.allow(known); !good) return malformed(good.error());
  if (auto refused = check_read_name(call.service, call.names[0])) return refused;
  const auto info = call.service.log.describe(call.names[0]);
  if (info) return std::nullopt;
  return problem(info.error(), call.route.method == "GET" ? Asked::reading : Asked::changing);
}

Response print_text(Result<std::string> text, std::string_view type = kText) {
  if (!text) return problem(text.error(), Asked::reading);
  return Response{.content_type = type, .body = std::move(*text)};
}

Response show_checkpoint(Call& call) {
  if (auto refused = check_proof(call, {})) return std::move(*refused);
  return print_text(call.service.log.checkpoint(call.names[0]));
}

Response sign_now(Call& call) {
  if (auto refused = check_proof(call, {})) return std::move(*refused);
  auto note = call.service.log.sign_checkpoint(call.names[0], call.actor());
  if (!note) return problem(note.error(), Asked::changing);
  return print_text(std::move(note));
}

Response show_tile(Call& call) {
  if (auto refused = check_proof(call, {})) return std::move(*refused);
  const auto name = parse_tile_name(std::span(call.names).subspan(1));
  if (!name)
    return problem({.code = Code::not_found, .message = name.error().message}, Asked::reading);
  return print_text(call.service.log.tile(call.names[0], *name), kBytes);
}

Response prove_one(Call& call) {
  if (auto refused = check_proof(call, {"offset"})) return std::move(*refused);
  const auto offset = call.query.number("offset");
  if (!offset) return malformed(offset.error());
  if (!*offset) return malformed("offset is missing: which event");
  const auto proof = call.service.log.prove_event(call.names[0], Offset(**offset));
  if (!proof) return problem(proof.error(), Asked::reading);
  return Response{.content_type = kText, .body = render_proof(*proof)};
}

Response prove_growth(Call& call) {
  if (auto refused = check_proof(call, {"from"})) return std::move(*refused);
  const auto from = call.query.number("from");
  if (!from) return malformed(from.error());
  if (!*from) return malformed("from is missing: of how many events the older checkpoint is");
  const auto proof = call.service.log.prove_consistency(call.names[0], **from);
  if (!proof) return problem(proof.error(), Asked::reading);
  return Response{.content_type = kText, .body = render_proof(*proof)};
}

// A line an event: {"offset":7,"salts":"BASE64 of 32 bytes"}.
Response show_salts(Call& call) {
  if (auto refused = check_proof(call, {"from", "limit"})) return std::move(*refused);
  const auto from = call.query.number("from");
  if (!from) return malformed(from.error());
  const auto limit = call.query.number("limit");
  if (!limit) return malformed(limit.error());
  const Log& log = call.service.log;
  const auto info = log.describe(call.names[0]);
  if (!info) return problem(info.error(), Asked::reading);
  const Offset first(from->value_or(info->start.value));
  const uint64_t most = limit->value_or(kSaltsDefault);
  if (most == 0 || most > kSaltsPageMax) {
    return malformed("limit is from 1 to " + std::to_string(kSaltsPageMax));
  }
  const uint64_t left = first < info->tail ? info->tail - first : 0;
  const auto salts = log.salts(call.names[0], first, static_cast<uint32_t>(std::min(most, left)));
  if (!salts) return problem(salts.error(), Asked::reading);
  Response response{.content_type = kNdjson};
  for (size_t i = 0; i < salts->size(); ++i) {
    std::string both;
    for (const Salt& salt : {(*salts)[i].envelope, (*salts)[i].data}) {
      both.append(reinterpret_cast<const char*>(salt.data()), salt.size());
    }
    response.body += "{\"offset\":";
    append_number(response.body, (first + i).value);
    response.body += ",\"salts\":\"";
    render_base64(response.body, both);
    response.body += "\"}\n";
  }
  return response;
}

// A line a key, the newest last.
Response list_keys(Call& call) {
  if (auto known = call.query.allow({}); !known) return malformed(known.error());
  Response response{.content_type = kText};
  for (const PublicKey& key : call.service.log.checkpoint_keys()) {
    response.body += render_key(key) + "\n";
  }
  return response;
}

// The same under the stream's origin, as tools want them that know only this stream.
Response list_keys_of_stream(Call& call) {
  if (auto refused = check_proof(call, {})) return std::move(*refused);
  Response response{.content_type = kText};
  for (const PublicKey& key : call.service.log.checkpoint_keys()) {
    response.body += render_key(PublicKey{origin_of(key.name, call.names[0]), key.key}) + "\n";
  }
  return response;
}

Response rotate_signing_key(Call& call) {
  if (auto known = call.query.allow({}); !known) return malformed(known.error());
  auto fields = take_object(call, {"origin"});
  if (!fields) return std::move(fields.error());
  const auto origin = fields->string("origin");
  if (!origin) return not_valid(origin.error());
  const auto key =
      call.service.log.rotate_checkpoint_key(std::string(origin->value_or("")), call.actor());
  if (!key) return problem(key.error(), Asked::changing);
  return Response{.content_type = kText, .body = render_key(*key) + "\n"};
}

void prove_in_pool(Call call, Answer answer, Response (*run)(Call&)) {
  Service& service = call.service;
  answer.block(service, [run, call = std::move(call)]() mutable { return run(call); });
}

}  // namespace

void get_checkpoint(Call call, Answer answer) {
  prove_in_pool(std::move(call), std::move(answer), show_checkpoint);
}
void sign_checkpoint(Call call, Answer answer) {
  prove_in_pool(std::move(call), std::move(answer), sign_now);
}
void get_tile(Call call, Answer answer) {
  prove_in_pool(std::move(call), std::move(answer), show_tile);
}
void get_proof(Call call, Answer answer) {
  prove_in_pool(std::move(call), std::move(answer), prove_one);
}
void get_consistency(Call call, Answer answer) {
  prove_in_pool(std::move(call), std::move(answer), prove_growth);
}
void get_salts(Call call, Answer answer) {
  prove_in_pool(std::move(call), std::move(answer), show_salts);
}
void list_checkpoint_keys(Call call, Answer answer) {
  prove_in_pool(std::move(call), std::move(answer), list_keys);
}
void get_checkpoint_keys(Call call, Answer answer) {
  prove_in_pool(std::move(call), std::move(answer), list_keys_of_stream);
}
void rotate_checkpoint_key(Call call, Answer answer) {
  prove_in_pool(std::move(call), std::move(answer), rotate_signing_key);
}

}  // namespace strandline::server
