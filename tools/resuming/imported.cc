#include "tools/resuming/imported.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "engine/api/event_rules.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "tools/base/digest.h"
#include "tools/client/exchange.h"

namespace strandline::tools {
namespace {

namespace fs = std::filesystem;

// Of files of one name; what is left of older ones is found no more.
constexpr size_t kLedgersMax = 1'000;
// A position takes so much metadata, and what else is in it is short.
constexpr size_t kPathBytesMax = 3'000;

std::string absolute_path(const std::string& path) {
  std::error_code error;
  std::string real = fs::weakly_canonical(path, error).string();
  return error || real.size() > kPathBytesMax || !is_utf8(real) ? "" : real;
}

// Begins the names of all ledgers of files that are called so.
std::string prefix_of(const std::string& path, const std::string& stream) {
  std::string base = fs::path(path).filename().string();
  // A consumer's name is plain, and has a limit.
  if (!is_plain_text(base) || base.size() > 200) base = "file";
  return fmt::format("import/{}-{}", base, digest_of(stream).substr(0, 8));
}

struct Candidate {
  std::string name;
  Imported done;
  bool matches = false;
};

// Which of them the file begins with, all in one reading.
Status compare(const std::string& path, std::vector<Candidate>& candidates) {
  std::ranges::sort(candidates, {}, [](const Candidate& one) { return one.done.bytes; });
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::io, fmt::format("{}: cannot be read", path));
  Digest digest;
  uint64_t read = 0;
  std::string piece;
  for (Candidate& one : candidates) {
    while (read < one.done.bytes) {
      piece.resize(std::min<uint64_t>(256 << 10, one.done.bytes - read));
      file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
      piece.resize(static_cast<size_t>(file.gcount()));
      if (piece.empty()) return {};  // it is shorter than this one, and so than all others
      digest.update(piece);
      read += piece.size();
    }
    one.matches = digest.hex() == one.done.sha256;
  }
  return {};
}

// Another file of this name was imported, from a place where there still is one.
bool is_elsewhere(const Candidate& one, const std::string& real) {
  std::error_code error;
  return !one.done.path.empty() && one.done.path != real && fs::exists(one.done.path, error);
}

}  // namespace

std::string Imported::metadata() const {
  std::string out = fmt::format("{{\"lines\":{},\"sha256\":\"{}\"", lines, sha256);
  if (open) out += ",\"open\":true";
  out += fmt::format(",\"form\":\"{}\"", form);
  if (!stream.empty()) {
    out += ",\"stream\":";
    server::render_string(out, stream);
  }
  if (!path.empty()) {
    out += ",\"path\":";
    server::render_string(out, path);
  }
  return out + fmt::format(",\"first_line\":\"{}\"}}", first_line);
}

Result<Imported> Imported::parse(const ConsumerPosition& position) {
  Imported done{.bytes = position.next};
  rapidjson::Document document;
  document.Parse(position.metadata.data(), position.metadata.size());
  if (!document.HasParseError() && document.IsObject()) {
    done.lines = number_of(document, "lines");
    done.sha256 = text_of(document, "sha256");
    done.form = text_of(document, "form");
    done.stream = text_of(document, "stream");
    done.path = text_of(document, "path");
    done.first_line = text_of(document, "first_line");
    const auto open = document.FindMember("open");
    done.open = open != document.MemberEnd() && open->value.IsTrue();
  }
  if (done.bytes > 0 && (done.sha256.empty() || done.form.empty())) {
    return fail(
        Code::corrupt,
        fmt::format("the ledger \"{}\" does not say what was imported; `strandline consumers "
                    "rm {}` forgets it, and --name takes another",
                    position.consumer, position.consumer));
  }
  return done;
}

Result<Imported> find_ledger(LogHandle& log, const std::string& name) {
  const auto positions = log.positions(name, kLedgersMax);
  if (!positions) return std::unexpected(positions.error());
  for (const ConsumerPosition& position : *positions) {
    if (position.consumer == name && position.stream == kLedgerStream) {
      return Imported::parse(position);
    }
  }
  return Imported();
}

Result<Ledgers> find_ledger_of(LogHandle& log, const std::string& path, const std::string& stream,
                               std::string_view first_line) {
  const std::string prefix = prefix_of(path, stream);
  const std::string real = absolute_path(path);
  const auto positions = log.positions(prefix, kLedgersMax);
  if (!positions) return std::unexpected(positions.error());
  std::vector<Candidate> candidates;
  for (const ConsumerPosition& position : *positions) {
    if (position.stream != kLedgerStream || position.consumer.size() != prefix.size() + 8) continue;
    auto done = Imported::parse(position);
    if (done && done->bytes > 0) candidates.push_back({position.consumer, std::move(*done)});
  }
  if (auto compared = compare(path, candidates); !compared) {
    return std::unexpected(compared.error());
  }
  // The one that came farthest; of several, the file's own.
  const Candidate* found = nullptr;
  for (const Candidate& one : candidates) {
    if (!one.matches || is_elsewhere(one, real)) continue;
    if (!found || found->done.path != real || one.done.path == real) found = &one;
  }
  const std::string first = digest_of(first_line);
  if (found) {
    Ledgers known{found->name, found->done, {}};
    known.done.path = real;
    known.done.first_line = first;
    return known;
  }
  Ledgers fresh{.done = {.path = real, .first_line = first}};
  for (const Candidate& one : candidates) {
    if (one.done.path == real && one.done.first_line == first) {
      return fail(
          Code::conflict,
          fmt::format("{} was imported before, {} lines of it, and these have been changed, "
                      "or it is another file that begins with the same line: nothing is "
                      "imported. --name NAME imports it whole, with a ledger of that name",
                      path, one.done.lines));
    }
    fresh.note = fmt::format(
        "{} is not the file of this name that was imported before: it is "
        "imported from its first line",
        path);
  }
  for (int attempt = 0;; ++attempt) {
    fresh.name = prefix + digest_of(fmt::format("{}\n{}\n{}", real, first, attempt)).substr(0, 8);
    if (std::ranges::find(candidates, fresh.name, &Candidate::name) == candidates.end()) {
      return fresh;
    }
  }
}

}  // namespace strandline::tools
