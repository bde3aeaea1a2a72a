// What is wrong with a command line, in one sentence that says what to write instead.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace strandline::tools {

// Of arguments (without the program's name) that `app` could not parse, and its own complaint.
std::string explain_usage(const CLI::App& app, const std::vector<std::string>& arguments,
                          const std::string& complaint);

}  // namespace strandline::tools
