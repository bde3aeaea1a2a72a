// The hex of FORMAT.md's examples: as it is printed there, and as it is found there.
#pragma once

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace strandline::tests {

// Groups of 8 bytes, four to a line.
inline std::string hex(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(bytes[i]));
    if (i > 0 && i % 8 == 0) out += i % 32 == 0 ? "\n    " : " ";
    out += digits;
  }
  return out;
}

// The contents of the fenced block that begins with a line.
inline std::string example_of(const std::string& file, std::string_view open = "```hex\n") {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  const size_t begin = all.find(open);
  if (begin == std::string::npos) return "";
  const size_t end = all.find("```", begin + open.size());
  return all.substr(begin + open.size(), end - begin - open.size());
}

}  // namespace strandline::tests
