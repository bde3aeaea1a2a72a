// The files that an export writes: one, or, where it is split, one after the other in a directory,
// with a manifest that says what each of them is.
//
// DIR/manifest.json names the form, what was exported, and each part that is finished: its file,
// bytes and SHA-256, its events, and from which place to which it goes. It is written, durably, as
// each part is finished, and says `"complete":true` at the end. An export that was cut off goes on
// in the part that it was in (export_file.h). *Errors*: as ExportFile. *Threads*: one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/base/compressor.h"
#include "tools/resuming/export_file.h"
#include "tools/resuming/export_form.h"

namespace strandline::tools {

class ExportParts {
 public:
  struct Settings {
    std::string path;  // a file, or "-", or, if it is split, a directory
    std::string what;  // see ExportFile
    std::optional<uint64_t> split_bytes = {};
    Compression compression = Compression::none;
    bool overwrite = false;
  };
  static Result<ExportParts> open(Settings settings, ExportForm& form);

  // Where to begin, or to go on.
  const ExportPlace& begin() const { return begin_; }
  bool resumed() const { return resumed_; }
  const std::string& name() const { return name_; }  // of the part that is written

  // Text goes here.
  std::string& buffer() { return compressor_ ? text_ : file_->buffer(); }
  // The buffer holds everything before this place, `events` of them since the last time.
  Status reached(const ExportPlace& place, uint64_t events);
  Status finish(const ExportPlace& place);
  void give_up() { file_->give_up(); }
  uint64_t bytes() const { return bytes_before_ + file_->bytes(); }

 private:
  struct Part {
    std::string file;
    uint64_t bytes = 0;
    std::string sha256;
    uint64_t events = 0;
    ExportPlace from;
    ExportPlace to;
  };

  ExportParts(Settings settings, ExportForm& form)
      : settings_(std::move(settings)),
        form_(&form),
        compressor_(Compressor::of(settings_.compression)) {}
  Status open_part(bool overwrite);
  Status settle();
  Status end_part(const ExportPlace& place);
  Status write_manifest(bool complete) const;
  Status read_manifest();
  std::string manifest() const { return settings_.path + "/manifest.json"; }

  Settings settings_;
  ExportForm* form_;
  std::unique_ptr<Compressor> compressor_;
  std::string text_;
  std::optional<ExportFile> file_;
  std::string name_;
  ExportPlace begin_;
  ExportPlace part_begin_;
  bool resumed_ = false;
  std::vector<Part> finished_;
  uint64_t bytes_before_ = 0;  // of the parts before
  uint64_t events_ = 0;        // in this part
};

}  // namespace strandline::tools
