// `strandline backup`: create, ls, verify, rm, restore.
//
// With --backups DIR the directory is this machine's; without it, it is the server's own.
#include <fmt/format.h>
#include <rapidjson/document.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "engine/api/clock.h"
#include "engine/restore.h"
#include "server/wire/backup_json.h"
#include "server/wire/cloudevents.h"
#include "tools/base/account.h"
#include "tools/base/consent.h"
#include "tools/base/flags.h"
#include "tools/base/interrupt.h"
#include "tools/base/place.h"
#include "tools/base/program.h"
#include "tools/base/progress.h"
#include "tools/base/table.h"
#include "tools/client/exchange.h"
#include "tools/connection/log_handle.h"
#include "tools/resuming/later_acts.h"

namespace strandline::tools {
namespace {

struct BackupFlags {
  std::string directory;
  uint64_t rate = kBackupBytesPerSecond;
  uint64_t id = 0;
  std::string to;
  std::string admin;
  bool forget_later_acts = false;
  Consent consent;  // of rm
  bool dry_run = false;
  bool json = false;
};

std::function<bool(const BackupProgress&)> shown(std::shared_ptr<Progress> bar) {
  return [bar](const BackupProgress& progress) {
    bar->bytes(progress.bytes, progress.bytes_all);
    return !Interrupt::raised();
  };
}

std::string told(const BackupInfo& info) {
  return fmt::format("backup {}, made {}, of the events below {}", info.id, render_time(info.made),
                     info.next.value);
}

rapidjson::Document parsed_backup(const std::string& json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) document.SetObject();
  return document;
}

int print_json(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  std::cout << text << '\n';
  return kDone;
}

// An interrupt is no server that cannot be reached.
int ended(const Error& error) {
  return Interrupt::raised() ? failed(error.message) : failed(error);
}

// --- create

int create_backup(const Settings& settings, const BackupFlags& flags) {
  const auto target = settings.target();
  if (!target) return misused(target.error().message);
  if (target->data.empty() != flags.directory.empty()) {
    return misused(flags.directory.empty()
                       ? "--backups DIR says where a directory's backups go"
                       : "a server's backups go where its operator said: --backups is for --data");
  }
  Interrupt::watch();
  auto log = connect(settings, Purpose::write);
  if (!log) return not_connected(log.error());
  auto made = (*log)->backup({.directory = flags.directory,
                              .bytes_per_second_max = flags.rate,
                              .progress = shown(std::make_shared<Progress>("backup", 0))});
  if (!made) return ended(made.error());
  if (flags.json) return print_json(*made);
  const rapidjson::Document backup = parsed_backup(*made);
  std::cout << fmt::format("backup {}: {} bytes, {} of them new\n", number_of(backup, "backup"),
                           number_of(backup, "bytes"), number_of(backup, "written"));
  return kDone;
}

// --- ls

int print_backups(const rapidjson::Value& all, const BackupFlags& flags) {
  std::vector<Row> rows = {{"BACKUP", "MADE", "NEXT", "BYTES", "NEW"}};
  bool damaged = false;
  for (const rapidjson::Value& one : array_of(all, "backups")) {
    if (one.HasMember("damaged")) {
      std::cerr << fmt::format("strandline: {}\n", text_of(one, "damaged"));
      damaged = true;
      continue;
    }
    rows.push_back({std::to_string(number_of(one, "backup")), std::string(text_of(one, "made")),
                    std::to_string(number_of(one, "next")), std::to_string(number_of(one, "bytes")),
                    std::to_string(number_of(one, "written"))});
  }
  if (!flags.json) std::cout << render_table(rows);
  return damaged ? kFailed : kDone;
}

int list_backups(const Settings& settings, const BackupFlags& flags) {
  std::string text;
  if (flags.directory.empty()) {
    auto log = connect(settings, Purpose::read);
    if (!log) return not_connected(log.error());
    auto all = (*log)->backups();
    if (!all) return failed(all.error());
    text = *all;
  } else {
    auto backups = Backups::open(Options(), flags.directory, Backups::Use::look);
    if (!backups) return failed(backups.error());
    const auto all = backups->list();
    if (!all) return failed(all.error());
    text = "{\"backups\":[";
    for (const Backups::Listed& one : *all) {
      if (&one != all->data()) text += ',';
      server::render_backup(text, one);
    }
    text += "]}";
  }
  if (flags.json) print_json(text);
  return print_backups(parsed_backup(text), flags);
}

// --- verify

int report(uint64_t id, const std::vector<BackupFault>& faults, const BackupFlags& flags) {
  if (flags.json) {
    std::string out = fmt::format("{{\"backup\":{},\"faults\":", id);
    server::render_faults(out, faults);
    std::cout << out << "}\n";
  } else {
    for (const BackupFault& fault : faults) std::cout << fault.file << ": " << fault.what << '\n';
    std::cout << (faults.empty()
                      ? fmt::format("backup {}: sound\n", id)
                      : fmt::format("backup {} is damaged: {} files\n", id, faults.size()));
  }
  return faults.empty() ? kDone : kFailed;
}

int verify_backup(const Settings& settings, const BackupFlags& flags) {
  Interrupt::watch();
  auto bar = std::make_shared<Progress>("verify", 0);
  if (flags.directory.empty()) {
    auto log = connect(settings, Purpose::read);
    if (!log) return not_connected(log.error());
    auto job = (*log)->verify_backup(flags.id, {.directory = {}, .progress = shown(bar)});
    if (!job) return failed(job.error());
    std::vector<BackupFault> faults;
    const rapidjson::Document document = parsed_backup(*job);
    for (const rapidjson::Value& one : array_of(document, "faults")) {
      faults.push_back({std::string(text_of(one, "file")), std::string(text_of(one, "what"))});
    }
    return report(flags.id, faults, flags);
  }
  auto backups = Backups::open(Options(), flags.directory, Backups::Use::look);
  if (!backups) return failed(backups.error());
  auto record = backups->read(flags.id);
  if (!record) return failed(record.error());
  BackupProgress progress{.bytes_all = record->info.bytes};
  FileCopy reader(Options(), 0, [&](uint64_t bytes) -> Status {
    progress.bytes += bytes;
    if (shown(bar)(progress)) return {};
    return fail(Code::closed, "interrupted");
  });
  auto faults = backups->verify(*record, reader);
  return faults ? report(flags.id, *faults, flags) : ended(faults.error());
}

// --- rm

int remove_backup(const Settings& settings, const BackupFlags& flags) {
  const std::string what =
      fmt::format("removes backup {}, and what no other backup needs of it", flags.id);
  if (const auto end = flags.consent.ask(what, flags.json)) return *end;
  if (flags.directory.empty()) {
    auto log = connect(settings, Purpose::write);
    if (!log) return not_connected(log.error());
    auto removed = (*log)->remove_backup(flags.id);
    if (!removed) return failed(removed.error());
    if (flags.json) return print_json(*removed);
    const rapidjson::Document answer = parsed_backup(*removed);
    std::cout << fmt::format("{} bytes are free again\n", number_of(answer, "freed_bytes"));
    return kDone;
  }
  auto backups = Backups::open(Options(), flags.directory, Backups::Use::change);
  if (!backups) return failed(backups.error());
  FileCopy files{Options(), 0, {}};
  auto freed = backups->remove(flags.id, files);
  if (!freed) return failed(freed.error());
  std::cout << (flags.json ? fmt::format("{{\"freed_bytes\":{}}}\n", *freed)
                           : fmt::format("{} bytes are free again\n", *freed));
  return kDone;
}

// --- restore

Result<WhichBackup> which_of(const BackupFlags& flags) {
  WhichBackup which;
  if (flags.id > 0) which.id = flags.id;
  if (flags.to.empty()) return which;
  if (flags.id > 0) return fail(Code::invalid, "name a backup, or a point with --to, and not both");
  if (std::ranges::all_of(flags.to, [](char c) { return c >= '0' && c <= '9'; })) {
    const auto next = server::read_number(flags.to);
    if (!next) return fail(Code::invalid, "--to: " + next.error());
    which.next_max = Sequence(*next);
    return which;
  }
  const auto time = server::read_moment(flags.to, SystemClock().now());
  if (!time) return fail(Code::invalid, "--to takes a sequence, or a time: " + time.error());
  which.made_max = *time;
  return which;
}

// How many acts are in the backup: what was written down since it was opened is newer than it.
uint64_t acts_in(Restoring& restoring) {
  const Log& log = restoring.log();
  const auto admin = log.describe(kAdminStream);
  if (!admin) return 0;
  uint64_t next = admin->tail.value;
  constexpr uint64_t kNewest = 1'000;
  auto cursor = log.read({.select = Selection::stream(std::string(kAdminStream)),
                          .from = From::position(next - std::min(next, kNewest))});
  while (cursor) {
    auto delivery = (*cursor)->next();
    if (!delivery || !*delivery) break;
    const auto* events = std::get_if<Events>(&**delivery);
    if (!events) continue;
    for (const Event& event : *events) {
      if (event.sequence < restoring.backup().next) continue;
      next = std::min(next, event.offset.value);
    }
  }
  return next;
}

int restore_backup(const Settings& settings, const BackupFlags& flags) {
  const auto target = settings.target();
  if (!target) return misused(target.error().message);
  if (target->data.empty()) return misused("--data DIR says where to: a directory without a log");
  if (flags.directory.empty()) return misused("--backups DIR says where the backups are");
  const auto which = which_of(flags);
  if (!which) return misused(which.error().message);
  if (flags.dry_run) {
    auto backups = Backups::open(Options(), flags.directory, Backups::Use::look);
    if (!backups) return failed(backups.error());
    auto record = choose(*backups, *which);
    if (!record) return failed(record.error());
    std::cout << fmt::format("would restore {}, {} bytes, into {}\n", told(record->info),
                             record->info.bytes, target->data);
    return kDone;
  }
  if (flags.admin.empty() && !flags.forget_later_acts) {
    return misused(
        "what was erased or revoked since the backup comes back by restoring it: --admin FILE "
        "takes it away again (an export of $admin), or --forget-later-acts says that it may");
  }
  Interrupt::watch();
  RestoreRequest request{.backups = flags.directory,
                         .which = *which,
                         .directory = target->data,
                         .options = {},
                         .bytes_per_second_max = flags.rate,
                         .progress = shown(std::make_shared<Progress>("restore", 0))};
  request.options.record_administration = true;
  request.options.actor = account_here();
  auto restoring = Restoring::begin(std::move(request));
  if (!restoring) return ended(restoring.error());
  uint64_t applied = 0;
  if (!flags.admin.empty()) {
    const auto acts = read_later_acts(flags.admin, acts_in(**restoring));
    if (!acts) return failed(acts.error());
    if (!acts->rest.empty() && !flags.forget_later_acts) {
      return failed(fmt::format(
          "{}: {} later acts cannot be repeated from their receipts, the first is in {}; with "
          "--forget-later-acts they are forgotten, and then are to be done again by hand",
          flags.admin, acts->rest.size(), acts->rest.front()));
    }
    const auto done = apply(*acts, (*restoring)->log());
    if (!done) return failed(done.error());
    applied = *done;
    for (const std::string& key : acts->rotated) {
      std::cerr << fmt::format(
          "strandline: key \"{}\" was rotated since: its secret of before is good again\n", key);
    }
  }
  const std::string incarnation = (*restoring)->log().incarnations().now().id;
  if (auto done = (*restoring)->finish(); !done) return failed(done.error());
  const BackupInfo& info = (*restoring)->backup();
  if (flags.json) {
    std::string out;
    server::render_backup(out, info);
    std::cout << fmt::format("{{\"restored\":{},\"incarnation\":\"{}\",\"applied\":{}}}\n", out,
                             incarnation, applied);
    return kDone;
  }
  std::cout << fmt::format("restored {}\nthe log is incarnation {} now; {} later acts applied\n",
                           told(info), incarnation, applied);
  return kDone;
}

}  // namespace

void add_backup(Program& program) {
  auto flags = std::make_shared<BackupFlags>();
  const auto on_run = [&](CLI::App& command, int (*act)(const Settings&, const BackupFlags&)) {
    program.add_target_flags(command);
    command
        .add_option("--backups", flags->directory,
                    "the directory of the backups; a server's is its own setting")
        ->type_name("DIR");
    command.add_flag("--json", flags->json, "as the API has it");
    program.on_run(command, [flags, &program, act] { return act(program.settings(), *flags); });
  };
  const auto paced = [&](CLI::App& command) {
    add_size_flag(command, "--rate", [flags](uint64_t bytes) { flags->rate = bytes; },
                  "a second that is read and written at most; 0: no limit [100 MiB]", {});
  };
  const auto numbered = [&](CLI::App& command) -> CLI::App& {
    add_number(command, "backup", flags->id, "its number", {1})->required();
    return command;
  };
  CLI::App& all = program.add("backup", "List backups; create, verify, remove or restore one",
                              "  strandline backup create --data ./data --backups /mnt/backups\n"
                              "  strandline backup restore --backups /mnt/backups --data ./new "
                              "--forget-later-acts");
  on_run(all, list_backups);
  CLI::App& creating =
      program.add(all, "create", "Save the log; what an earlier backup has is not written again",
                  "  strandline backup create --server http://127.0.0.1:7070");
  paced(creating);
  on_run(creating, create_backup);
  on_run(*program.add(all, "ls", "List them", "  strandline backup ls --backups /mnt/backups")
              .alias("list"),
         list_backups);
  on_run(numbered(program.add(all, "verify", "Read a backup whole, and check every checksum",
                              "  strandline backup verify 7 --backups /mnt/backups")),
         verify_backup);
  CLI::App& removing =
      numbered(program.add(all, "rm", "Remove a backup, and the tables that no other needs",
                           "  strandline backup rm 7 --backups /mnt/backups --yes"));
  removing.alias("remove");
  flags->consent.add_to(removing);
  on_run(removing, remove_backup);
  CLI::App& restoring = program.add(
      all, "restore", "Make a log again from a backup, in a directory that holds none",
      "  strandline backup restore --to 2026-01-02T03:04 --backups /mnt/backups --data ./new "
      "--admin admin.ndjson");
  add_number(restoring, "backup", flags->id, "its number [the newest]", {1});
  restoring.add_option("--to", flags->to,
                       "a time, or a sequence: the newest backup that is not after it");
  restoring
      .add_option("--admin", flags->admin,
                  "an export of $admin with --full: keys that were revoked since are revoked again")
      ->type_name("FILE");
  restoring.add_flag("--forget-later-acts", flags->forget_later_acts,
                     "there is no such export: what was erased or revoked since comes back");
  restoring.add_flag("--dry-run", flags->dry_run, "say which backup it would be");
  paced(restoring);
  on_run(restoring, restore_backup);
}

}  // namespace strandline::tools
