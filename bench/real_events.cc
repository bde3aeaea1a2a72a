#include "bench/real_events.h"

#include <fstream>
#include <map>

#include "bench/payload.h"
#include "bench/workload.h"
#include "server/wire/cloudevents.h"

namespace strandline::bench {
namespace {

constexpr size_t kIdBytes = 40;  // of a commit: SHA-1 in hexadecimal
constexpr char kHex[] = "0123456789abcdef";

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

std::vector<uint32_t> find_ids(std::string_view bytes) {
  std::vector<uint32_t> ids;
  size_t run = 0;
  for (size_t i = 0; i <= bytes.size(); ++i) {
    if (i < bytes.size() && is_hex(bytes[i])) {
      ++run;
      continue;
    }
    if (run == kIdBytes) ids.push_back(static_cast<uint32_t>(i - run));
    run = 0;
  }
  return ids;
}

// Another id, a function of the id and the pass.
void change_id(char* id, uint64_t pass) {
  uint64_t bits = 0;
  for (int i = 0; i < 16; ++i) {
    bits = bits << 4 | static_cast<uint64_t>(id[i] <= '9' ? id[i] - '0' : id[i] - 'a' + 10);
  }
  bits += pass * 0x9E3779B97F4A7C15ull;
  for (size_t i = 0; i < kIdBytes; ++i) {
    if (i % 16 == 0) bits = mixed(bits);
    id[i] = kHex[bits >> (4 * (i % 16)) & 15];
  }
}

}  // namespace

RealEvents::RealEvents(uint32_t batch_events) { load(batch_events); }

void RealEvents::load(uint32_t batch_events) {
  const std::filesystem::path checkout = STRANDLINE_SOURCE_DIR;
  const auto whole = checkout / "../shared/data/commits.ndjson.zst";
  const auto zstd = find_program("zstd");
  std::map<std::string, BatchBuilder> builders;
  const auto finish = [&](const std::string& stream, BatchBuilder& builder) {
    take(stream, must(builder.finish(), "a batch of real events"));
  };
  const auto add = [&](std::string_view line) {
    text_bytes_ += line.size() + 1;
    const auto parsed =
        server::parse_event(line, [&](std::string_view stream, const NewEvent& event) -> Status {
          const auto at = builders.try_emplace(std::string(stream)).first;
          if (auto added = at->second.add(event); !added) return added;
          if (at->second.count() == batch_events) finish(at->first, at->second);
          return {};
        });
    if (!parsed) throw Failure("real events: " + parsed.error().error.message);
  };
  if (zstd && std::filesystem::exists(whole)) {
    source_ = "shared/data/commits.ndjson.zst";
    Process reading({*zstd, "-dcq", whole.string()}, "/dev/null");
    while (const auto line = reading.line(60)) add(*line);
  } else {
    source_ = "tests/data/commits_sample.ndjson (the whole file is not there)";
    std::ifstream file(checkout / "tests/data/commits_sample.ndjson");
    for (std::string line; std::getline(file, line);) add(line);
  }
  for (auto& [stream, builder] : builders) {
    if (builder.count() > 0) finish(stream, builder);
  }
  if (templates_.empty()) throw Failure("there are no real events in " + source_);
}

void RealEvents::take(const std::string& stream, const Batch& batch) {
  events_ += batch.count();
  bytes_ += batch.bytes().size();
  templates_.push_back(
      {.stream = stream, .bytes = std::string(batch.bytes()), .ids = find_ids(batch.bytes())});
}

RealEvents::Next RealEvents::next() {
  const Template& from = templates_[at_];
  std::string bytes = from.bytes;
  if (pass_ > 0) {
    for (const uint32_t id : from.ids) change_id(bytes.data() + id, pass_);
  }
  if (++at_ == templates_.size()) {
    at_ = 0;
    ++pass_;
  }
  return {.stream = from.stream, .batch = must(Batch::verified(std::move(bytes)), "verify")};
}

}  // namespace strandline::bench
