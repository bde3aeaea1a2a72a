#include "tests/support/log/directory.h"

#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace strandline::tests {

namespace fs = std::filesystem;

TemporaryDirectory::TemporaryDirectory() : TemporaryDirectory(fs::temp_directory_path()) {}

TemporaryDirectory::TemporaryDirectory(const fs::path& preferred) {
  std::string pattern = (preferred / "strandline-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    pattern = (fs::temp_directory_path() / "strandline-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  }
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<fs::path> files_below(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::vector<fs::path> files_below(const fs::path& directory, const std::string& suffix) {
  std::vector<fs::path> files = files_below(directory);
  std::erase_if(files, [&](const fs::path& f) { return !f.string().ends_with(suffix); });
  return files;
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

void write_file(const fs::path& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

void copy_live(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(from)) {
    std::error_code gone;
    if (entry.is_directory(gone)) {
      folders.push_back(entry.path());
    } else if (!gone) {
      const fs::path target = to / entry.path().filename();
      fs::copy_file(entry.path(), target, fs::copy_options::overwrite_existing, gone);
    }
  }
  for (const fs::path& folder : folders) copy_live(folder, to / folder.filename());
}

}  // namespace strandline::tests
