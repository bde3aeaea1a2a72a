// `strandline serve` as a process of its own, on a free port of the loopback, to be killed at will.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/http/http.h"
#include "tests/support/process/process.h"

namespace strandline::tests {

class ServerProcess {
 public:
  // Ready when this returns; throws with what it said otherwise. Port "0": any free one.
  explicit ServerProcess(const std::filesystem::path& data, std::vector<std::string> flags = {},
                         const std::string& port = "0");

  const Address& address() const { return address_; }
  HttpClient client() const { return HttpClient(address_); }
  Process& process() { return *process_; }
  void kill() { process_->kill_and_wait(); }
  int stop() {  // as an operator would; its exit code
    process_->signal(SIGTERM);
    return process_->wait();
  }

 private:
  std::unique_ptr<Process> process_;
  Address address_;
};

}  // namespace strandline::tests
