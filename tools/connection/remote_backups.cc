// Backups behind a server: RemoteLog's share of them.
#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <thread>

#include "tools/base/interrupt.h"
#include "tools/connection/remote_log.h"

namespace strandline::tools {
namespace {

constexpr std::chrono::milliseconds kPollInterval{200};

std::string text_of_json(const rapidjson::Value& value) {
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  value.Accept(writer);
  return {text.GetString(), text.GetSize()};
}

}  // namespace

Result<std::string> RemoteLog::wait_for_job(std::string target, const BackupRequest& request) {
  auto begun = ask("POST", std::move(target), "{}");
  if (!begun) return std::unexpected(begun.error());
  while (true) {
    auto state = get("/v1/backups");
    if (!state) return std::unexpected(state.error());
    if (!state->IsObject() || !state->HasMember("job") || !(*state)["job"].IsObject()) {
      return fail(Code::io, "the server was started anew, and its job is lost");
    }
    const rapidjson::Value& job = (*state)["job"];
    const BackupProgress progress{.bytes = number_of(job, "bytes"),
                                  .bytes_all = number_of(job, "bytes_all")};
    const bool goes_on = !request.progress || request.progress(progress);
    if (job.HasMember("running") && job["running"].IsTrue()) {
      // What the server does, it goes on with.
      if (!goes_on) return fail(Code::closed, "interrupted; the server goes on by itself");
      std::this_thread::sleep_for(kPollInterval);
      continue;
    }
    if (job.HasMember("failed") && job["failed"].IsString()) {
      return fail(Code::io, std::string(text_of(job, "failed")));
    }
    if (text_of(job, "what") == "verify") return text_of_json(job);
    for (const rapidjson::Value& one : array_of(*state, "backups")) {
      if (number_of(one, "backup") == number_of(job, "backup")) return text_of_json(one);
    }
    return text_of_json(job);
  }
}

Result<std::string> RemoteLog::backup(BackupRequest request) {
  return wait_for_job("/v1/backups", request);
}

Result<std::string> RemoteLog::backups() {
  auto answer = exchange_.send({.target = "/v1/backups"});
  if (!answer) return std::unexpected(answer.error());
  return std::move(answer->body);
}

Result<std::string> RemoteLog::verify_backup(uint64_t backup, BackupRequest request) {
  return wait_for_job(fmt::format("/v1/backups/{}/verify", backup), request);
}

Result<std::string> RemoteLog::remove_backup(uint64_t backup) {
  auto answer =
      exchange_.send({.method = "DELETE", .target = fmt::format("/v1/backups/{}", backup)});
  if (!answer) return std::unexpected(answer.error());
  return std::move(answer->body);
}

}  // namespace strandline::tools
