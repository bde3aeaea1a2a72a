#include "tools/resuming/export_file.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace strandline::tools {
namespace {

// What an interrupted export does again at most; as many bytes as cost little to fsync.
constexpr std::chrono::seconds kInterval{1};
constexpr uint64_t kIntervalBytes = 8 << 20;

struct Remembered {
  std::string what;
  ExportPlace place;
  uint64_t bytes = 0;
  std::string sha256;
};

std::string render_json(const rapidjson::Value& value) {
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  value.Accept(writer);
  return {text.GetString(), text.GetSize()};
}

std::string position_text(const Remembered& remembered) {
  std::string text =
      fmt::format("{{\"export\":{},\"stream\":{},\"bytes\":{},\"sha256\":\"{}\"", remembered.what,
                  remembered.place.stream, remembered.bytes, remembered.sha256);
  if (remembered.place.next) text += fmt::format(",\"next\":{}", *remembered.place.next);
  return text + fmt::format(",\"check\":\"{}\"}}\n", digest_of(text));
}

Result<Remembered> read_position(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  rapidjson::Document document;
  document.Parse(text.str().c_str());
  const auto is_number = [&](const char* name) {
    return document.HasMember(name) && document[name].IsUint64();
  };
  const auto no_position = [&](const char* why) {
    return fail(
        Code::exists,
        fmt::format("{} is not an export's position{}; --overwrite begins again", path, why));
  };
  if (document.HasParseError() || !document.IsObject() || !document.HasMember("export") ||
      !document["export"].IsObject() || !is_number("stream") || !is_number("bytes") ||
      (document.HasMember("next") && !is_number("next")) || !document.HasMember("sha256") ||
      !document["sha256"].IsString()) {
    return no_position("");
  }
  Remembered remembered{.what = render_json(document["export"]),
                        .place = {.stream = document["stream"].GetUint64()},
                        .bytes = document["bytes"].GetUint64(),
                        .sha256 = document["sha256"].GetString()};
  if (is_number("next")) remembered.place.next = document["next"].GetUint64();
  // A position that somebody changed would leave events out, or write them twice.
  if (position_text(remembered) != text.str())
    return no_position(" as it was written: it was changed");
  return remembered;
}

// Of a file's first bytes, which must be what was written there.
Result<Digest> digest_of_file(const std::string& path, const Remembered& remembered) {
  const auto other = [&](const std::string& why) {
    return fail(Code::exists, fmt::format("{} is not the file that {}.position belongs to: {}; "
                                          "--overwrite begins again",
                                          path, path, why));
  };
  std::ifstream file(path, std::ios::binary);
  Digest digest;
  std::string piece;
  for (uint64_t left = remembered.bytes; left > 0; left -= piece.size()) {
    piece.resize(std::min<uint64_t>(256 << 10, left));
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<size_t>(file.gcount()));
    if (piece.empty()) {
      return other(fmt::format("it has {} bytes of the {} that were written",
                               remembered.bytes - left, remembered.bytes));
    }
    digest.update(piece);
  }
  if (digest.hex() != remembered.sha256) {
    return other(fmt::format("its first {} bytes are others", remembered.bytes));
  }
  return digest;
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
                  fmt::format("{} holds part of another export than this one: that is {}, and "
                              "this is {}; go on with that one, or --overwrite it",
                              path, remembered.what, what));
    }
  } else if (!overwrite && std::filesystem::is_regular_file(path, error)) {
    return fail(Code::exists, fmt::format("{} is there already; --overwrite replaces it", path));
  }
  // A device or a pipe cannot be gone on with.
  const bool special =
      std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error);
  if (!special && overwrite) std::filesystem::remove(position_path, error);
  Digest digest;
  if (remembered.bytes > 0) {
    auto there = digest_of_file(path, remembered);
    if (!there) return std::unexpected(there.error());
    digest = std::move(*there);
  }
  auto output = Output::open(path, remembered.bytes);
  if (!output) return std::unexpected(output.error());
  output->keep(std::move(digest));
  ExportFile file(std::move(*output), special ? "" : position_path, what, remembered.place);
  if (auto kept = file.remember(remembered.place); !kept) return std::unexpected(kept.error());
  return file;
}

Status ExportFile::remember(const ExportPlace& place) {
  if (position_path_.empty()) return {};
  if (auto synced = output_.sync(); !synced) return synced;
  remembered_ = std::chrono::steady_clock::now();
  remembered_bytes_ = output_.bytes();
  return write_durably(
      position_path_,
      position_text(
          {.what = what_, .place = place, .bytes = output_.bytes(), .sha256 = output_.digest()}));
}

Status ExportFile::reached(const ExportPlace& place) {
  if (auto written = output_.written(); !written) return written;
  if (std::chrono::steady_clock::now() - remembered_ < kInterval &&
      output_.bytes() - remembered_bytes_ < kIntervalBytes) {
    return {};
  }
  return remember(place);
}

void ExportFile::give_up() {
  if (!position_path_.empty()) output_.cut(remembered_bytes_);
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
