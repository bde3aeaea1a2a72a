#include "tests/support/process/process_facts.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace strandline::tests {

size_t memory_bytes(pid_t process, const std::string& which) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(which + ":")) return std::stoul(line.substr(which.size() + 1)) * 1024;
  }
  throw std::runtime_error("no " + which + " of process " + std::to_string(process));
}

size_t open_files(pid_t process) {
  size_t count = 0;
  for (const auto& file :
       std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd")) {
    count += file.exists() || file.is_symlink() ? 1 : 0;
  }
  return count;
}

}  // namespace strandline::tests
