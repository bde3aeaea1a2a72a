#include "engine/writing/erasure_receipt.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/api/administration.h"
#include "engine/base/sha256.h"
#include "engine/state/log_state.h"

namespace strandline {
namespace {

// Streams that a receipt names, and runs of offsets: it is an event, which has its limit.
constexpr size_t kNamedMax = 1'000;
constexpr size_t kRunsToldMax = 10'000;

void put_text(std::string& out, std::string_view text) {
  out += fmt::format("{}:", text.size());
  out += text;
}

// The same for requests that mean the same, and of one that says less than the receipt does.
std::string canonical(const EraseRequest& request) {
  std::string out = request.data_only ? "data;" : "events;";
  out += request.select.kind == Selection::Kind::prefix ? "prefix;" : "streams;";
  std::vector<std::string> names = request.select.names;
  std::ranges::sort(names);
  for (const std::string& name : names) put_text(out, name);
  for (const OffsetRange& range : request.offsets) {
    out += fmt::format(";{}-{}", range.first.value, range.next.value);
  }
  for (const TextFilter* filter : {&request.filter.types, &request.filter.subjects}) {
    out += ';';
    for (const TextFilter::Pattern& pattern : filter->patterns()) {
      put_text(out, pattern.text);
      if (pattern.prefix) out += '*';
    }
  }
  const auto time = [](const std::optional<Timestamp>& at) {
    return at ? std::to_string(at->us) : std::string("-");
  };
  return out + fmt::format(";{};{}", time(request.stored_from), time(request.stored_before));
}

std::string hex_of(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

// [[first,next],...]
std::string offsets_of(const std::vector<ErasedRun>& runs) {
  std::string out;
  for (const ErasedRun& run : runs) {
    out += fmt::format("{}[{},{}]", out.empty() ? "" : ",", run.first.value,
                       (run.first + run.count).value);
  }
  return "[" + out + "]";
}

}  // namespace

std::string receipt_details(const LogState& log, const EraseRequest& request,
                            const SelectedEvents& selected) {
  std::string streams;
  size_t named = 0, told = 0;
  bool all = selected.of_stream.size() <= kNamedMax;
  for (const auto& [id, events] : selected.of_stream) {
    if (++named > kNamedMax) break;
    const std::vector<ErasedRun>& runs = selected.runs.at(id);
    std::string offsets;
    if (told + runs.size() <= kRunsToldMax) {
      told += runs.size();
      offsets = ",\"offsets\":" + offsets_of(runs);
    } else {
      all = false;
    }
    streams += fmt::format(R"({}{{"stream":{},"events":{}{}}})", streams.empty() ? "" : ",",
                           json_literal(log.streams.find(id)->name), events, offsets);
  }
  std::string salt(16, '\0');
  fill_random(reinterpret_cast<uint8_t*>(salt.data()), salt.size());
  const Digest digest = sha256(salt + canonical(request));
  return fmt::format(
      R"(,"what":"{}","events":{},"copies":{},"streams":[{}],"all_offsets":{},"why":{},)"
      R"("filter":{{"salt":"{}","sha256":"{}"}})",
      request.data_only ? "data" : "events", selected.events, selected.copies, streams, all,
      json_literal(request.reason), hex_of(salt), hex_of(bytes_of(digest)));
}

}  // namespace strandline
