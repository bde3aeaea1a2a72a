// POST and GET /v1/backups, POST /v1/backups/{backup}/verify, DELETE /v1/backups/{backup}.
//
// The directory is the operator's setting: no request names a path. Making and verifying go on
// behind the answer, which is 202; GET says how far they are.
#include <charconv>

#include "engine/backup/backups.h"
#include "server/connection/backup_runner.h"
#include "server/json/json_writer.h"
#include "server/routes/handlers.h"
#include "server/routes/json_body.h"
#include "server/wire/backup_json.h"

namespace strandline::server {
namespace {

void render_job(std::string& out, const BackupRunner::Job& job) {
  out += "{\"what\":\"";
  out += job.verifies ? "verify" : "backup";
  out += "\",\"running\":";
  out += job.ended ? "false" : "true";
  out += ",\"backup\":";
  if (job.backup > 0) {
    append_number(out, job.backup);
  } else {
    out += "null";
  }
  out += ",\"bytes\":";
  append_number(out, job.progress.bytes);
  out += ",\"bytes_all\":";
  append_number(out, job.progress.bytes_all);
  out += ",\"failed\":";
  if (job.failed.empty()) {
    out += "null";
  } else {
    render_string(out, job.failed);
  }
  out += ",\"faults\":";
  render_faults(out, job.faults);
  out += '}';
}

Response accepted(const BackupRunner& runner) {
  Response response{.status = 202};
  render_job(response.body, runner.job().value_or(BackupRunner::Job{}));
  response.body += '\n';
  return response;
}

std::optional<uint64_t> id_of(const std::string& name) {
  uint64_t id = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), id);
  return read.ec == std::errc() && read.ptr == name.data() + name.size() ? std::optional(id)
                                                                         : std::nullopt;
}

Response no_such_backup(const std::string& name) {
  return problem({.code = Code::not_found, .message = "no backup \"" + name + "\""},
                 Asked::reading);
}

Response show_backups(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  const BackupRunner& runner = call.service.backups;
  const auto directory = runner.directory();
  if (!directory) return problem(directory.error(), Asked::reading);
  std::vector<Backups::Listed> all;
  auto backups = Backups::open(call.service.log.options(), *directory, Backups::Use::look);
  if (backups) {
    auto listed = backups->list();
    if (!listed) return problem(listed.error(), Asked::reading);
    all = std::move(*listed);
  } else if (backups.error().code != Code::not_found) {
    return problem(backups.error(), Asked::reading);
  }
  Response response;
  std::string& out = response.body;
  out = "{\"directory\":";
  render_string(out, *directory);
  out += ",\"job\":";
  if (const auto job = runner.job()) {
    render_job(out, *job);
  } else {
    out += "null";
  }
  out += ",\"backups\":[";
  for (const Backups::Listed& one : all) {
    if (&one != all.data()) out += ',';
    render_backup(out, one);
  }
  out += "]}\n";
  return response;
}

}  // namespace

void create_backup(Call call, Answer answer) {
  Service& service = call.service;
  answer.block(service, [call = std::move(call)]() mutable {
    auto fields = take_object(call, {});
    if (!fields) return std::move(fields.error());
    BackupRunner& runner = call.service.backups;
    if (auto begun = runner.begin_backup(call.actor()); !begun) {
      return problem(begun.error(), Asked::changing);
    }
    return accepted(runner);
  });
}

void list_backups(Call call, Answer answer) {
  Service& service = call.service;
  answer.block(service, [call = std::move(call)]() mutable { return show_backups(call); });
}

void verify_backup(Call call, Answer answer) {
  Service& service = call.service;
  answer.block(service, [call = std::move(call)]() mutable {
    auto fields = take_object(call, {});
    if (!fields) return std::move(fields.error());
    const auto id = id_of(call.names[0]);
    if (!id) return no_such_backup(call.names[0]);
    BackupRunner& runner = call.service.backups;
    if (auto begun = runner.begin_verify(*id); !begun) {
      return problem(begun.error(), Asked::reading);
    }
    return accepted(runner);
  });
}

void delete_backup(Call call, Answer answer) {
  Service& service = call.service;
  answer.block(service, [call = std::move(call)]() mutable {
    if (auto none = call.query.allow({}); !none) return malformed(none.error());
    const auto id = id_of(call.names[0]);
    if (!id) return no_such_backup(call.names[0]);
    auto freed = call.service.backups.remove(*id, call.actor());
    if (!freed) return problem(freed.error(), Asked::changing);
    Response response;
    response.body = "{\"freed_bytes\":";
    append_number(response.body, *freed);
    response.body += "}\n";
    return response;
  });
}

}  // namespace strandline::server
