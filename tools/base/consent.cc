#include "tools/base/consent.h"

#include <unistd.h>

#include <iostream>

#include "server/json/json_writer.h"
#include "tools/base/exit_code.h"

namespace strandline::tools {

void Consent::add_to(CLI::App& command) {
  command.add_flag("--yes,-y", yes_, "do it without asking; a script needs it");
  command.add_flag("--dry-run", dry_run_, "only say what would be done");
}

std::optional<int> Consent::ask(const std::string& what, bool json) const {
  if (dry_run_) {
    if (json) {
      std::string out = "{\"dry_run\":true,\"would\":";
      server::render_string(out, what);
      std::cout << out << "}\n";
    } else {
      std::cout << "dry run: this " << what << ". Nothing was done\n";
    }
    return kDone;
  }
  std::cerr << "strandline: this " << what << '\n';
  if (yes_) return std::nullopt;
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) {
    std::cerr << "strandline: nothing was done: add --yes to do it, or --dry-run to only look\n";
    return kUsage;
  }
  std::cerr << "Go on? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return std::nullopt;
  std::cerr << "strandline: nothing was done\n";
  return kRefused;
}

}  // namespace strandline::tools
