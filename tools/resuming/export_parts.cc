#include "tools/resuming/export_parts.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/json/json_writer.h"
#include "tools/client/exchange.h"

namespace strandline::tools {
namespace {

namespace fs = std::filesystem;

// Compressed in pieces of this, so that memory stays flat.
constexpr size_t kTextBytes = 256 << 10;

std::string place_text(const ExportPlace& place) {
  std::string text = fmt::format("{{\"stream\":{}", place.stream);
  if (place.next) text += fmt::format(",\"next\":{}", *place.next);
  return text + "}";
}

ExportPlace place_in(const rapidjson::Value& part, const char* name) {
  ExportPlace place;
  if (!part.HasMember(name) || !part[name].IsObject()) return place;
  place.stream = number_of(part[name], "stream");
  if (part[name].HasMember("next")) place.next = number_of(part[name], "next");
  return place;
}

std::string compact(const rapidjson::Value& value) {
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  value.Accept(writer);
  return {text.GetString(), text.GetSize()};
}

}  // namespace

Result<ExportParts> ExportParts::open(Settings settings, ExportForm& form) {
  ExportParts parts(std::move(settings), form);
  const bool splits = parts.settings_.split_bytes.has_value();
  if (splits) {
    std::error_code error;
    fs::create_directories(parts.settings_.path, error);
    if (error) {
      return fail(Code::io, fmt::format("{}: {}", parts.settings_.path, error.message()));
    }
    if (parts.settings_.overwrite) {
      // What another export left would be read as this one's.
      for (const auto& entry : fs::directory_iterator(parts.settings_.path, error)) {
        const std::string name = entry.path().filename();
        if (name.starts_with("part-") || name == "manifest.json") fs::remove(entry.path(), error);
      }
    }
    if (auto read = parts.read_manifest(); !read) return std::unexpected(read.error());
  }
  if (auto opened = parts.open_part(parts.settings_.overwrite); !opened) {
    return std::unexpected(opened.error());
  }
  parts.begin_ = parts.file_->begin();
  parts.resumed_ = parts.file_->resumed();
  return parts;
}

Status ExportParts::open_part(bool overwrite) {
  name_ = settings_.path;
  if (settings_.split_bytes) {
    name_ += fmt::format("/part-{:05}{}{}", finished_.size() + 1, form_->suffix(),
                         suffix_of(settings_.compression));
  }
  auto file = ExportFile::open(name_, settings_.what, overwrite, part_begin_);
  if (!file) return std::unexpected(file.error());
  file_.emplace(std::move(*file));
  if (file_->bytes() == 0) form_->open(buffer());
  return {};
}

Status ExportParts::settle() {
  form_->settle(buffer());
  if (!compressor_) return {};
  if (auto ok = compressor_->add(text_, file_->buffer()); !ok) return ok;
  text_.clear();
  return compressor_->end(file_->buffer());
}

Status ExportParts::reached(const ExportPlace& place, uint64_t events) {
  events_ += events;
  if (compressor_ && text_.size() >= kTextBytes) {
    if (auto ok = compressor_->add(text_, file_->buffer()); !ok) return ok;
    text_.clear();
  }
  const bool full =
      settings_.split_bytes && file_->bytes() + text_.size() >= *settings_.split_bytes;
  if (full) {
    if (auto ended = end_part(place); !ended) return ended;
    part_begin_ = place;
    return open_part(false);
  }
  if (!file_->is_due()) return file_->written();
  if (auto settled = settle(); !settled) return settled;
  return file_->reached(place);
}

Status ExportParts::end_part(const ExportPlace& place) {
  if (auto settled = settle(); !settled) return settled;
  if (!settings_.split_bytes) return file_->finish();
  if (auto kept = file_->reached(place); !kept) return kept;
  if (auto synced = file_->sync(); !synced) return synced;
  finished_.push_back({.file = fs::path(name_).filename(),
                       .bytes = file_->bytes(),
                       .sha256 = file_->digest(),
                       .events = events_,
                       .from = part_begin_,
                       .to = place});
  // First in the manifest, and then without a position: so it is always known what it is.
  if (auto written = write_manifest(false); !written) return written;
  bytes_before_ += file_->bytes();
  events_ = 0;
  return file_->finish();
}

Status ExportParts::finish(const ExportPlace& place) {
  if (auto ended = end_part(place); !ended) return ended;
  return settings_.split_bytes ? write_manifest(true) : Status();
}

Status ExportParts::write_manifest(bool complete) const {
  std::string text = fmt::format("{{\"export\":{},\"compression\":\"{}\",\"parts\":[",
                                 settings_.what, name_of(settings_.compression));
  for (const Part& part : finished_) {
    if (&part != finished_.data()) text += ',';
    text += "\n{\"file\":";
    server::render_string(text, part.file);
    text += fmt::format(",\"bytes\":{},\"sha256\":\"{}\",\"events\":{},\"from\":{},\"to\":{}}}",
                        part.bytes, part.sha256, part.events, place_text(part.from),
                        place_text(part.to));
  }
  text += fmt::format("],\"complete\":{}}}\n", complete);
  return write_durably(manifest(), text);
}

Status ExportParts::read_manifest() {
  std::error_code error;
  if (!fs::exists(manifest(), error)) return {};
  std::ostringstream text;
  text << std::ifstream(manifest()).rdbuf();
  rapidjson::Document document;
  document.Parse(text.str().c_str());
  const auto refuse = [&](const std::string& why) {
    return fail(Code::exists, fmt::format("{}: {}; --overwrite begins again", manifest(), why));
  };
  if (document.HasParseError() || !document.IsObject() || !document.HasMember("export")) {
    return refuse("it is no manifest of an export");
  }
  if (compact(document["export"]) != settings_.what ||
      text_of(document, "compression") != name_of(settings_.compression)) {
    return refuse("another export than this one is there");
  }
  if (document.HasMember("complete") && document["complete"].IsTrue()) {
    return refuse("this export is there, and complete");
  }
  for (const rapidjson::Value& part : array_of(document, "parts")) {
    finished_.push_back({.file = std::string(text_of(part, "file")),
                         .bytes = number_of(part, "bytes"),
                         .sha256 = std::string(text_of(part, "sha256")),
                         .events = number_of(part, "events"),
                         .from = place_in(part, "from"),
                         .to = place_in(part, "to")});
    const Part& last = finished_.back();
    bytes_before_ += last.bytes;
    part_begin_ = last.to;
    const fs::path file = fs::path(settings_.path) / last.file;
    if (fs::file_size(file, error) != last.bytes || error) {
      return refuse(last.file + " is not what was written");
    }
    fs::remove(file.string() + ".position", error);
  }
  return {};
}

}  // namespace strandline::tools
