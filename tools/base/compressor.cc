#include "tools/base/compressor.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <utility>

namespace strandline::tools {
namespace {

// Of zstd: as fast as a disk writes. Of gzip likewise; its own default takes three times as long.
constexpr int kZstdLevel = 1;
constexpr int kGzipLevel = 3;
constexpr size_t kOutBytes = 128 << 10;

class ZstdCompressor : public Compressor {
 public:
  ZstdCompressor() : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  Status add(std::string_view text, std::string& out) override {
    begun_ = begun_ || !text.empty();
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    while (in.pos < in.size) {
      if (auto ok = step(in, ZSTD_e_continue, out); !ok) return std::unexpected(ok.error());
    }
    return {};
  }
  Status end(std::string& out) override {
    if (!std::exchange(begun_, false)) return {};
    ZSTD_inBuffer in{nullptr, 0, 0};
    while (true) {
      auto left = step(in, ZSTD_e_end, out);
      if (!left) return std::unexpected(left.error());
      if (*left == 0) return {};
    }
  }

 private:
  Result<size_t> step(ZSTD_inBuffer& in, ZSTD_EndDirective directive, std::string& out) {
    const size_t before = out.size();
    out.resize(before + kOutBytes);
    ZSTD_outBuffer space{out.data() + before, kOutBytes, 0};
    const size_t left = ZSTD_compressStream2(context_.get(), &space, &in, directive);
    out.resize(before + space.pos);
    if (ZSTD_isError(left)) return fail(Code::io, fmt::format("zstd: {}", ZSTD_getErrorName(left)));
    return left;
  }

  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  bool begun_ = false;
};

class GzipCompressor : public Compressor {
 public:
  GzipCompressor() {
    constexpr int kGzipWindow = 15 + 16;
    deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
  }
  ~GzipCompressor() override { deflateEnd(&stream_); }

  Status add(std::string_view text, std::string& out) override {
    begun_ = begun_ || !text.empty();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    while (stream_.avail_in > 0) step(Z_NO_FLUSH, out);
    return {};
  }
  Status end(std::string& out) override {
    if (!std::exchange(begun_, false)) return {};
    while (step(Z_FINISH, out) != Z_STREAM_END) {
    }
    deflateReset(&stream_);
    return {};
  }

 private:
  int step(int flush, std::string& out) {
    const size_t before = out.size();
    out.resize(before + kOutBytes);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream_.avail_out = kOutBytes;
    const int told = deflate(&stream_, flush);
    out.resize(before + kOutBytes - stream_.avail_out);
    return told;
  }

  z_stream stream_ = {};
  bool begun_ = false;
};

}  // namespace

bool parse_compression(std::string_view text, Compression& compression) {
  for (const Compression one : {Compression::none, Compression::zstd, Compression::gzip}) {
    if (text != name_of(one)) continue;
    compression = one;
    return true;
  }
  return false;
}

const char* suffix_of(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "";
    case Compression::zstd:
      return ".zst";
    case Compression::gzip:
      return ".gz";
  }
  return "";
}

const char* name_of(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "none";
    case Compression::zstd:
      return "zstd";
    case Compression::gzip:
      return "gzip";
  }
  return "none";
}

std::unique_ptr<Compressor> Compressor::of(Compression compression) {
  if (compression == Compression::zstd) return std::make_unique<ZstdCompressor>();
  if (compression == Compression::gzip) return std::make_unique<GzipCompressor>();
  return nullptr;
}

}  // namespace strandline::tools
