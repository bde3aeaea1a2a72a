// What the texts of settings must be: each answers the text as it is kept, or a sentence.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace strandline::tools {

using Checked = std::expected<std::string, std::string>;

Checked listen_addresses(std::string_view text);
Checked server_url(std::string_view text);
Checked authority_names(std::string_view text);
Checked origins(std::string_view text);
Checked proxies(std::string_view text);
Checked quota_of_each(std::string_view text);
Checked use_of_certificates(std::string_view text);
Checked live_rules(std::string_view text);
Checked level_of_log(std::string_view text);

}  // namespace strandline::tools
