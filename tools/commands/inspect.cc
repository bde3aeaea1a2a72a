// `strandline inspect`: a segment, a stored batch or a record, in words and in hex.
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <iostream>
#include <memory>

#include "tools/base/flags.h"
#include "tools/base/program.h"
#include "tools/client/exchange.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

constexpr char kFamilies[] = "events, streams, segments, consumers, producers, access or index";

struct InspectFlags {
  server::InspectionOf of;
  uint64_t segment = 0;
  std::string key;
  bool json = false;
};

uint8_t byte_at(std::string_view hex, size_t i) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  return static_cast<uint8_t>(digit(hex[2 * i]) * 16 + digit(hex[2 * i + 1]));
}

// 16 bytes a line: where they are, in hex, and as text.
void print_hex(std::string_view hex) {
  constexpr size_t kLine = 16;
  const size_t bytes = hex.size() / 2;
  for (size_t at = 0; at < bytes; at += kLine) {
    std::string line = fmt::format("  {:08x} ", at), text;
    for (size_t i = at; i < at + kLine; ++i) {
      if (i % 8 == 0) line += ' ';
      if (i >= bytes) {
        line += "   ";
        continue;
      }
      const uint8_t byte = byte_at(hex, i);
      line += fmt::format("{:02x} ", byte);
      text += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
    }
    std::cout << line << " |" << text << "|\n";
  }
}

void print_inspected(const rapidjson::Value& seen) {
  std::cout << text_of(seen, "what") << '\n';
  for (const rapidjson::Value& pair : array_of(seen, "words")) {
    if (!pair.IsArray() || pair.Size() != 2 || !pair[0].IsString() || !pair[1].IsString()) continue;
    std::cout << fmt::format("  {:<30} {}\n", pair[0].GetString(), pair[1].GetString());
  }
  const std::string_view key = text_of(seen, "key");
  if (!key.empty()) {
    std::cout << fmt::format("key, {} bytes, of the family {}\n", key.size() / 2,
                             text_of(seen, "family"));
    print_hex(key);
  }
  if (const std::string_view withheld = text_of(seen, "withheld"); !withheld.empty()) {
    std::cout << fmt::format("value: not shown, {}\n", withheld);
  } else if (seen.HasMember("value")) {
    const std::string_view value = text_of(seen, "value");
    const uint64_t bytes = number_of(seen, "value_bytes");
    std::cout << fmt::format(
        "value, {} bytes{}\n", bytes,
        value.size() / 2 < bytes
            ? fmt::format(", of which these are the first {}", value.size() / 2)
            : "");
    print_hex(value);
  }
}

int look(LogHandle& log, const InspectFlags& flags) {
  auto told = log.inspect(flags.of);
  if (!told) return failed(told.error());
  while (told->ends_with('\n')) told->pop_back();
  if (flags.json) {
    std::cout << *told << '\n';
    return kDone;
  }
  rapidjson::Document document;
  if (document.Parse(told->data(), told->size()).HasParseError() || !document.IsObject()) {
    return failed("the answer is not JSON; is it a Strandline server?");
  }
  if (!document.HasMember("keys")) {
    print_inspected(document);
    return kDone;
  }
  for (const rapidjson::Value& key : array_of(document, "keys")) {
    std::cout << key.GetString() << '\n';
  }
  if (const std::string_view next = text_of(document, "next"); !next.empty()) {
    std::cerr << fmt::format("strandline: more follow: --from {}\n", next);
  }
  return kDone;
}

}  // namespace

void add_inspect(Program& program) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App& all =
      program.add("inspect", "Show a segment, a stored batch or a record, in words and hex",
                  "  strandline inspect segment 1\n"
                  "  strandline inspect batch orders 17");
  all.require_subcommand(1);
  const auto on_run = [&](CLI::App& command, std::function<void(InspectFlags&)> prepare) {
    program.add_target_flags(command);
    command.add_flag("--json", flags->json, "as the API has it");
    program.on_run(command, [flags, &program, prepare = std::move(prepare)] {
      prepare(*flags);
      auto log = connect(program.settings(), Purpose::read);
      return log ? look(**log, *flags) : not_connected(log.error());
    });
  };
  CLI::App& segment = program.add(all, "segment", "A segment: its range, its files, its streams",
                                  "  strandline inspect segment 1 --data ./data");
  add_number(segment, "segment", flags->segment, "its number, as `stats --json` lists them")
      ->required();
  on_run(segment, [](InspectFlags& f) { f.of.segment = f.segment; });

  CLI::App& batch = program.add(all, "batch", "The stored batch that holds an offset of a stream",
                                "  strandline inspect batch orders 17");
  batch.add_option("stream", flags->of.stream, "its name")->required();
  add_number(batch, "offset", flags->of.offset, "an offset in the batch")->required();
  on_run(batch, [](InspectFlags&) {});

  CLI::App& key = program.add(all, "key", "The record under a key of the store",
                              "  strandline inspect key streams 010000000000000001");
  key.add_option("family", flags->of.family, kFamilies)->required();
  key.add_option("key", flags->key, "in hex; engine/FORMAT.md has the grammar")->required();
  on_run(key, [](InspectFlags& f) { f.of.key = f.key; });

  CLI::App& keys = program.add(all, "keys", "Keys of a family of the store, in hex",
                               "  strandline inspect keys consumers --limit 100");
  keys.add_option("family", flags->of.family, kFamilies)->required();
  keys.add_option("--from", flags->of.from, "the first key, in hex")->type_name("HEX");
  add_number(keys, "--limit", flags->of.limit, "at most N [20]", {1, 1'000});
  on_run(keys, [](InspectFlags&) {});
}

}  // namespace strandline::tools
