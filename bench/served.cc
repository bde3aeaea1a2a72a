#include "bench/served.h"

#include <signal.h>

#include <cstdlib>

#include "bench/load.h"
#include "bench/workload.h"

namespace strandline::bench {

namespace {

std::vector<std::string> serve_command(const std::filesystem::path& data,
                                       std::vector<std::string> flags) {
  flags.insert(flags.begin(),
               {STRANDLINE_PROGRAM, "serve", "--data", data.string(), "--listen", "127.0.0.1:0"});
  return flags;
}

}  // namespace

Served::Served(const std::filesystem::path& data, std::vector<std::string> flags)
    : process_(serve_command(data, std::move(flags)), data.string() + ".errors") {
  while (const auto line = process_.line(60)) {
    const size_t url = line->find("listening on http");
    if (url == std::string::npos) continue;
    port_ = static_cast<uint16_t>(std::atoi(line->c_str() + line->rfind(':') + 1));
    return;
  }
  throw Failure("strandline serve does not come up: " + process_.complaint());
}

uint64_t Served::metric(std::string_view name) const {
  const std::string body = "\n" + get(port_, "/metrics");
  const std::string line = "\n" + std::string(name) + " ";
  const size_t at = body.find(line);
  if (at == std::string::npos) throw Failure("/metrics has no " + std::string(name));
  return static_cast<uint64_t>(std::strtod(body.c_str() + at + line.size(), nullptr));
}

void Served::stop() { process_.stop(SIGTERM); }

}  // namespace strandline::bench
