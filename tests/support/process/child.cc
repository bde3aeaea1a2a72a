#include "tests/support/process/child.h"

#include <filesystem>
#include <iostream>
#include <thread>

#include "engine/log.h"
#include "tests/support/http/swarm.h"
#include "tests/support/log/members.h"
#include "tests/support/log/payload.h"

namespace strandline::tests {

namespace {

Options child_options() {
  Options options;
  options.batch_cache_bytes = 4 << 20;
  options.block_cache_bytes = 8 << 20;
  options.disk_reserve_bytes = 1 << 20;
  return options;
}

int append_and_count_until_killed(Log& log, const std::string& stream) {
  const auto info = log.describe(stream);
  for (Offset next = info ? info->tail : Offset{0};;) {
    const uint32_t count = 1 + hash_of(stream + std::to_string(next.value)) % 20;
    AppendMany both;
    both.parts.push_back({stream, batch(stream, next, count), next});
    both.commits.push_back({"counter", stream, next.value, next.value + count});
    const auto appended = log.append(std::move(both));
    if (!appended) {
      std::cout << appended.error().message + '\n' << std::flush;
      return 1;
    }
    next = appended->front().next;
    std::cout << "acknowledged " + stream + ' ' + std::to_string(appended->front().first.value) +
                     ' ' + std::to_string(next.value) + '\n'
              << std::flush;
  }
}

int append_until_killed(Log& log, const std::string& stream, Durability durability) {
  const auto info = log.describe(stream);
  for (Offset next = info ? info->tail : Offset{0};;) {
    const uint32_t count = 1 + hash_of(stream + std::to_string(next.value)) % 20;
    const auto appended = log.append(Append{.stream = stream,
                                            .batch = batch(stream, next, count),
                                            .expected = next,
                                            .durability = durability});
    if (!appended) {
      std::cout << appended.error().message << std::endl;
      return 1;
    }
    // One write a line, so that a kill never leaves half of one that was acknowledged.
    std::cout << "acknowledged " + stream + ' ' + std::to_string(appended->first.value) + ' ' +
                     std::to_string(appended->next.value) + '\n'
              << std::flush;
    next = appended->next;
  }
}

}  // namespace

int child(std::vector<std::string> arguments) {
  const std::string& what = arguments.at(0);
  if (what == "swarm") return swarm(arguments);
  auto log = Log::open(arguments.at(1), child_options());
  if (!log) {
    std::cout << name_of(log.error().code) << ": " << log.error().message << std::endl;
    return 1;
  }
  std::cout << "opened" << std::endl;
  if (what == "append") return append_until_killed(**log, arguments.at(2), Durability::fsync);
  if (what == "accepted") return append_until_killed(**log, arguments.at(2), Durability::accepted);
  if (what == "group") return members_until_killed(**log);
  if (what == "counting") {
    std::vector<std::jthread> members;
    for (int m = 0; m < 4; ++m) {
      members.emplace_back(append_and_count_until_killed, std::ref(**log),
                           arguments.at(2) + std::to_string(m));
    }
  }
  return 0;
}

std::vector<std::string> child_command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {std::filesystem::read_symlink("/proc/self/exe").string(), "--child"});
  return arguments;
}

}  // namespace strandline::tests
