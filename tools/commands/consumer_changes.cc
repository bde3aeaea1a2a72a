#include "tools/commands/consumer_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "server/json/json_writer.h"
#include "tools/base/program.h"
#include "tools/commands/consumer_table.h"

namespace strandline::tools {
namespace {

// The committed positions of one reader.
Result<std::vector<ConsumerPosition>> positions_of(LogHandle& log, const std::string& name) {
  constexpr size_t kPositions = 10'000;
  auto positions = log.positions(name, kPositions);
  if (!positions) return positions;
  std::erase_if(*positions, [&](const ConsumerPosition& one) { return one.consumer != name; });
  return positions;
}

std::string standing_of(const ConsumerInfo& info) {
  return fmt::format("position {}, {} unacked, {} members", info.position, info.unacked,
                     info.members);
}

}  // namespace

int reset_consumer(LogHandle& log, const std::string& name, const From& from,
                   const std::string& from_text, const Consent& consent, bool json) {
  const auto named = log.describe_consumer(name);
  if (!named && named.error().code == Code::not_found) {
    auto there = positions_of(log, name);
    if (!there) return failed(there.error());
    if (!there->empty()) {
      const auto what = fmt::format("moves {} committed positions of the reader \"{}\" to {}",
                                    there->size(), name, from_text);
      if (const auto end = consent.ask(what, json)) return *end;
    } else if (consent.is_dry_run()) {
      return failed(named.error());
    }
    auto positions = log.reset_positions(name, from);
    if (!positions) return failed(positions.error());
    print(*positions, json);
    return kDone;
  }
  if (!named) return failed(named.error());
  const auto what = fmt::format(
      "moves the consumer \"{}\" ({}) to {}; it forgets which events are done, and its members "
      "join again",
      name, standing_of(*named), from_text);
  if (const auto end = consent.ask(what, json)) return *end;
  auto info = log.reset_consumer(name, from);
  if (!info) return failed(info.error());
  print(std::vector<ConsumerInfo>{*info}, json);
  return kDone;
}

int remove_consumer(LogHandle& log, const std::string& name, const Consent& consent, bool json) {
  const auto named = log.describe_consumer(name);
  if (!named && named.error().code != Code::not_found) return failed(named.error());
  std::string what;
  if (named) {
    what = fmt::format("deletes the consumer \"{}\" ({}); its dead letters stay", name,
                       standing_of(*named));
  } else {
    const auto there = positions_of(log, name);
    if (!there) return failed(there.error());
    if (there->empty()) return failed(named.error());
    what = fmt::format("deletes {} committed positions of the reader \"{}\"", there->size(), name);
  }
  if (const auto end = consent.ask(what, json)) return *end;
  const auto removed = log.delete_consumer(name);
  if (!removed) return failed(removed.error());
  if (json) {
    std::string out = "{\"consumer\":";
    server::render_string(out, name);
    std::cout << out << ",\"removed\":true}\n";
  }
  return kDone;
}

}  // namespace strandline::tools
