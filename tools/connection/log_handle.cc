#include "tools/connection/log_handle.h"

#include <algorithm>
#include <cstdlib>

#include "server/base/secret_file.h"
#include "tools/connection/local_log.h"
#include "tools/connection/remote_log.h"

namespace strandline::tools {

namespace {

// What a server is shown: of the file, or of the environment, because whoever lists processes reads
// their arguments. Empty: nothing.
Result<std::string> token_of(const Settings& settings) {
  const std::string& file = settings.text("client", "token_file");
  if (!file.empty()) return server::read_secret_file(file);
  const char* token = std::getenv("STRANDLINE_TOKEN");
  if (!token || !*token) return "";
  const std::string_view text = token;
  if (std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; })) return token;
  return fail(Code::invalid, "STRANDLINE_TOKEN has spaces or other characters that no secret has");
}

}  // namespace

Result<std::unique_ptr<LogHandle>> connect(const Settings& settings, Purpose purpose) {
  auto target = settings.target();
  if (!target) return std::unexpected(target.error());
  if (!target->data.empty()) {
    return open_local(target->data, purpose, settings.truth("serve", "record_administration"));
  }
  auto token = token_of(settings);
  if (!token) return std::unexpected(token.error());
  return open_remote(target->server, {std::move(target->trust), std::move(*token)}, purpose);
}

}  // namespace strandline::tools
