#include "bench/served.h"

#include <signal.h>

#include <cstdlib>

#include "bench/load.h"
#include "bench/workload.h"

namespace strandline::bench {

Served::Served(const std::filesystem::path& data)
    : process_({STRANDLINE_PROGRAM, "serve", "--data", data.string(), "--listen", "127.0.0.1:0"},
               data.string() + ".errors") {
  while (const auto line = process_.line(60)) {
    const size_t url = line->find("listening on http://");
    if (url == std::string::npos) continue;
    port_ = static_cast<uint16_t>(std::atoi(line->c_str() + line->rfind(':') + 1));
    return;
  }
  throw Failure("strandline serve does not come up: " + process_.complaint());
}

uint64_t Served::info(std::string_view name) const {
  const std::string body = get(port_, "/v1/info");
  const std::string member = '"' + std::string(name) + "\":";
  const size_t at = body.find(member);
  if (at == std::string::npos) throw Failure("/v1/info has no " + std::string(name));
  return std::strtoull(body.c_str() + at + member.size(), nullptr, 10);
}

void Served::stop() { process_.stop(SIGTERM); }

}  // namespace strandline::bench
