#include "tools/connection/reading_flags.h"

#include "tools/base/place.h"

namespace strandline::tools {

void ReadingFlags::add_to(CLI::App& command) {
  command.add_option("stream", streams, "a stream, or several, read in the log's order");
  command.add_flag("--all", all, "every stream, in the log's order");
  command.add_option("--prefix", prefix, "the streams whose names begin so, in the log's order");
  // An empty shell variable does not mean the beginning.
  command.add_option("--from", from, kFromWhat)->check([](const std::string& text) {
    return text.empty() ? std::string("is empty: ") + kFromWhat : std::string();
  });
  command.add_option("--type", types, kTypeHelp);
  command.add_option("--subject", subjects, kSubjectHelp);
}

Result<ReadRequest> ReadingFlags::request(const From& from_default) const {
  const int ways = (streams.empty() ? 0 : 1) + (all ? 1 : 0) + (prefix.empty() ? 0 : 1);
  if (ways != 1) {
    return fail(Code::invalid, "name what to read: a stream (or several), --all, or --prefix");
  }
  for (const std::string& name : streams) {
    if (name == kAdminStream) continue;
    if (auto named = check_name(name, Limits()); !named) return std::unexpected(named.error());
  }
  ReadRequest request{.from = from_default, .types = types, .subjects = subjects};
  if (!from.empty()) {
    auto parsed = parse_from(from);
    if (!parsed) return std::unexpected(parsed.error());
    request.from = *parsed;
  }
  if (all) {
    request.select = Selection::all();
  } else if (!prefix.empty()) {
    request.select = Selection::prefix(prefix);
  } else if (streams.size() == 1) {
    request.select = Selection::stream(streams[0]);
  } else {
    request.select = Selection::list(streams);
  }
  return request;
}

}  // namespace strandline::tools
