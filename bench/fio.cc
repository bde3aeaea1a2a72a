#include "bench/fio.h"

#include <cmath>
#include <cstdlib>

#include "bench/peers.h"
#include "bench/process.h"

namespace strandline::bench {
namespace {

// The number after `name` that comes first behind `from` in fio's JSON.
double number_after(const std::string& json, std::string_view name, size_t from = 0) {
  const size_t at = json.find("\"" + std::string(name) + "\" : ", from);
  if (at == std::string::npos) throw Failure("fio's output has no " + std::string(name));
  return std::strtod(json.c_str() + at + name.size() + 5, nullptr);
}

}  // namespace

std::optional<std::string> Fio::absent(const Settings& settings) {
  return bench::absent(settings, "fio");
}

FioResult Fio::synced_writes(const Settings& settings, uint64_t block_bytes, double seconds) {
  Scratch scratch(settings.directory, "fio");
  // fio's times are whole seconds; the file is written once, never over itself.
  const auto runtime = static_cast<int>(std::ceil(seconds));
  const std::string output = (scratch.path() / "result.json").string();
  Process fio(
      {*find_program("fio"), "--name=synced", "--directory=" + scratch.path().string(),
       "--filename=file", "--ioengine=sync", "--rw=write", "--fdatasync=1", "--fallocate=keep",
       "--bs=" + std::to_string(block_bytes),
       settings.tiny ? "--size=" + std::to_string(20 * block_bytes) : "--size=16g",
       "--runtime=" + std::to_string(runtime), "--output-format=json", "--output=" + output},
      scratch.path() / "errors.log");
  fio.wait(runtime + 60.0);
  const std::string json = read_file(output);
  if (json.empty()) throw Failure("fio: " + fio.complaint());
  const size_t sync = json.find("\"sync\" : {");
  if (sync == std::string::npos) throw Failure("fio's output says nothing of syncs");
  return {.bytes_per_s = number_after(json, "bw_bytes", json.find("\"write\" : {")),
          .p50_us = number_after(json, "50.000000", sync) / 1e3,
          .p99_us = number_after(json, "99.000000", sync) / 1e3};
}

}  // namespace strandline::bench
