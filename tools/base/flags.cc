#include "tools/base/flags.h"

namespace strandline::tools {

CLI::Option* add_number_flag(CLI::App& command, const std::string& name,
                             std::function<void(uint64_t)> take, const std::string& what,
                             server::Range allowed) {
  return command
      .add_option_function<std::string>(
          name,
          [name, allowed, take = std::move(take)](const std::string& text) {
            const auto number = server::read_number(text, allowed);
            if (!number) throw CLI::ValidationError(name, number.error());
            take(*number);
          },
          what)
      ->type_name("N");
}

CLI::Option* add_duration_flag(CLI::App& command, const std::string& name,
                               std::function<void(std::chrono::milliseconds)> take,
                               const std::string& what, server::Range allowed_ms) {
  return command
      .add_option_function<std::string>(
          name,
          [name, allowed_ms, take = std::move(take)](const std::string& text) {
            const auto duration = server::read_duration(text, allowed_ms);
            if (!duration) throw CLI::ValidationError(name, duration.error());
            take(*duration);
          },
          what)
      ->type_name("DURATION");
}

}  // namespace strandline::tools
