// `strandline verify`: reads a directory whole, and checks every checksum.
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "engine/log.h"
#include "engine/proof/proof_file.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "tools/base/program.h"
#include "tools/base/progress.h"
#include "tools/connection/local_log.h"

namespace strandline::tools {
namespace {

constexpr char kVerifyExample[] =
    "  strandline verify --data ./data\n"
    "  strandline verify --proof 17.tlog-proof --key log.pub";

struct VerifyFlags {
  bool json = false;
  std::string proof, key, older;  // files
};

Result<std::string> text_of_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (in.bad() || !in.is_open()) return fail(Code::io, file + ": it cannot be read");
  return std::move(text).str();
}

// A line a key; all may have signed.
Result<std::vector<PublicKey>> keys_in(const std::string& file) {
  auto text = text_of_file(file);
  if (!text) return std::unexpected(std::move(text.error()));
  std::vector<PublicKey> keys;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    auto key = parse_public_key(line);
    if (!key) return fail(Code::invalid, file + ": " + key.error().message);
    keys.push_back(std::move(*key));
  }
  if (keys.empty()) return fail(Code::invalid, file + ": there is no key in it");
  return keys;
}

Result<std::string> outcome_of_proof(const VerifyFlags& flags) {
  const auto keys = keys_in(flags.key);
  if (!keys) return std::unexpected(keys.error());
  const auto text = text_of_file(flags.proof);
  if (!text) return std::unexpected(text.error());
  if (is_consistency_proof(*text)) {
    if (flags.older.empty()) {
      return fail(Code::invalid, "a proof of growth is held against --older CHECKPOINT");
    }
    const auto older = text_of_file(flags.older);
    if (!older) return std::unexpected(older.error());
    const auto proof = parse_consistency_proof(*text);
    if (!proof) return std::unexpected(proof.error());
    const auto now = verify_proof(*proof, *older, *keys);
    if (!now) return std::unexpected(now.error());
    return fmt::format("{}: the tree of {} events begins with that of {}", now->origin, now->size,
                       proof->from);
  }
  const auto proof = parse_proof(*text);
  if (!proof) return std::unexpected(proof.error());
  const auto checkpoint = verify_proof(*proof, *keys);
  if (!checkpoint) return std::unexpected(checkpoint.error());
  return fmt::format("{}: event {} is in the tree of {} events", checkpoint->origin, proof->index,
                     checkpoint->size);
}

// Needs no log.
int verify_file(const VerifyFlags& flags) {
  if (flags.key.empty()) return misused("--proof needs --key FILE: the log's public key");
  const auto outcome = outcome_of_proof(flags);
  if (!outcome) return failed(outcome.error());
  if (flags.json) {
    std::string out = "{\"proven\":";
    server::render_string(out, *outcome);
    std::cout << out << "}\n";
  } else {
    std::cout << *outcome << '\n';
  }
  return kDone;
}

int verify(const Settings& settings, const VerifyFlags& flags) {
  if (!flags.proof.empty()) return verify_file(flags);
  const bool json = flags.json;
  auto target = settings.target();
  if (!target) return misused(target.error().message);
  if (target->data.empty()) return misused("verify reads a directory: --data DIR");
  auto log = open_directory(target->data, Purpose::read);
  if (!log) return failed(log.error());
  Verified result;
  {
    Progress progress("verify", (*log)->durable_next().value);
    result = (*log)->verify([&](uint64_t events) { progress.update(events, events); });
  }
  if (json) {
    std::string out =
        fmt::format("{{\"streams\":{},\"batches\":{},\"events\":{},\"bytes\":{},\"findings\":[",
                    result.streams, result.batches, result.events, result.bytes);
    for (const Finding& finding : result.findings) {
      out += &finding == &result.findings[0] ? "{\"place\":" : ",{\"place\":";
      server::render_string(out, finding.place);
      out += ",\"what\":";
      server::render_string(out, finding.what);
      out += '}';
    }
    std::cout << out << "]}\n";
  } else {
    for (const Finding& finding : result.findings) {
      std::cout << finding.place << ": " << finding.what << '\n';
    }
    std::cout << fmt::format(
        "{} streams, {} batches, {} events, {} bytes: {}\n", result.streams, result.batches,
        result.events, result.bytes,
        result.findings.empty() ? "all sound" : fmt::format("{} findings", result.findings.size()));
  }
  return result.findings.empty() ? kDone : kFailed;
}

}  // namespace

void add_verify(Program& program) {
  auto flags = std::make_shared<VerifyFlags>();
  CLI::App& command =
      program.add("verify", "Read a directory whole and check every checksum; exit 1 on findings",
                  kVerifyExample);
  program.add_target_flags(command);
  command.add_flag("--json", flags->json, "the outcome as a JSON object");
  command
      .add_option("--proof", flags->proof,
                  "a proof in a file, which is verified in place of a directory: it needs no log")
      ->type_name("FILE");
  command
      .add_option("--key", flags->key,
                  "of a proof: a file with the log's public key, or several, a line each")
      ->type_name("FILE");
  command.add_option("--older", flags->older, "of a proof of growth: the older checkpoint")
      ->type_name("FILE");
  program.on_run(command, [flags, &program] { return verify(program.settings(), *flags); });
}

}  // namespace strandline::tools
