#include "tools/export_file.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/cloudevents.h"

namespace strandline::tools {
namespace {

// What an interrupted export does again at most; as many bytes as cost little to fsync.
constexpr std::chrono::seconds kInterval{1};
constexpr uint64_t kIntervalBytes = 8 << 20;

struct Remembered {
  std::string what;
  ExportPlace place;
  uint64_t bytes = 0;
};

Result<Remembered> read_position(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  rapidjson::Document document;
  document.Parse(text.str().c_str());
  const auto is_number = [&](const char* name) {
    return document.HasMember(name) && document[name].IsUint64();
  };
  if (document.HasParseError() || !document.IsObject() || !document.HasMember("what") ||
      !document["what"].IsString() || !is_number("stream") || !is_number("bytes")) {
    return fail(Code::io,
                fmt::format("{} is not an export's position; --overwrite begins again", path));
  }
  Remembered remembered{.what = document["what"].GetString(),
                        .place = {.stream = document["stream"].GetUint64()},
                        .bytes = document["bytes"].GetUint64()};
  if (is_number("next")) remembered.place.next = document["next"].GetUint64();
  return remembered;
}

}  // namespace

Result<ExportFile> ExportFile::open(const std::string& path, const std::string& what,
                                    bool overwrite) {
  if (path == "-") return ExportFile(Output(), "", what, {});
  const std::string position_path = path + ".position";
  Remembered remembered;
  std::error_code error;
  if (!overwrite && std::filesystem::exists(position_path, error)) {
    auto read = read_position(position_path);
    if (!read) return std::unexpected(read.error());
    remembered = std::move(*read);
    if (remembered.what != what) {
      return fail(Code::exists,
                  fmt::format("{} holds part of another export ({}); go on with that one, "
                              "or --overwrite it",
                              path, remembered.what));
    }
  } else if (!overwrite && std::filesystem::is_regular_file(path, error)) {
    return fail(Code::exists, fmt::format("{} is there already; --overwrite replaces it", path));
  }
  // A device or a pipe cannot be gone on with.
  const bool special =
      std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error);
  if (!special && overwrite) std::filesystem::remove(position_path, error);
  auto output = Output::open(path, remembered.bytes);
  if (!output) return std::unexpected(output.error());
  ExportFile file(std::move(*output), special ? "" : position_path, what, remembered.place);
  if (auto kept = file.remember(remembered.place); !kept) return std::unexpected(kept.error());
  return file;
}

Status ExportFile::remember(const ExportPlace& place) {
  if (position_path_.empty()) return {};
  if (auto synced = output_.sync(); !synced) return synced;
  std::string text = "{\"what\":";
  server::render_string(text, what_);
  text += fmt::format(",\"stream\":{},\"bytes\":{}", place.stream, output_.bytes());
  if (place.next) text += fmt::format(",\"next\":{}", *place.next);
  remembered_ = std::chrono::steady_clock::now();
  remembered_bytes_ = output_.bytes();
  return write_durably(position_path_, text + "}\n");
}

Status ExportFile::reached(const ExportPlace& place) {
  if (auto written = output_.written(); !written) return written;
  if (std::chrono::steady_clock::now() - remembered_ < kInterval &&
      output_.bytes() - remembered_bytes_ < kIntervalBytes) {
    return {};
  }
  return remember(place);
}

Status ExportFile::finish() {
  if (position_path_.empty()) return output_.flush();
  if (auto synced = output_.sync(); !synced) return synced;
  std::error_code error;
  std::filesystem::remove(position_path_, error);
  if (error) return fail(Code::io, fmt::format("{}: {}", position_path_, error.message()));
  return {};
}

}  // namespace strandline::tools
