#include "tests/support/process/server_process.h"

#include <regex>

namespace strandline::tests {

ServerProcess::ServerProcess(const std::filesystem::path& data, std::vector<std::string> flags,
                             const std::string& port) {
  std::vector<std::string> arguments = {STRANDLINE_PROGRAM, "serve",    "--data",
                                        data.string(),      "--listen", "127.0.0.1:" + port};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  process_ = std::make_unique<Process>(std::move(arguments));
  static const std::regex listening("listening on http(s?)://([0-9.]+):([0-9]+)");
  while (const auto line = process_->line()) {
    std::smatch found;
    if (std::regex_search(*line, found, listening)) {
      address_ = {found[2], found[3], found[1].length() > 0};
      return;
    }
  }
  const int exit = process_->wait();
  throw std::runtime_error("the server ended with " + std::to_string(exit) + ": " +
                           process_->errors());
}

}  // namespace strandline::tests
