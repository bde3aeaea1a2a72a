// The configuration: a TOML file under flags, and the flags by which a command says what it reads.
// What is loaded is the same after `--print-config` printed it.
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "engine/api/event_rules.h"
#include "engine/base/check.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "tools/base/settings.h"
#include "tools/connection/reading_flags.h"

namespace strandline::tools {
namespace {

// A file in memory, which Settings opens by its name as it opens any.
class File {
 public:
  explicit File(std::string_view text) : descriptor_(memfd_create("settings", MFD_CLOEXEC)) {
    CHECK_GE(descriptor_, 0);
    CHECK_EQ(write(descriptor_, text.data(), text.size()), ssize_t(text.size()));
  }
  ~File() { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  const int descriptor_;
};

std::optional<Settings> load(std::string_view flags, std::string_view toml) {
  Settings settings;
  fuzz::Input lines(flags);
  while (!lines.rest().empty()) {
    fuzz::Input line(lines.up_to('\n'));
    const std::string_view name = line.up_to('=');
    for (const SettingKey& key : Settings::keys()) {
      if (key.name == name) settings.flag(key, std::string(line.rest()));
    }
  }
  const File file(toml);
  if (const auto loaded = settings.load(file.path()); !loaded) {
    CHECK_TRUE(!loaded.error().message.empty());
    return std::nullopt;
  }
  return settings;
}

void check_settings(std::string_view flags, std::string_view toml) {
  const auto settings = load(flags, toml);
  if (!settings) return;
  (void)settings->target();
  // TOML is UTF-8; a flag may be any bytes.
  if (!is_utf8(flags)) return;
  const std::string printed = settings->render("serve") + settings->render("client");
  const auto again = load("", printed);
  CHECK_TRUE(again);
  for (const SettingKey& key : Settings::keys()) {
    CHECK_EQ(again->text(key.table, key.name), settings->text(key.table, key.name));
    if (key.kind == SettingKey::Kind::number) (void)settings->number(key.table, key.name);
    if (key.kind == SettingKey::Kind::truth) (void)settings->truth(key.table, key.name);
  }
}

// A word a line, as the shell would hand them over.
void check_reading_flags(std::string_view text) {
  std::vector<std::string> words;
  fuzz::Input lines(text);
  while (!lines.rest().empty()) words.emplace_back(lines.up_to('\n'));
  std::reverse(words.begin(), words.end());
  CLI::App command;
  ReadingFlags flags;
  flags.add_to(command);
  try {
    command.parse(words);
  } catch (const CLI::Error&) {
    return;
  }
  const auto request = flags.request(From::earliest());
  if (!request) {
    CHECK_TRUE(!request.error().message.empty());
    return;
  }
  const bool names = request->select.kind != Selection::Kind::all;
  CHECK_EQ(request->select.names.empty(), !names);
}

}  // namespace
}  // namespace strandline::tools

FUZZ_TARGET(configuration) {
  using namespace strandline::tools;
  strandline::fuzz::Input input(bytes);
  if (input.byte() & 1) return check_reading_flags(input.rest());
  const std::string_view flags = input.up_to('\0');
  check_settings(flags, input.rest());
}
