#include "server/connection/checkup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>

#include "engine/api/figures.h"
#include "engine/api/rfc3339.h"
#include "server/json/json_writer.h"

namespace strandline::server {
namespace {

using Verdict = Check::Verdict;
constexpr uint64_t kMiB = 1 << 20;

class Checkup {
 public:
  explicit Checkup(const Patient& patient) : patient_(patient) {}

  std::vector<Check> all() {
    if (patient_.log) figures_ = patient_.log->figures();
    opening();
    appends();
    permissions();
    file_system();
    space();
    fsync_rate();
    fsyncs_so_far();
    clock();
    open_files();
    memory();
    configuration();
    return std::move(checks_);
  }

 private:
  void fine(std::string name, std::string finding) {
    checks_.push_back({std::move(name), Verdict::fine, std::move(finding), {}});
  }
  void warn(std::string name, std::string finding, std::string advice) {
    checks_.push_back({std::move(name), Verdict::warning, std::move(finding), std::move(advice)});
  }
  void problem(std::string name, std::string finding, std::string advice) {
    checks_.push_back({std::move(name), Verdict::problem, std::move(finding), std::move(advice)});
  }

  void opening();
  void appends();
  void permissions();
  void file_system();
  void space();
  void fsync_rate();
  void fsyncs_so_far();
  void clock();
  void open_files();
  void memory();
  void configuration();

  const Patient& patient_;
  LogFigures figures_;
  std::vector<Check> checks_;
};

std::string advice_for(Code code) {
  switch (code) {
    case Code::not_found:
      return "name the directory with --data, or let `strandline serve` make the log";
    case Code::inaccessible:
      return "run this as the account that the server runs as, or correct the permissions";
    case Code::unsupported_format:
      return "export the log with the build that wrote it, and import it with this one";
    case Code::corrupt:
      return "run `strandline verify`; restore a backup, or open it with --accept-loss, which says "
             "what is lost";
    case Code::locked:
      return "another process owns it: use --server URL";
    default:
      return "the message says why; docs/operating.md says what can be done";
  }
}

void Checkup::opening() {
  if (!patient_.log) {
    const Error& error = *patient_.unopened;
    return problem("log", "it does not open: " + error.message, advice_for(error.code));
  }
  const RecoveryReport& recovery = patient_.log->recovery();
  if (!recovery.loss.empty()) {
    return warn("log", "it was opened with a loss: " + recovery.loss.substr(0, 500),
                "compare with a backup; docs/operating.md says what a loss report means");
  }
  fine("log", fmt::format("it opens: {} streams, {} events, {} segments", figures_.streams,
                          figures_.events, figures_.segments));
}

void Checkup::appends() {
  if (!patient_.log || !patient_.serves) return;
  if (const auto why = patient_.log->sealed()) {
    return problem("appends", "the log is sealed since a write failed: " + *why,
                   "correct the cause, and start the server again");
  }
  if (const auto refused = patient_.log->appends_refused()) {
    return problem("appends", "they are refused: " + refused->message, "see the checks below");
  }
  fine("appends", "they are taken");
}

void Checkup::permissions() {
  struct stat info = {};
  const std::string& path = patient_.directory.string();
  if (::stat(path.c_str(), &info) != 0) {
    return problem("permissions", fmt::format("{}: {}", path, std::strerror(errno)),
                   "name the log's directory, as the account that owns it");
  }
  if (info.st_mode & S_IWOTH) {
    return problem(
        "permissions",
        fmt::format("{} can be written by everybody (mode {:o})", path, info.st_mode & 07777),
        "chmod 700 " + path);
  }
  if (info.st_mode & (S_IRWXG | S_IROTH | S_IXOTH)) {
    return warn("permissions",
                fmt::format("{} is open to other accounts (mode {:o}), and has every event", path,
                            info.st_mode & 07777),
                "chmod 700 " + path + ", unless that is meant");
  }
  if (info.st_uid != ::geteuid() && ::geteuid() != 0) {
    return warn("permissions", fmt::format("{} belongs to another account", path),
                "run the server as the account that owns it");
  }
  fine("permissions", fmt::format("only its account may enter {}", path));
}

void Checkup::file_system() {
  struct statfs info = {};
  if (::statfs(patient_.directory.c_str(), &info) != 0) return;
  switch (static_cast<unsigned long>(info.f_type)) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
      return warn("file system", "it is in memory: nothing outlives a restart of the machine",
                  "put the log on a disk");
    case NFS_SUPER_MAGIC:
    case 0xFF534D42ul:  // CIFS
    case SMB2_SUPER_MAGIC:
    case FUSE_SUPER_MAGIC:
      return warn("file system",
                  "it is a network's or a program's: its locks and fsyncs may be "
                  "weaker than a local disk's",
                  "use a local disk, or make sure that fsync and locks hold there");
    default:
      return fine("file system", "a local one");
  }
}

void Checkup::space() {
  struct statvfs info = {};
  if (::statvfs(patient_.directory.c_str(), &info) != 0) return;
  const uint64_t free = uint64_t{info.f_bavail} * info.f_frsize;
  const uint64_t all = uint64_t{info.f_blocks} * info.f_frsize;
  const uint64_t reserve =
      patient_.log ? patient_.log->options().disk_reserve_bytes : Options().disk_reserve_bytes;
  const std::string finding = fmt::format("{} of {} MiB are free; the reserve is {} MiB",
                                          free / kMiB, all / kMiB, reserve / kMiB);
  if (info.f_flag & ST_RDONLY) {
    return problem("disk", "the file system is mounted read-only", "remount it for writing");
  }
  if (free < reserve) {
    return problem("disk", finding + ": appends are refused",
                   "free space, drop old segments, or lower --disk-reserve");
  }
  if (info.f_files > 0 && info.f_favail < 1'000) {
    return problem("disk", fmt::format("{} inodes are free", info.f_favail), "remove small files");
  }
  if (free < 4 * reserve || free < all / 20) {
    return warn("disk", finding, "free space soon, or drop old segments");
  }
  fine("disk", finding);
}

void Checkup::fsync_rate() {
  constexpr int kRounds = 24;
  const int file = ::open(patient_.directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) {
    return warn("fsync rate", fmt::format("not measured: {}", std::strerror(errno)),
                "run this as the account that may write there");
  }
  const std::array<char, 4096> block = {};
  std::vector<int64_t> took_us;
  for (int i = 0; i < kRounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (::write(file, block.data(), block.size()) < 0 || ::fdatasync(file) != 0) break;
    took_us.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
                          std::chrono::steady_clock::now() - begin)
                          .count());
  }
  const int error = errno;
  ::close(file);
  if (took_us.size() < kRounds) {
    return problem("fsync rate",
                   fmt::format("a write or an fsync failed: {}", std::strerror(error)),
                   "look at the disk");
  }
  std::ranges::sort(took_us);
  const int64_t median = std::max<int64_t>(1, took_us[kRounds / 2]);
  const std::string finding = fmt::format(
      "{} a second, one after the other ({} us each; the "
      "slowest of {} took {} us)",
      1'000'000 / median, median, kRounds, took_us.back());
  constexpr int64_t kNoDiskUs = 15, kSlowUs = 20'000;
  if (median < kNoDiskUs) {
    return warn("fsync rate", finding + ": no disk is that fast, a cache answers",
                "make sure that the cache survives a power cut");
  }
  if (median > kSlowUs) {
    return warn("fsync rate", finding + ": each append waits for one",
                "use a faster disk; append in batches, or from many clients at once");
  }
  fine("fsync rate", finding);
}

void Checkup::fsyncs_so_far() {
  const SyncLatency& sync = figures_.sync;
  if (sync.count == 0) return;
  const std::string finding = fmt::format(
      "{} since the log was opened: {} us on average, 99 of 100 below {} us, the "
      "slowest below {} us",
      sync.count, sync.mean_us, sync.p99_us + 1, sync.max_us + 1);
  if (sync.p99_us > 200'000) {
    return warn("the log's fsyncs", finding, "see what else uses the disk");
  }
  fine("the log's fsyncs", finding);
}

void Checkup::clock() {
  constexpr int64_t k2020Us = 1'577'836'800'000'000, kSecondUs = 1'000'000;
  const int64_t now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  const std::string now = render_time({now_us});
  if (now_us < k2020Us) return problem("clock", "it says " + now, "set the clock");
  if (figures_.last_stored && figures_.last_stored->us > now_us + kSecondUs) {
    return problem("clock",
                   fmt::format("it says {}, and the newest event was stored at {}: new events get "
                               "that time until the clock has passed it",
                               now, render_time(*figures_.last_stored)),
                   "set the clock");
  }
  struct timex state = {};
  if (::adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC)) {
    return warn("clock", "it says " + now + ", and the system does not say that it is synchronised",
                "run a time service (chrony, systemd-timesyncd)");
  }
  fine("clock", "it says " + now + ", and is synchronised");
}

void Checkup::open_files() {
  struct rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const std::string whose = patient_.serves ? "" : " (of this command)";
  const uint64_t needed = patient_.connections_max + figures_.tables + 200;
  const std::string finding =
      fmt::format("{} may be open{}; {} connections and {} tables need {}", limit.rlim_max, whose,
                  patient_.connections_max, figures_.tables, needed);
  if (limit.rlim_max < figures_.tables + 200) {
    return problem("open files", finding,
                   "raise the limit: ulimit -Hn, or LimitNOFILE= of systemd");
  }
  if (limit.rlim_max < needed) {
    return warn("open files", finding,
                "raise the limit (ulimit -Hn, or LimitNOFILE= of systemd), or lower "
                "--connections-max");
  }
  fine("open files", finding);
}

void Checkup::memory() {
  std::ifstream in("/proc/meminfo");
  uint64_t available_kb = 0;
  for (std::string name; in >> name;) {
    uint64_t value = 0;
    std::string unit;
    in >> value >> unit;
    if (name == "MemAvailable:") available_kb = value;
  }
  if (available_kb == 0) return;
  const Options options = patient_.log ? patient_.log->options() : Options();
  const uint64_t caches =
      options.batch_cache_bytes + options.block_cache_bytes + options.stripe_scans_bytes;
  const std::string finding = fmt::format("{} MiB are available; caches take up to {} MiB",
                                          available_kb / 1024, caches / kMiB);
  if (available_kb * 1024 < caches && !patient_.serves) {
    return warn("memory", finding, "lower --batch-cache-size and --block-cache-size");
  }
  fine("memory", finding);
}

void Checkup::configuration() {
  if (!patient_.open_to_others.empty() && patient_.log && !patient_.guarded) {
    warn("access",
         fmt::format("{} is open to other machines, and nobody is asked for a key",
                     patient_.open_to_others),
         "strandline keys create admin --grant admin");
  } else if (patient_.log) {
    fine("access", patient_.guarded ? "every request is asked for a key"
                                    : "no key is asked for: for this machine only");
  }
  if (!patient_.log) return;
  if (patient_.serves && !patient_.log->options().record_administration) {
    warn("record of administration", "acts are not written down in $admin",
         "set record_administration, unless that is meant");
  }
  if (patient_.serves && patient_.log->options().disk_reserve_bytes == 0) {
    warn("disk reserve", "there is none: a full disk seals the log",
         "set --disk-reserve to about two segments");
  }
  const uint64_t backlog = patient_.log->counters().index_backlog;
  if (backlog > 64) {
    warn("index", fmt::format("{} stripes are not indexed yet", backlog),
         "reads by type and subject are slower until they are; it goes on by itself while a "
         "server runs");
  }
}

const char* word_for(Verdict verdict) {
  switch (verdict) {
    case Verdict::fine:
      return "fine";
    case Verdict::warning:
      return "warning";
    case Verdict::problem:
      return "problem";
  }
  return "";
}

}  // namespace

std::vector<Check> check_up(const Patient& patient) { return Checkup(patient).all(); }

std::string render_checks(const std::vector<Check>& checks) {
  std::string out = "{\"checks\":[";
  size_t problems = 0, warnings = 0;
  for (const Check& check : checks) {
    problems += check.verdict == Verdict::problem;
    warnings += check.verdict == Verdict::warning;
    out += &check == checks.data() ? "{\"check\":" : ",{\"check\":";
    render_string(out, check.name);
    out += fmt::format(",\"verdict\":\"{}\",\"finding\":", word_for(check.verdict));
    render_string(out, check.finding);
    out += ",\"advice\":";
    render_string(out, check.advice);
    out += '}';
  }
  return out + fmt::format("],\"problems\":{},\"warnings\":{}}}\n", problems, warnings);
}

}  // namespace strandline::server
