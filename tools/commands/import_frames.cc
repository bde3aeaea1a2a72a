#include "tools/commands/import_frames.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "engine/api/event_rules.h"
#include "schemas/frame.h"
#include "tools/base/digest.h"
#include "tools/base/program.h"
#include "tools/base/progress.h"
#include "tools/connection/log_handle.h"
#include "tools/resuming/imported.h"
#include "tools/resuming/ledger.h"

namespace strandline::tools {
namespace {

constexpr size_t kFramesReadBytes = 1 << 20;
constexpr size_t kFramesAtOnceBytes = 1 << 20;
// The largest batch, its name and its head.
constexpr size_t kFrameBytesMax = (8 << 20) + (64 << 10);

// The frames of a file, one after the other.
class FrameFile {
 public:
  explicit FrameFile(const std::string& path) : file_(path, std::ios::binary), path_(path) {}

  // Nothing: the end. The frame lives until the next call.
  Result<std::optional<schema::Frame>> next() {
    buffer_.erase(0, std::exchange(parsed_, 0));
    while (true) {
      if (const auto frame = schema::parse_frame(buffer_)) {
        parsed_ = frame->head.bytes;
        raw_ = std::string_view(buffer_).substr(0, parsed_);
        bytes_ += parsed_;
        return frame;
      }
      if (buffer_.size() > kFrameBytesMax) break;
      const size_t before = buffer_.size();
      buffer_.resize(before + kFramesReadBytes);
      file_.read(buffer_.data() + before, kFramesReadBytes);
      buffer_.resize(before + static_cast<size_t>(file_.gcount()));
      if (file_.bad()) return fail(Code::io, path_ + ": it cannot be read");
      if (buffer_.empty()) return std::optional<schema::Frame>();
      if (buffer_.size() == before) break;
    }
    return fail(Code::invalid, fmt::format("{}, byte {}: there is no whole frame", path_, bytes_));
  }
  std::string_view raw() const { return raw_; }
  uint64_t bytes() const { return bytes_; }  // of the frames so far

 private:
  std::ifstream file_;
  const std::string path_;
  std::string buffer_;
  size_t parsed_ = 0;
  std::string_view raw_;
  uint64_t bytes_ = 0;
};

class FrameImporter {
 public:
  FrameImporter(LogHandle& log, const FramesImport& request, Ledgers ledger)
      : request_(request),
        frames_(request.file),
        skip_(ledger.done.bytes),
        read_(ledger.done),
        ledger_(log, ledger.name, std::move(ledger.done), request.patience) {}

  int run() {
    std::error_code error;
    Progress progress("import", std::filesystem::file_size(request_.file, error));
    read_.bytes = read_.lines = 0;
    while (true) {
      auto frame = frames_.next();
      if (!frame) return stop(frame.error());
      if (!*frame) break;
      const bool passed = frames_.bytes() <= skip_;
      if (!passed) {
        if (auto added = add(**frame); !added) return stop(added.error());
      }
      digest_.update(frames_.raw());
      read_.bytes = frames_.bytes();
      ++read_.lines;
      if (frames_.bytes() == skip_ && digest_.hex() != read_.sha256) return changed();
      if (frames_.bytes() > skip_ && read_.bytes - (**frame).head.bytes < skip_) return changed();
      if (gathered_ >= kFramesAtOnceBytes) {
        if (auto applied = apply(); !applied) return stop(applied.error());
      }
      progress.update(read_.bytes, events_);
    }
    if (frames_.bytes() < skip_) return changed();
    if (auto applied = apply(); !applied) return stop(applied.error());
    if (auto settled = ledger_.settle(); !settled) return stop(settled.error());
    if (gaps_ > 0) std::cerr << fmt::format("strandline: {} gaps are left out\n", gaps_);
    std::cout << (request_.json
                      ? fmt::format("{{\"frames\":{},\"events\":{}}}\n", read_.lines, events_)
                      : fmt::format("imported {} events of {} frames\n", events_, read_.lines));
    return kDone;
  }

 private:
  Status add(const schema::Frame& frame) {
    if (frame.head.kind == schema::FrameKind::gap) ++gaps_;
    if (frame.head.kind != schema::FrameKind::batch || frame.name == kAdminStream) return {};
    const std::string stream = request_.stream.empty() ? std::string(frame.name) : request_.stream;
    if (auto named = check_name(stream, Limits()); !named) return named;
    auto batch = Batch::verified(std::string(frame.payload), limits_of_stored());
    if (!batch) return std::unexpected(batch.error());
    gathered_ += frame.payload.size();
    events_ += batch->count();
    parts_.push_back({.stream = stream, .batch = std::move(*batch)});
    return {};
  }
  Status apply() {
    if (parts_.empty()) return {};
    gathered_ = 0;
    read_.sha256 = digest_.hex();
    return ledger_.apply(std::exchange(parts_, {}), read_);
  }
  int changed() {
    return failed(
        Error{.code = Code::conflict,
              .message = request_.file +
                         " does not begin with the frames that were imported before: it "
                         "is another file, or was changed; --name NAME imports it whole"});
  }
  int stop(const Error& error) {
    Status before = apply();
    if (before) before = ledger_.settle();
    return failed(Error{.code = error.code,
                        .message = fmt::format("{}; the first {} bytes are imported; run it again "
                                               "to go on",
                                               error.message, ledger_.applied().bytes)});
  }

  const FramesImport& request_;
  FrameFile frames_;
  const uint64_t skip_;  // bytes that earlier runs imported
  Imported read_;
  Ledger ledger_;
  Digest digest_;
  std::vector<AppendMany::Part> parts_;
  size_t gathered_ = 0;
  uint64_t events_ = 0;
  uint64_t gaps_ = 0;
};

}  // namespace

int import_frames(const Settings& settings, const FramesImport& request) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(request.file, error)) {
    return misused(request.file + ": frames are imported from a regular file");
  }
  FrameFile first(request.file);
  auto frame = first.next();
  if (!frame) return failed(frame.error());
  auto log = connect(settings, Purpose::create);
  if (!log) return not_connected(log.error());
  Ledgers ledger{.name = "import/" + request.name};
  if (request.name.empty()) {
    auto found = find_ledger_of(**log, request.file, request.stream, first.raw());
    if (!found) return failed(found.error());
    ledger = std::move(*found);
  } else {
    auto done = find_ledger(**log, ledger.name);
    if (!done) return failed(done.error());
    ledger.done = std::move(*done);
  }
  if (auto same = take_up(**log, "frames", request.stream, ledger); !same) {
    return failed(same.error());
  }
  return FrameImporter(**log, request, std::move(ledger)).run();
}

}  // namespace strandline::tools
